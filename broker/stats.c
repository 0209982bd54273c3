#include "broker/stats.h"

#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "broker/broker.h"

#define CODES (sizeof ((struct stats *)0)->refused_by_code / sizeof(uint64_t))

void
stats_refused(struct stats *s, int code)
{
    must(code > 0 && code < (int)CODES);
    s->refused++;
    s->refused_by_code[code]++;
}

static int
list_codes(const struct stats *s, struct tl_stat *out, struct arena *arena)
{
    if ((out->refused_by_code = arena_alloc(arena, CODES * sizeof(struct tl_count))) == NULL)
        return TL_TOO_MANY;
    for (size_t code = 0; code < CODES; code++)
        if (s->refused_by_code[code] > 0) {
            const char *name = tl_code_name((int)code);

            out->refused_by_code[out->refused_by_code_count++] =
                (struct tl_count){{name, strlen(name)}, s->refused_by_code[code]};
        }
    return 0;
}

int
stats_fill(struct broker *b, struct tl_stat *out, struct arena *arena)
{
    const struct stats *s = &b->stats;
    int err;

    if ((err = store_stat(b->store, out, arena)) != 0)
        return err;
    out->duplicates = s->duplicates;
    out->refused = s->refused;
    out->dead_letters = b->deadletters.count;
    out->sessions = b->sessions.by_peer.count;
    out->streams = b->streams.count;
    out->uptime_s = (uint64_t)((clock_monotonic() - s->started) / CLOCK_SECOND);
    out->version = TL_STR(TL_VERSION);
    out->state = b->batch.no_space ? TL_STR("no_space") : TL_STR("ready");
    if ((err = ignored_list(&b->ignored, out, arena)) != 0)
        return err;
    return list_codes(s, out, arena);
}
