#include "store/link.h"

#include "proto/code.h"
#include "store/key.h"
#include "store/record.h"

enum { TOGETHER = 1, SAID = 2, JOINED = 4 };

int
link_get(struct views *v, uint64_t profile, struct links *l)
{
    struct tl_str bytes;
    struct record r;
    struct key k;

    l->count = 0;
    key_profile(&k, profile, KEY_LINKS);
    if (!views_get(v, k.bytes, k.len, &bytes))
        return 0;
    r = record_open(bytes);
    l->count = record_count(&r, LINKS_MAX);
    for (size_t i = 0; i < l->count; i++) {
        struct link *of = &l->of[i];
        unsigned known;

        of->other = record_varint(&r);
        known = record_byte(&r);
        of->together = known & TOGETHER;
        of->said = known & SAID;
        of->joined = known & JOINED;
        of->time = of->said ? record_time(&r) : 0;
        of->number = of->said ? record_varint(&r) : 0;
    }
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
put(struct views *v, uint64_t profile, const struct links *l)
{
    struct buf out = {0};
    struct key k;

    buf_varint(&out, l->count);
    for (size_t i = 0; i < l->count; i++) {
        const struct link *of = &l->of[i];

        buf_varint(&out, of->other);
        buf_byte(&out, (unsigned char)((of->together ? TOGETHER : 0) | (of->said ? SAID : 0) |
                                       (of->joined ? JOINED : 0)));
        if (!of->said)
            continue;
        record_put_time(&out, of->time);
        buf_varint(&out, of->number);
    }
    key_profile(&k, profile, KEY_LINKS);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
}

const struct link *
link_find(const struct links *l, uint64_t other)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->of[i].other == other)
            return &l->of[i];
    return NULL;
}

size_t
link_refusals(const struct links *l)
{
    size_t refusals = 0;

    for (size_t i = 0; i < l->count; i++)
        refusals += link_refused(&l->of[i]);
    return refusals;
}

/* Returns whether that is new. */
static bool
merge(struct link *into, const struct link *of)
{
    if (!of->said) {
        bool is_new = !into->together;

        into->together = true;
        return is_new;
    }
    if (into->said && (of->time != into->time ? of->time < into->time
                                              : of->number <= into->number))
        return false;
    into->said = true;
    into->joined = of->joined;
    into->time = of->time;
    into->number = of->number;
    return true;
}

static int
apply_one_way(struct views *v, uint64_t profile, uint64_t other, const struct link *of)
{
    struct links l;
    size_t i = 0;

    if (link_get(v, profile, &l) != 0)
        return TL_EDAMAGED;
    while (i < l.count && l.of[i].other != other)
        i++;
    if (i == LINKS_MAX)
        return TL_EDAMAGED;     /* the guards at the door keep them fewer */
    if (i == l.count)
        l.of[l.count++] = (struct link){.other = other};
    if (merge(&l.of[i], of))
        put(v, profile, &l);
    return 0;
}

int
link_apply(struct views *v, uint64_t a, const struct link *of)
{
    int err = apply_one_way(v, a, of->other, of);

    return err != 0 ? err : apply_one_way(v, of->other, a, of);
}
