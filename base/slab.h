/* slab.h -- memory for many small things that are dropped all together.
 *
 * Pieces come from large blocks; a freed piece serves the next of its size.
 * Dropping a slab costs no walk over its pieces, and its blocks wait in `spare`
 * for the next slab, so they are not returned and faulted in again.  One thread.
 * Stops the program when memory is out. */

#ifndef SLAB_H
#define SLAB_H

#include <stddef.h>

#define SLAB_BLOCK_BYTES ((size_t)2 << 20)
#define SLAB_CLASSES 128

struct slab_block;

struct slab {
    struct slab_block *blocks;      /* the first is being filled */
    struct slab_block **spare;      /* shared by slabs that follow each other */
    size_t left;                    /* of the first block */
    size_t held;                    /* bytes of all blocks */
    void *freed[SLAB_CLASSES];
};

void slab_init(struct slab *s, struct slab_block **spare);

/* What a piece of `bytes` (at least 1) really has: sizes come in steps of an eighth. */
size_t slab_room(size_t bytes);

void *slab_alloc(struct slab *s, size_t bytes);             /* 8-byte aligned, not zeroed */
void slab_free(struct slab *s, void *piece, size_t bytes);  /* as asked for, or its room */
size_t slab_bytes(const struct slab *s);                    /* taken from blocks so far */
void slab_drop(struct slab *s);                 /* every piece; the blocks go to spare */

/* Cuts all spare blocks but `keep_bytes` off; slab_free_blocks returns them, on any thread. */
struct slab_block *slab_cut(struct slab_block **spare, size_t keep_bytes);
/* Adds blocks of `bytes` together, whose pages are there already: for any thread
 * that has `blocks` to itself. */
void slab_ready(struct slab_block **blocks, size_t bytes);
void slab_join(struct slab_block **to, struct slab_block **from);   /* takes `from` */
size_t slab_blocks_bytes(const struct slab_block *blocks);
void slab_free_blocks(struct slab_block *blocks);

#endif
