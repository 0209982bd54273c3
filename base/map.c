#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/must.h"

#define SLOTS_MIN 16

/* Where the key is, or the empty slot where it would go. */
static size_t
find(const struct map *m, uint64_t hash, const void *key, size_t len)
{
    size_t mask = m->slots_count - 1;
    size_t i = (size_t)hash & mask;
    const struct map_entry *e;

    for (; (e = m->slots[i]) != NULL; i = (i + 1) & mask)
        if (e->hash == hash && e->key_len == len && (len == 0 || memcmp(e->key, key, len) == 0))
            break;
    return i;
}

static void
grow(struct map *m)
{
    struct map bigger = {.slots_count = m->slots_count != 0 ? m->slots_count * 2 : SLOTS_MIN,
                         .count = m->count};

    must((bigger.slots = calloc(bigger.slots_count, sizeof bigger.slots[0])) != NULL);
    for (size_t i = 0; i < m->slots_count; i++) {
        struct map_entry *e = m->slots[i];

        if (e != NULL)
            bigger.slots[find(&bigger, e->hash, e->key, e->key_len)] = e;
    }
    free(m->slots);
    *m = bigger;
}

void *
map_get(const struct map *m, const void *key, size_t len)
{
    const struct map_entry *e;

    if (m->count == 0)
        return NULL;
    e = m->slots[find(m, hash_table(key, len), key, len)];
    return e != NULL ? e->value : NULL;
}

void **
map_put(struct map *m, const void *key, size_t len)
{
    uint64_t hash = hash_table(key, len);
    struct map_entry *e;
    size_t i;

    must(len <= UINT32_MAX);
    if (m->count >= m->slots_count / 4 * 3)
        grow(m);
    i = find(m, hash, key, len);
    if (m->slots[i] == NULL) {
        must((e = malloc(sizeof *e + len)) != NULL);
        *e = (struct map_entry){.hash = hash, .key_len = (uint32_t)len};
        if (len != 0)
            memcpy(e->key, key, len);
        m->slots[i] = e;
        m->count++;
    }
    return &m->slots[i]->value;
}

/* Moves up what stands behind the hole and may not stay there: a search stops
 * at the first empty slot. */
static void
close_hole(struct map *m, size_t hole)
{
    size_t mask = m->slots_count - 1;

    for (size_t i = (hole + 1) & mask; m->slots[i] != NULL; i = (i + 1) & mask) {
        size_t home = (size_t)m->slots[i]->hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            m->slots[i] = NULL;
            hole = i;
        }
    }
}

void *
map_remove(struct map *m, const void *key, size_t len)
{
    void *value;
    size_t i;

    if (m->count == 0)
        return NULL;
    i = find(m, hash_table(key, len), key, len);
    if (m->slots[i] == NULL)
        return NULL;
    value = m->slots[i]->value;
    free(m->slots[i]);
    m->slots[i] = NULL;
    m->count--;
    close_hole(m, i);
    return value;
}

struct map_entry *
map_next(const struct map *m, size_t *i)
{
    while (*i < m->slots_count) {
        struct map_entry *e = m->slots[(*i)++];

        if (e != NULL)
            return e;
    }
    return NULL;
}

void
map_fini(struct map *m)
{
    for (size_t i = 0; i < m->slots_count; i++)
        free(m->slots[i]);
    free(m->slots);
    *m = (struct map){0};
}
