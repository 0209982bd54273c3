/* layers.h -- which generations may have a record.
 *
 * It is looked for from the newest to the oldest, and nearly all are in one of them
 * or in none: one look here says in which, instead of a cache miss in each.  By
 * hash, so it may name one too many, and never one too few.  Of one thread. */

#ifndef STORE_LAYERS_H
#define STORE_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYERS_MAX 16               /* numbered from 0 */

/* A bit for each layer in each word; a hash says which word. */
struct layers {
    uint16_t *words;
    size_t count;                   /* a power of two */
    unsigned shift;                 /* of a hash, to the number of its word */
};

/* Takes `bytes` at most, and a page at least.  false: there is not as much memory. */
bool layers_init(struct layers *l, size_t bytes);
void layers_fini(struct layers *l);

/* Nothing is in that layer any more; or what was in one is in another. */
void layers_forget(struct layers *l, unsigned layer);
void layers_move(struct layers *l, unsigned from, unsigned to);

/* `hash` is generation_hash's of the key. */
static inline void
layers_fetch(const struct layers *l, uint64_t hash)
{
    __builtin_prefetch(&l->words[hash >> l->shift]);
}

static inline unsigned
layers_of(const struct layers *l, uint64_t hash)
{
    return l->words[hash >> l->shift];
}

static inline void
layers_add(struct layers *l, uint64_t hash, unsigned layer)
{
    l->words[hash >> l->shift] |= (uint16_t)(1u << layer);
}

#endif
