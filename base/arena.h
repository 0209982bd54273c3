/* arena.h -- memory given back all at once, with a budget.
 *
 * What a stranger's message makes us allocate comes from an arena, so a small
 * message that unfolds into a large one runs into the budget, not into us. */

#ifndef ARENA_H
#define ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t budget;      /* bytes that may still be taken */
    size_t budget_max;
    bool failed;        /* memory was out, not the budget */
};

void arena_init(struct arena *a, size_t budget_bytes);
/* 16-byte aligned and zeroed; NULL when over the budget or out of memory. */
void *arena_alloc(struct arena *a, size_t bytes);

/* The same, not zeroed: for what is written at once. */
void *arena_take(struct arena *a, size_t bytes);

/* Adds a NUL that is not counted. */
void *arena_copy(struct arena *a, const void *bytes, size_t len);

/* Everything is free again; keeps a small block. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

#endif
