/* finder.h -- the item of a growing array that is the same as another.
 *
 * A handful is looked through.  Of more than that a table is kept in the arena, for
 * what is gathered of a customer's 64 profiles is thousands of items, and comparing
 * each with each would hold everybody else. */

#ifndef FINDER_H
#define FINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define FINDER_FEW 32       /* items that are looked through */

struct finder {
    size_t size;                            /* of an item */
    bool (*same)(const void *a, const void *b);
    uint64_t (*hash)(const void *item);     /* of what `same` compares */
    struct arena *arena;                    /* lasts as long as the finder */
    uint32_t *slots;                        /* 0: empty, else an item's place, from 1 on */
    size_t slots_count;
    size_t known;                           /* the first of the items are in the table */
};

static inline struct finder
finder_new(size_t size, bool (*same)(const void *a, const void *b),
           uint64_t (*hash)(const void *item), struct arena *arena)
{
    return (struct finder){.size = size, .same = same, .hash = hash, .arena = arena};
}

/* Where it is; `count`: nowhere.  The items that were there the last time are as they
 * were then, in what is compared.  When the arena is empty they are looked through. */
size_t finder_find(struct finder *f, const void *items, size_t count, const void *one);

#endif
