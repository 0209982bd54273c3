#include "store/sequence.h"

#include <string.h>

#include "proto/code.h"
#include "store/key.h"
#include "store/record.h"

struct range {
    uint64_t from;
    uint64_t to;                /* inclusive */
};

struct sequence {
    uint64_t lost;              /* missing within the lowest range */
    size_t count;
    struct range ranges[SEQUENCE_RANGES_MAX + 1];
};

/* ----------------------------------------------------------------- records */

static int
read_sequence(struct tl_str bytes, struct sequence *s)
{
    struct record r = record_open(bytes);
    uint64_t at = 0;

    s->lost = record_varint(&r);
    s->count = record_count(&r, SEQUENCE_RANGES_MAX);
    for (size_t i = 0; i < s->count; i++) {
        s->ranges[i].from = at += record_varint(&r);
        s->ranges[i].to = at += record_varint(&r);
    }
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
put_sequence(struct views *v, const struct key *k, const struct sequence *s)
{
    struct buf out = {0};
    uint64_t at = 0;

    buf_varint(&out, s->lost);
    buf_varint(&out, s->count);
    for (size_t i = 0; i < s->count; i++) {
        buf_varint(&out, s->ranges[i].from - at);
        buf_varint(&out, s->ranges[i].to - s->ranges[i].from);
        at = s->ranges[i].to;
    }
    views_put(v, k->bytes, k->len, out.ptr, out.len);
    buf_free(&out);
}

/* ------------------------------------------------------------------ ranges */

static uint64_t
missing(const struct sequence *s)
{
    uint64_t count = s->lost;

    for (size_t i = 1; i < s->count; i++)
        count += s->ranges[i].from - s->ranges[i - 1].to - 1;
    return count;
}

static void
drop(struct sequence *s, size_t at)
{
    s->count--;
    memmove(&s->ranges[at], &s->ranges[at + 1], (s->count - at) * sizeof(s->ranges[0]));
}

static void
insert(struct sequence *s, size_t at, uint64_t n)
{
    memmove(&s->ranges[at + 1], &s->ranges[at], (s->count - at) * sizeof(s->ranges[0]));
    s->ranges[at] = (struct range){n, n};
    s->count++;
}

static void
join_lowest(struct sequence *s)
{
    s->lost += s->ranges[1].from - s->ranges[0].to - 1;
    s->ranges[1].from = s->ranges[0].from;
    drop(s, 0);
}

/* `at`: the first range that ends at or after n. */
static void
add(struct sequence *s, size_t at, uint64_t n)
{
    bool joins_before = at > 0 && s->ranges[at - 1].to + 1 == n;
    bool joins_behind = at < s->count && s->ranges[at].from == n + 1;

    if (joins_before && joins_behind) {
        s->ranges[at - 1].to = s->ranges[at].to;
        drop(s, at);
    } else if (joins_before) {
        s->ranges[at - 1].to = n;
    } else if (joins_behind) {
        s->ranges[at].from = n;
    } else {
        insert(s, at, n);
        if (s->count > SEQUENCE_RANGES_MAX)
            join_lowest(s);
    }
}

/* false: nothing is new. */
static bool
see(struct sequence *s, uint64_t n)
{
    size_t at = s->count;

    while (at > 0 && s->ranges[at - 1].to >= n)
        at--;
    if (at == s->count || s->ranges[at].from > n) {
        add(s, at, n);
        return true;
    }
    /* Which of the lowest range are missing is not known any more: this is one. */
    if (at > 0 || s->lost == 0)
        return false;
    s->lost--;
    return true;
}

/* ----------------------------------------------------------------- folding */

static void
count_gaps(struct counters *counters, struct tl_str source, uint64_t before, uint64_t after,
           uint64_t number)
{
    uint64_t since;

    if (before == after)
        return;
    sequence_gaps(counters, source, &since);
    counter_add(counters, COUNTER_GAPS, source, (int64_t)(after - before));
    counter_add(counters, COUNTER_GAPS_SINCE, source, (int64_t)(number - since));
}

int
sequence_fold(struct views *v, struct counters *counters, const struct tl_event *ev,
              uint64_t number)
{
    struct sequence s = {0};
    struct tl_str bytes;
    uint64_t before;
    struct key k;

    if (ev->sequence == 0)
        return 0;
    key_global(&k, KEY_SEQUENCE);
    key_add(&k, ev->source);
    if (views_get(v, k.bytes, k.len, &bytes) && read_sequence(bytes, &s) != 0)
        return TL_EDAMAGED;
    before = missing(&s);
    if (!see(&s, ev->sequence))
        return 0;
    put_sequence(v, &k, &s);
    count_gaps(counters, ev->source, before, missing(&s), number);
    return 0;
}

uint64_t
sequence_gaps(const struct counters *c, struct tl_str source, uint64_t *since)
{
    *since = 0;
    if (counters_count(c, COUNTER_GAPS) == 0)
        return 0;
    *since = counter_of(c, COUNTER_GAPS_SINCE, source);
    return counter_of(c, COUNTER_GAPS, source);
}
