#include "store/counter.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/record.h"

#define NAME_BYTES_MAX_HERE 300

static size_t
make_name(unsigned char out[NAME_BYTES_MAX_HERE], enum counter_kind kind, struct tl_str name)
{
    size_t len = name.len < NAME_BYTES_MAX_HERE - 1 ? name.len : NAME_BYTES_MAX_HERE - 1;

    out[0] = (unsigned char)kind;
    if (len > 0)
        memcpy(out + 1, name.ptr, len);
    return len + 1;
}

static struct counter *
new_counter(enum counter_kind kind, struct tl_str name)
{
    struct counter *counter = calloc(1, sizeof(*counter) + name.len + 1);
    char *text;

    must(counter != NULL);
    text = (char *)(counter + 1);
    if (name.len > 0)
        memcpy(text, name.ptr, name.len);
    counter->kind = kind;
    counter->name = (struct tl_str){text, name.len};
    return counter;
}

/* Room is for a power of two of them. */
static void
add_to_kind(struct counters *c, struct counter *counter)
{
    size_t kind = counter->kind, count = c->kinds[kind];

    if ((count & (count - 1)) == 0)
        c->of[kind] = realloc(c->of[kind], (count * 2 + 1) * sizeof(c->of[kind][0]));
    must(c->of[kind] != NULL);
    c->of[kind][c->kinds[kind]++] = counter;
}

static struct counter *
find(struct counters *c, enum counter_kind kind, struct tl_str name)
{
    unsigned char key[NAME_BYTES_MAX_HERE];
    size_t len = make_name(key, kind, name);
    struct counter *counter = map_get(&c->names, key, len);
    void **slot;

    if (counter != NULL)
        return counter;
    if (c->kinds[kind] >= COUNTER_NAMES_MAX && !str_is(name, "other"))
        return find(c, kind, TL_STR("other"));
    counter = new_counter(kind, (struct tl_str){(const char *)key + 1, len - 1});
    slot = map_put(&c->names, key, len);
    *slot = counter;
    add_to_kind(c, counter);
    return counter;
}

static struct counter **
recent_of(struct counters *c, enum counter_kind kind, struct tl_str name)
{
    size_t mix = (size_t)kind + name.len * 7;

    if (name.len > 0)
        mix += (unsigned char)name.ptr[name.len - 1] * 5u + (unsigned char)name.ptr[0];
    return &c->recent[mix % COUNTER_RECENT];
}

void
counter_add(struct counters *c, enum counter_kind kind, struct tl_str name, int64_t delta)
{
    struct counter **recent = recent_of(c, kind, name), *counter = *recent;

    if (counter == NULL || counter->kind != kind || !str_equal(counter->name, name))
        *recent = counter = find(c, kind, name);
    counter->value += (uint64_t)delta;
    counter->changed = true;
}

uint64_t
counter_of(const struct counters *c, enum counter_kind kind, struct tl_str name)
{
    unsigned char key[NAME_BYTES_MAX_HERE];
    size_t len = make_name(key, kind, name);
    const struct counter *counter = map_get(&c->names, key, len);

    return counter != NULL ? counter->value : 0;
}

uint64_t
counter_get(const struct counters *c, enum counter_kind kind, const char *name)
{
    return counter_of(c, kind, (struct tl_str){name, strlen(name)});
}

void
counter_set(struct counters *c, enum counter_kind kind, const char *name, uint64_t value)
{
    struct counter *counter = find(c, kind, (struct tl_str){name, strlen(name)});

    counter->changed = counter->changed || counter->value != value;
    counter->value = value;
}

int
counters_load(struct counters *c, struct views *v)
{
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    memset(c, 0, sizeof(*c));
    key_global(&prefix, KEY_COUNTER);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0; more = views_next(&w)) {
        struct tl_str name = {w.key.ptr + prefix.len + 1, w.key.len - prefix.len - 1};
        struct record r = record_open(w.value);
        unsigned char kind = (unsigned char)w.key.ptr[prefix.len];

        if (w.key.len <= prefix.len || kind >= 128)
            err = TL_EDAMAGED;
        else
            find(c, kind, name)->value = record_varint(&r);
        if (r.bad)
            err = TL_EDAMAGED;
    }
    views_end(&w);
    return err;
}

void
counters_fini(struct counters *c)
{
    struct map_entry *entry;
    size_t i = 0;

    while ((entry = map_next(&c->names, &i)) != NULL)
        free(entry->value);
    for (i = 0; i < sizeof(c->of) / sizeof(c->of[0]); i++)
        free(c->of[i]);
    map_fini(&c->names);
    memset(c, 0, sizeof(*c));
}

void
counters_store(struct counters *c, struct views *v)
{
    struct map_entry *entry;
    struct buf out = {0};
    size_t i = 0;

    while ((entry = map_next(&c->names, &i)) != NULL) {
        struct counter *counter = entry->value;
        struct key k;

        if (!counter->changed)
            continue;
        key_global(&k, KEY_COUNTER);
        key_add(&k, (struct tl_str){(const char *)entry->key, entry->key_len});
        buf_clear(&out);
        buf_varint(&out, counter->value);
        /* What came to nothing is as if it had never been counted. */
        if (counter->value != 0)
            views_put(v, k.bytes, k.len, out.ptr, out.len);
        else
            views_delete(v, k.bytes, k.len);
        counter->changed = false;
    }
    buf_free(&out);
}

static bool
is_greater(const struct tl_count *a, const struct tl_count *b)
{
    return a->count != b->count ? a->count > b->count : str_compare(a->name, b->name) < 0;
}

/* In order, the greatest first; there may be a hundred thousand of which few are shown. */
static void
keep_greatest(struct tl_count *list, size_t *count, size_t room, const struct tl_count *one)
{
    size_t at = *count;

    while (at > 0 && is_greater(one, &list[at - 1]))
        at--;
    if (at == room)
        return;
    if (*count < room)
        ++*count;
    memmove(&list[at + 1], &list[at], (*count - at - 1) * sizeof(list[0]));
    list[at] = *one;
}

int
counters_list(const struct counters *c, enum counter_kind kind, size_t max,
              struct tl_count **out, size_t *count, struct arena *arena)
{
    size_t room = c->kinds[kind] < max ? c->kinds[kind] : max;

    *count = 0;
    *out = arena_alloc(arena, (room + 1) * sizeof(**out));
    if (*out == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < c->kinds[kind]; i++) {
        const struct counter *counter = c->of[kind][i];

        keep_greatest(*out, count, room, &(struct tl_count){counter->name, counter->value});
    }
    return 0;
}

uint64_t
counters_sum(const struct counters *c, enum counter_kind kind)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->kinds[kind]; i++)
        sum += c->of[kind][i]->value;
    return sum;
}

size_t
counters_count(const struct counters *c, enum counter_kind kind)
{
    return c->kinds[kind];
}
