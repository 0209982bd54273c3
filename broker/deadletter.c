#include "broker/deadletter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"

#define NAME "deadletters.jsonl"

static int
count_lines(struct deadletters *d)
{
    char block[65536], last = '\n';
    ssize_t got;

    while ((got = read(d->fd, block, sizeof block)) > 0) {
        const char *end = block + got;

        for (const char *p = block; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
            d->count++;
        d->bytes += (uint64_t)got;
        last = end[-1];
    }
    if (got < 0)
        return errno;
    /* A crash may have cut the last line short. */
    if (last != '\n') {
        if (write(d->fd, "\n", 1) != 1)
            return errno;
        d->count++;
        d->bytes++;
    }
    return 0;
}

int
deadletter_open(struct deadletters *d, const char *dir)
{
    struct buf path = {0};
    int err;

    *d = (struct deadletters){.fd = -1};
    buf_printf(&path, "%s/%s", dir, NAME);
    must(!path.failed);
    d->fd = open((const char *)path.ptr, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    err = d->fd >= 0 ? 0 : errno;
    buf_free(&path);
    return err != 0 ? err : count_lines(d);
}

void
deadletter_close(struct deadletters *d)
{
    if (d->fd < 0)
        return;
    if (fdatasync(d->fd) != 0)
        log_warn("deadletter", "%s may be incomplete: %s", NAME, strerror(errno));
    close(d->fd);
    d->fd = -1;
}

static void
put_text(struct buf *line, struct tl_str s)
{
    buf_byte(line, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c < 0x20)
            buf_printf(line, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else
            buf_byte(line, c);
    }
    buf_byte(line, '"');
}

static void
put_base64(struct buf *line, struct tl_str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)s.ptr;

    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0)
                     | (left > 2 ? (uint32_t)p[i + 2] : 0);

        buf_byte(line, (unsigned char)digits[v >> 18]);
        buf_byte(line, (unsigned char)digits[v >> 12 & 63]);
        buf_byte(line, left > 1 ? (unsigned char)digits[v >> 6 & 63] : '=');
        buf_byte(line, left > 2 ? (unsigned char)digits[v & 63] : '=');
    }
}

static void
put_letter(struct buf *line, const struct store_event *event, const char *reason)
{
    char received[CLOCK_TEXT_BYTES];

    buf_printf(line, "{\"received_time\":\"%s\",\"reason\":\"%s\",\"source\":",
               clock_format(received, event->received), reason);
    put_text(line, event->event->source);
    buf_text(line, ",\"id\":");
    put_text(line, event->event->id);
    buf_text(line, ",\"event\":\"");
    put_base64(line, event->bytes);
    buf_text(line, "\"}\n");
    must(!line->failed);
}

/* Said once, until one can be written again. */
static void
note(struct deadletters *d, const char *problem)
{
    if (problem != NULL && !d->failing)
        log_warn("deadletter", "%s cannot be written, refused events are only counted: %s", NAME,
                 problem);
    d->failing = problem != NULL;
}

void
deadletter_add(struct deadletters *d, const struct store_event *event, const char *reason)
{
    struct buf line = {0};
    ssize_t written;

    d->count++;
    if (d->bytes > DEADLETTERS_BYTES_MAX) {
        note(d, "it is full");
        return;
    }
    put_letter(&line, event, reason);
    written = write(d->fd, line.ptr, line.len);
    if (written > 0)
        d->bytes += (uint64_t)written;
    note(d, written == (ssize_t)line.len ? NULL : written < 0 ? strerror(errno) : "no space");
    buf_free(&line);
}
