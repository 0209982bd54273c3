#include "store/attribute.h"

#include "base/hash.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/record.h"

int
attribute_fold(struct views *v, uint64_t profile, struct card *c, const struct tl_attribute *a,
               int64_t time, uint64_t number)
{
    struct tl_str bytes;
    struct buf out = {0};
    struct key k;

    key_profile(&k, profile, KEY_ATTRIBUTE);
    key_add(&k, a->key);
    if (views_get(v, k.bytes, k.len, &bytes)) {
        struct record r = record_open(bytes);
        int64_t known_time = record_time(&r);
        uint64_t known_number = record_varint(&r);

        if (r.bad)
            return TL_EDAMAGED;
        if (known_time > time || (known_time == time && known_number > number))
            return 0;
    }
    record_put_time(&out, time);
    buf_varint(&out, number);
    record_put_text(&out, a->value);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
    c->has |= CARD_ATTRIBUTES;
    return 0;
}

static bool
same_key(const void *a, const void *b)
{
    return str_equal(((const struct tl_attribute *)a)->key, ((const struct tl_attribute *)b)->key);
}

static uint64_t
hash_key(const void *a)
{
    const struct tl_str *key = &((const struct tl_attribute *)a)->key;

    return hash_table(key->ptr, key->len);
}

struct finder
attribute_finder(struct arena *arena)
{
    return finder_new(sizeof(struct tl_attribute), same_key, hash_key, arena);
}

static void
add_one(struct finder *known, struct tl_attribute *out, struct attribute_said *said,
        size_t *count, const struct tl_attribute *a, struct attribute_said when)
{
    size_t at = finder_find(known, out, *count, a);

    if (at < *count && (said[at].time > when.time ||
                        (said[at].time == when.time && said[at].number > when.number)))
        return;
    out[at] = *a;
    said[at] = when;
    if (at == *count)
        (*count)++;
}

int
attribute_list(struct views *v, uint64_t profile, struct finder *known,
               struct tl_attribute *out, struct attribute_said *said, size_t *count,
               struct arena *arena)
{
    size_t room = *count + ATTRIBUTES_LISTED_MAX;
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    key_profile(&prefix, profile, KEY_ATTRIBUTE);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && *count < room; more = views_next(&w)) {
        struct tl_str value = {arena_copy(arena, w.value.ptr, w.value.len), w.value.len};
        struct tl_str name = {arena_copy(arena, w.key.ptr, w.key.len), w.key.len};
        struct record r;
        struct attribute_said when;

        if (value.ptr == NULL || name.ptr == NULL) {
            err = TL_TOO_MANY;
            break;
        }
        r = record_open(value);
        when.time = record_time(&r);
        when.number = record_varint(&r);
        value = record_text(&r);
        name = (struct tl_str){name.ptr + prefix.len, name.len - prefix.len};
        if (r.bad)
            err = TL_EDAMAGED;
        else
            add_one(known, out, said, count, &(struct tl_attribute){name, value}, when);
    }
    views_end(&w);
    return err;
}

int
attribute_find(struct views *v, uint64_t profile, struct tl_str name, struct tl_str *value,
               struct attribute_said *said, struct arena *arena)
{
    struct attribute_said when;
    struct tl_str bytes;
    struct record r;
    struct key k;

    key_profile(&k, profile, KEY_ATTRIBUTE);
    key_add(&k, name);
    if (!views_get(v, k.bytes, k.len, &bytes))
        return 0;
    r = record_open(bytes);
    when.time = record_time(&r);
    when.number = record_varint(&r);
    bytes = record_text(&r);
    if (r.bad)
        return TL_EDAMAGED;
    if (said->time > when.time || (said->time == when.time && said->number > when.number))
        return 0;
    *said = when;
    *value = (struct tl_str){arena_copy(arena, bytes.ptr, bytes.len), bytes.len};
    return value->ptr == NULL ? TL_TOO_MANY : 0;
}
