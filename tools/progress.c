#include "tools/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/print.h"

#define BAR 20
#define DRAW_NS (200 * CLOCK_MS)

void
progress_begin(struct progress *p, const char *unit)
{
    *p = (struct progress){
        .shown = isatty(STDERR_FILENO) != 0,
        .began = clock_monotonic(),
        .unit = unit,
    };
}

static int
bar(char *out, size_t len, uint64_t done, uint64_t total)
{
    unsigned percent = (unsigned)(done >= total ? 100 : (double)done * 100 / (double)total);
    char filled[BAR + 1];

    memset(filled, ' ', BAR);
    memset(filled, '#', percent * BAR / 100);
    filled[BAR] = '\0';
    return snprintf(out, len, "[%s] %3u%%  ", filled, percent);
}

char *
progress_text(char out[PROGRESS_BYTES], int64_t elapsed_ns, uint64_t done, uint64_t total,
              uint64_t count, const char *unit)
{
    double seconds = (double)elapsed_ns / CLOCK_SECOND;
    char count_text[32], rate_text[32];
    int len = 0;

    out[0] = '\0';
    if (total > 0)
        len = bar(out, PROGRESS_BYTES, done, total);
    len += snprintf(out + len, PROGRESS_BYTES - (size_t)len, "%s %s  %s/s",
                    print_count(count_text, count), unit,
                    print_count(rate_text, seconds > 0 ? (uint64_t)((double)count / seconds) : 0));
    if (total > 0 && done > 0 && done < total && len < PROGRESS_BYTES) {
        double left = seconds * (double)(total - done) / (double)done;

        snprintf(out + len, PROGRESS_BYTES - (size_t)len, "  %u:%02u left", (unsigned)left / 60,
                 (unsigned)left % 60);
    }
    return out;
}

void
progress_at(struct progress *p, uint64_t done, uint64_t total, uint64_t count)
{
    int64_t now;
    char text[PROGRESS_BYTES];

    if (!p->shown || (now = clock_monotonic()) - p->drawn < DRAW_NS)
        return;
    p->drawn = now;
    fprintf(stderr, "\r%s\033[K", progress_text(text, now - p->began, done, total, count, p->unit));
}

void
progress_end(struct progress *p)
{
    if (p->shown && p->drawn != 0)
        fprintf(stderr, "\r\033[K");
    p->drawn = 0;
}
