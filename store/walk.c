#include "store/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { NEWER, OLDER, LMDB, LAYERS };

struct walk {
    struct tl_str prefix;
    bool backward;
    struct omap_at at[LMDB];
    struct txn_cursor cursor;
    struct tl_str key[LAYERS];      /* of each layer's next record */
    bool live[LAYERS];              /* it has one */
};

/* Where a walk begins: forward at the first key >= bound, backward at the last
 * one <= bound (or < bound; without a bound the last there is). */
struct bound {
    unsigned char bytes[GENERATION_KEY_BYTES_MAX];
    size_t len;
    bool inclusive;
    bool none;
};

static int
compare(struct tl_str a, struct tl_str b)
{
    return omap_compare(a.ptr, a.len, b.ptr, b.len);
}

static void
set_bound(struct bound *b, struct tl_str bytes)
{
    must(bytes.len <= sizeof b->bytes);
    if (bytes.len > 0)
        memcpy(b->bytes, bytes.ptr, bytes.len);
    b->len = bytes.len;
    b->inclusive = true;
}

/* The first key after all that begin with `prefix`. */
static void
set_bound_after(struct bound *b, struct tl_str prefix)
{
    set_bound(b, prefix);
    b->inclusive = false;
    while (b->len > 0 && b->bytes[b->len - 1] == 0xff)
        b->len--;
    if (b->len > 0)
        b->bytes[b->len - 1]++;
    else
        b->none = true;
}

static struct bound
find_bound(struct tl_str prefix, struct tl_str from, bool backward)
{
    size_t len = from.len < prefix.len ? from.len : prefix.len;
    struct bound b = {.len = 0};

    if (!backward)
        set_bound(&b, compare(from, prefix) < 0 ? prefix : from);
    else if (from.len == 0 || memcmp(from.ptr, prefix.ptr, len) > 0)
        set_bound_after(&b, prefix);
    else
        set_bound(&b, from);
    return b;
}

/* What the layer stands at now becomes its next record, if it has the prefix. */
static void
look(struct walk *w, int layer, bool some, struct tl_str key)
{
    w->key[layer] = key;
    w->live[layer] = some && key.len >= w->prefix.len &&
                     memcmp(key.ptr, w->prefix.ptr, w->prefix.len) == 0;
}

static void
look_in_memory(struct walk *w, int layer, bool some)
{
    const struct omap_key *key = some ? omap_get(&w->at[layer]) : NULL;

    if (key == NULL)
        w->live[layer] = false;
    else
        look(w, layer, true, (struct tl_str){(const char *)key->bytes, key->len});
}

static void
start_in_memory(struct walk *w, int layer, const struct generation *g, const struct bound *b)
{
    const struct omap *keys;
    struct omap_at *at = &w->at[layer];
    const struct omap_key *key;

    if (g == NULL || (keys = generation_group(g, w->prefix.ptr, w->prefix.len)) == NULL)
        return;
    *at = b->none ? omap_end(keys) : omap_seek(keys, b->bytes, b->len);
    key = omap_get(at);
    if (!w->backward || (b->inclusive && key != NULL &&
                         omap_compare(key->bytes, key->len, b->bytes, b->len) == 0))
        look_in_memory(w, layer, true);
    else
        look_in_memory(w, layer, omap_prev(at));
}

static void
start_in_lmdb(struct walk *w, struct txn *reader, const struct bound *b)
{
    struct txn_cursor *c = &w->cursor;

    txn_cursor_open(c, reader);
    if (!w->backward)
        txn_cursor_seek(c, b->bytes, b->len);
    else if (b->none || !txn_cursor_seek(c, b->bytes, b->len))
        txn_cursor_last(c);
    else if (!b->inclusive || omap_compare(c->key.ptr, c->key.len, b->bytes, b->len) != 0)
        txn_cursor_prev(c);
    look(w, LMDB, c->at, c->key);
}

struct walk *
walk_new(const struct generation *newer, const struct generation *older, struct txn *reader,
         struct tl_str prefix, struct tl_str from, bool backward)
{
    struct bound b = find_bound(prefix, from, backward);
    struct walk *w = calloc(1, sizeof *w);

    must(w != NULL && prefix.len > 0);
    w->prefix = prefix;
    w->backward = backward;
    start_in_memory(w, NEWER, newer, &b);
    start_in_memory(w, OLDER, older, &b);
    if (reader != NULL)
        start_in_lmdb(w, reader, &b);
    return w;
}

static void
step(struct walk *w, int layer)
{
    if (layer == LMDB) {
        if (w->backward)
            txn_cursor_prev(&w->cursor);
        else
            txn_cursor_next(&w->cursor);
        look(w, LMDB, w->cursor.at, w->cursor.key);
    } else if (w->backward) {
        look_in_memory(w, layer, omap_prev(&w->at[layer]));
    } else {
        omap_next(&w->at[layer]);
        look_in_memory(w, layer, true);
    }
}

/* The layer whose record comes next; the newest of those that have its key. */
static int
choose(const struct walk *w)
{
    int best = -1;

    for (int i = 0; i < LAYERS; i++) {
        int order;

        if (!w->live[i])
            continue;
        order = best < 0 ? -1 : compare(w->key[i], w->key[best]);
        if (best < 0 || (w->backward ? order > 0 : order < 0))
            best = i;
    }
    return best;
}

/* false: it is deleted. */
static bool
read_value(const struct walk *w, int layer, struct tl_str *value)
{
    const struct entry *e;

    if (layer == LMDB) {
        *value = w->cursor.value;
        return true;
    }
    e = entry_of(omap_get(&w->at[layer]));
    *value = entry_value(e);
    return e->len != ENTRY_DELETED;
}

bool
walk_next(struct walk *w, struct tl_str *key, struct tl_str *value)
{
    int best;

    while ((best = choose(w)) >= 0) {
        bool there = read_value(w, best, value);

        *key = w->key[best];
        for (int i = 0; i < LAYERS; i++)
            if (w->live[i] && (i == best || compare(w->key[i], *key) == 0))
                step(w, i);
        if (there)
            return true;
    }
    return false;
}

void
walk_free(struct walk **w)
{
    if (*w == NULL)
        return;
    txn_cursor_close(&(*w)->cursor);
    free(*w);
    *w = NULL;
}
