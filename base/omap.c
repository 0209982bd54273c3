#include "base/omap.h"

#include <string.h>

#include "base/must.h"

int
omap_compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
    size_t len = a_len < b_len ? a_len : b_len;
    int order = len > 0 ? memcmp(a, b, len) : 0;

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int
compare(const struct omap_key *a, const void *key, size_t len)
{
    return omap_compare(a->bytes, a->len, key, len);
}

static size_t
leaf_count(const struct omap *m)
{
    return m->leaves != NULL ? m->count : 1;
}

static const struct omap_leaf *
leaf_at(const struct omap *m, size_t i)
{
    return m->leaves != NULL ? &m->leaves[i] : &m->first;
}

/* The last leaf that begins at or before `key`, else the first. */
static size_t
find_leaf(const struct omap *m, const void *key, size_t len)
{
    size_t low = 0, high = leaf_count(m);

    if (high == 1 || compare(leaf_at(m, high - 1)->keys[0], key, len) <= 0)
        return high - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (compare(leaf_at(m, middle)->keys[0], key, len) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The first slot whose key is >= `key`. */
static uint32_t
find_slot(const struct omap_leaf *leaf, const void *key, size_t len)
{
    uint32_t low = 0, high = leaf->count;

    if (high == 0 || compare(leaf->keys[high - 1], key, len) < 0)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare(leaf->keys[middle], key, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
grow_leaf(struct omap_leaf *leaf, struct slab *slab)
{
    uint32_t room = leaf->room == 0 ? 2 : leaf->room * 2;
    const struct omap_key **keys = slab_alloc(slab, room * sizeof *keys);

    if (leaf->count > 0)
        memcpy(keys, leaf->keys, leaf->count * sizeof *keys);
    slab_free(slab, leaf->keys, leaf->room * sizeof *keys);
    leaf->keys = keys;
    leaf->room = room;
}

static void
grow_leaves(struct omap *m, struct slab *slab)
{
    uint32_t room = m->room == 0 ? 4 : m->room * 2;
    struct omap_leaf *leaves = slab_alloc(slab, room * sizeof *leaves);

    if (m->leaves == NULL) {
        leaves[0] = m->first;
        m->count = 1;
    } else {
        memcpy(leaves, m->leaves, m->count * sizeof *leaves);
        slab_free(slab, m->leaves, m->room * sizeof *leaves);
    }
    m->leaves = leaves;
    m->room = room;
}

/* Makes a leaf after `i`, with the keys of `i` from `slot` on. */
static void
split(struct omap *m, struct slab *slab, size_t i, uint32_t slot)
{
    struct omap_leaf *from, to = {0};

    if (m->leaves == NULL || m->count == m->room)
        grow_leaves(m, slab);
    from = &m->leaves[i];
    to.room = OMAP_LEAF_MAX;
    to.keys = slab_alloc(slab, to.room * sizeof *to.keys);
    to.count = from->count - slot;
    memcpy(to.keys, from->keys + slot, to.count * sizeof *to.keys);
    from->count = slot;
    memmove(&m->leaves[i + 2], &m->leaves[i + 1], (m->count - i - 1) * sizeof to);
    m->leaves[i + 1] = to;
    m->count++;
}

void
omap_add(struct omap *m, struct slab *slab, const struct omap_key *key)
{
    size_t i = find_leaf(m, key->bytes, key->len);
    struct omap_leaf *leaf = m->leaves != NULL ? &m->leaves[i] : &m->first;
    uint32_t slot = find_slot(leaf, key->bytes, key->len);

    must(slot == leaf->count || compare(leaf->keys[slot], key->bytes, key->len) != 0);
    if (leaf->count == OMAP_LEAF_MAX) {
        /* At the very end leaves stay full: keys mostly come in order. */
        bool last = slot == leaf->count && i + 1 == leaf_count(m);
        uint32_t at = last ? OMAP_LEAF_MAX : OMAP_LEAF_MAX / 2;

        split(m, slab, i, at);
        if (last || slot > at) {
            i++;
            slot -= at;
        }
        leaf = &m->leaves[i];
    }
    if (leaf->count == leaf->room)
        grow_leaf(leaf, slab);
    memmove(&leaf->keys[slot + 1], &leaf->keys[slot], (leaf->count - slot) * sizeof *leaf->keys);
    leaf->keys[slot] = key;
    leaf->count++;
}

struct omap_at
omap_seek(const struct omap *m, const void *key, size_t len)
{
    size_t i = find_leaf(m, key, len);
    struct omap_at at = {m, (uint32_t)i, find_slot(leaf_at(m, i), key, len)};

    if (at.slot == leaf_at(m, i)->count && i + 1 < leaf_count(m)) {
        at.leaf++;
        at.slot = 0;
    }
    return at;
}

struct omap_at
omap_end(const struct omap *m)
{
    size_t last = leaf_count(m) - 1;

    return (struct omap_at){m, (uint32_t)last, leaf_at(m, last)->count};
}

const struct omap_key *
omap_get(const struct omap_at *at)
{
    const struct omap_leaf *leaf = leaf_at(at->map, at->leaf);

    return at->slot < leaf->count ? leaf->keys[at->slot] : NULL;
}

void
omap_next(struct omap_at *at)
{
    if (at->slot < leaf_at(at->map, at->leaf)->count)
        at->slot++;
    if (at->slot == leaf_at(at->map, at->leaf)->count && at->leaf + 1 < leaf_count(at->map)) {
        at->leaf++;
        at->slot = 0;
    }
}

bool
omap_prev(struct omap_at *at)
{
    if (at->slot == 0 && at->leaf == 0)
        return false;
    if (at->slot == 0) {
        at->leaf--;
        at->slot = leaf_at(at->map, at->leaf)->count;
    }
    at->slot--;
    return true;
}
