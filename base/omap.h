/* omap.h -- keys in order.
 *
 * Holds pointers to keys that live elsewhere, in an array of leaves which are
 * arrays: most maps are a handful of keys that arrive in order, which then
 * costs one comparison.  Its memory comes from a slab and goes with it. */

#ifndef OMAP_H
#define OMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slab.h"

#define OMAP_LEAF_MAX 128

struct omap_key {
    uint16_t len;
    unsigned char bytes[];
};

struct omap_leaf {
    const struct omap_key **keys;
    uint32_t count;
    uint32_t room;
};

struct omap {
    struct omap_leaf *leaves;       /* NULL: only the first */
    struct omap_leaf first;
    uint32_t count;                 /* leaves */
    uint32_t room;
};

/* Byte order; what is a prefix of another comes first. */
int omap_compare(const void *a, size_t a_len, const void *b, size_t b_len);

/* `key` is not there yet, and outlives the map. */
void omap_add(struct omap *m, struct slab *slab, const struct omap_key *key);

/* A place in a map; valid until the next omap_add. */
struct omap_at {
    const struct omap *map;
    uint32_t leaf;
    uint32_t slot;
};

struct omap_at omap_seek(const struct omap *m, const void *key, size_t len);   /* first >= key */
struct omap_at omap_end(const struct omap *m);                      /* after the last */
const struct omap_key *omap_get(const struct omap_at *at);          /* NULL at the end */
void omap_next(struct omap_at *at);                                 /* stays at the end */
bool omap_prev(struct omap_at *at);                                 /* false: it was the first */

#endif
