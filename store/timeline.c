#include "store/timeline.h"

#include <string.h>

#include "proto/code.h"
#include "store/key.h"
#include "store/record.h"

/* ----------------------------------------------------------------- chunks */

static int
compare(const struct card_event *a, const struct card_event *b)
{
    uint64_t x = a->number & CARD_NUMBER, y = b->number & CARD_NUMBER;

    if (a->time != b->time)
        return a->time > b->time ? 1 : -1;
    return (x > y) - (x < y);
}

static void
chunk_key(struct key *k, uint64_t profile, const struct card_event *first)
{
    key_profile(k, profile, KEY_TIMELINE);
    key_add_time(k, first->time);
    key_add_number(k, first->number & CARD_NUMBER);
}

static int
chunk_read(struct card_event *events, size_t *count, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    *count = record_count(&r, TIMELINE_CHUNK_MAX);
    for (size_t i = 0; i < *count; i++) {
        events[i].time = record_time(&r);
        events[i].number = record_varint(&r);
    }
    return r.bad || *count == 0 ? TL_EDAMAGED : 0;
}

static void
chunk_put(struct views *v, uint64_t profile, const struct card_event *events, size_t count)
{
    struct buf bytes = {0};
    struct key k;

    buf_varint(&bytes, count);
    for (size_t i = 0; i < count; i++) {
        record_put_time(&bytes, events[i].time);
        buf_varint(&bytes, events[i].number);
    }
    chunk_key(&k, profile, &events[0]);
    views_put(v, k.bytes, k.len, bytes.ptr, bytes.len);
    buf_free(&bytes);
}

/* --------------------------------------------------------------- spilling */

/* The chunk `event` belongs to: the last that begins at or before it, else the
 * first there is.  Its events go to `events`, the key of the one after it (or
 * nothing) to `next`. */
static int
find_chunk(struct views *v, uint64_t profile, const struct card_event *event,
           struct card_event *events, size_t *count)
{
    struct views_walk w;
    struct key prefix, at;
    int err = 0;

    key_profile(&prefix, profile, KEY_TIMELINE);
    chunk_key(&at, profile, event);
    *count = 0;
    if (views_first(&w, v, prefix.bytes, prefix.len, at.bytes, at.len, true)) {
        err = chunk_read(events, count, w.value);
    } else {
        views_end(&w);
        if (views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false))
            err = chunk_read(events, count, w.value);
    }
    views_end(&w);
    return err;
}

/* Merges `more` events (in order) that belong to one chunk into it, cutting
 * what grows too long. */
static void
merge_chunk(struct views *v, uint64_t profile, const struct card_event *old, size_t old_count,
            const struct card_event *more, size_t more_count)
{
    struct card_event all[TIMELINE_CHUNK_MAX + CARD_TAIL_MAX];
    size_t count = 0, i = 0, j = 0;

    while (i < old_count || j < more_count)
        if (j == more_count || (i < old_count && compare(&old[i], &more[j]) <= 0))
            all[count++] = old[i++];
        else
            all[count++] = more[j++];

    if (old_count > 0 && compare(&all[0], &old[0]) != 0) {
        struct key k;

        chunk_key(&k, profile, &old[0]);
        views_delete(v, k.bytes, k.len);
    }
    for (size_t at = 0; at < count; at += TIMELINE_CHUNK_MAX) {
        size_t left = count - at;

        chunk_put(v, profile, all + at, left < TIMELINE_CHUNK_MAX ? left : TIMELINE_CHUNK_MAX);
    }
}

/* How many of `events` lie before the chunk that follows `first`'s own. */
static size_t
count_before_next(struct views *v, uint64_t profile, const struct card_event *own,
                  const struct card_event *events, size_t count)
{
    struct card_event next[TIMELINE_CHUNK_MAX];
    struct views_walk w;
    struct key prefix, at;
    size_t next_count = 0, n = count;

    key_profile(&prefix, profile, KEY_TIMELINE);
    chunk_key(&at, profile, own);
    key_add_byte(&at, 0);       /* the first key after it */
    if (views_first(&w, v, prefix.bytes, prefix.len, at.bytes, at.len, false) &&
        chunk_read(next, &next_count, w.value) == 0) {
        n = 1;
        while (n < count && compare(&events[n], &next[0]) < 0)
            n++;
    }
    views_end(&w);
    return n;
}

int
timeline_spill(struct views *v, uint64_t profile, struct card *c)
{
    struct card_event chunk[TIMELINE_CHUNK_MAX];
    size_t chunk_count, at = 0;

    while (at < c->tail_count) {
        size_t n = c->tail_count - at;
        int err = find_chunk(v, profile, &c->tail[at], chunk, &chunk_count);

        if (err != 0)
            return err;
        if (chunk_count > 0)
            n = count_before_next(v, profile, &chunk[0], c->tail + at, n);
        merge_chunk(v, profile, chunk, chunk_count, c->tail + at, n);
        at += n;
    }
    c->tail_count = 0;
    c->has |= CARD_CHUNKS;
    return 0;
}

/* ---------------------------------------------------------------- reading */

static void
load_chunk(struct timeline *t)
{
    t->error = chunk_read(t->chunk, &t->chunk_left, t->chunks.value);
    if (t->error != 0)
        t->chunk_left = 0;
}

void
timeline_open(struct timeline *t, struct views *v, uint64_t profile, const struct card *c,
              const struct card_event *before)
{
    struct key prefix, at;

    *t = (struct timeline){.card = c, .tail_left = c->tail_count, .before = *before};
    if (!(c->has & CARD_CHUNKS))
        return;
    key_profile(&prefix, profile, KEY_TIMELINE);
    chunk_key(&at, profile, before);
    memcpy(t->prefix, prefix.bytes, prefix.len);
    memcpy(t->from, at.bytes, at.len);
    t->walking = true;
    t->more_chunks = views_first(&t->chunks, v, t->prefix, prefix.len, t->from, at.len, true);
    if (t->more_chunks)
        load_chunk(t);
}

static const struct card_event *
newest_in_chunks(struct timeline *t)
{
    while (t->chunk_left == 0 && t->more_chunks && t->error == 0) {
        t->more_chunks = views_next(&t->chunks);
        if (t->more_chunks)
            load_chunk(t);
    }
    return t->chunk_left > 0 ? &t->chunk[t->chunk_left - 1] : NULL;
}

bool
timeline_next(struct timeline *t, struct card_event *event)
{
    for (;;) {
        const struct card_event *chunk = newest_in_chunks(t);
        const struct card_event *tail = t->tail_left > 0 ? &t->card->tail[t->tail_left - 1] : NULL;

        if (t->error != 0 || (chunk == NULL && tail == NULL))
            return false;
        if (chunk == NULL || (tail != NULL && compare(tail, chunk) > 0)) {
            *event = *tail;
            t->tail_left--;
        } else {
            *event = *chunk;
            t->chunk_left--;
        }
        if (compare(event, &t->before) < 0)
            return true;
    }
}

void
timeline_close(struct timeline *t)
{
    if (t->walking)
        views_end(&t->chunks);
    t->walking = false;
}

/* ---------------------------------------------------------------- all of it */

static void
add_numbers(struct buf *numbers, const struct card_event *events, size_t count,
            const struct timeline_range *range)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = events[i].number & CARD_NUMBER;

        if (number > range->after && number <= range->to &&
            (range->others || !(events[i].number & CARD_OTHERS)))
            buf_append(numbers, &number, sizeof(number));
    }
}

static int
add_tail(struct views *v, uint64_t profile, const struct timeline_range *range,
         struct buf *numbers)
{
    struct tl_str bytes;
    struct card c;
    struct key k;

    key_profile(&k, profile, KEY_CARD);
    if (!views_get(v, k.bytes, k.len, &bytes))
        return 0;
    if (card_read(&c, bytes) != 0)
        return TL_EDAMAGED;
    add_numbers(numbers, c.tail, c.tail_count, range);
    return 0;
}

/* What is spilled later lies in the tail now; a chunk is cut only behind where it
 * begins, and only the first one ever begins earlier than it did. */
int
timeline_numbers(struct views *v, uint64_t profile, const struct timeline_range *range,
                 size_t chunks_max, struct key *from, struct buf *numbers, bool *more)
{
    struct card_event events[TIMELINE_CHUNK_MAX];
    struct views_walk w;
    struct key prefix;
    size_t count;
    int err = 0;

    key_profile(&prefix, profile, KEY_TIMELINE);
    if (from->len == 0) {
        if ((err = add_tail(v, profile, range, numbers)) != 0)
            return err;
        *from = prefix;
    }
    *more = views_first(&w, v, prefix.bytes, prefix.len, from->bytes, from->len, false);
    for (size_t i = 0; i < chunks_max && *more && err == 0; i++, *more = views_next(&w)) {
        if ((err = chunk_read(events, &count, w.value)) != 0)
            break;
        add_numbers(numbers, events, count, range);
        from->len = 0;
        key_add(from, w.key);
        key_add_byte(from, 0);      /* the first key after it */
    }
    views_end(&w);
    return err;
}
