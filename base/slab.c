#include "base/slab.h"

#include <stdalign.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/must.h"

#define UNIT 8
#define PAGE_BYTES 4096
#define BLOCK_ROOM (SLAB_BLOCK_BYTES - sizeof(struct slab_block))
#define OWN_BLOCK_BYTES (SLAB_BLOCK_BYTES / 4)      /* from here on a piece has its own block */

struct slab_block {
    struct slab_block *next;
    size_t size;
    alignas(16) unsigned char bytes[];
};

void
slab_init(struct slab *s, struct slab_block **spare)
{
    *s = (struct slab){.spare = spare};
}

/* Sizes in units: 1 to 15, then eight steps for each doubling. */
static size_t
units(size_t bytes, size_t *class)
{
    size_t n = (bytes + UNIT - 1) / UNIT, shift = 0;

    while (n >> shift > 15)
        shift++;
    n = (n + ((size_t)1 << shift) - 1) >> shift;
    *class = shift * 8 + n;
    return n << shift;
}

size_t
slab_room(size_t bytes)
{
    size_t class;

    return units(bytes, &class) * UNIT;
}

/* A block is a huge page where there are such: what is found by hash is all
 * over the blocks, and would miss the TLB each time. */
static struct slab_block *
new_block(void)
{
    struct slab_block *block = aligned_alloc(SLAB_BLOCK_BYTES, SLAB_BLOCK_BYTES);

    must(block != NULL);
    madvise(block, SLAB_BLOCK_BYTES, MADV_HUGEPAGE);
    block->size = BLOCK_ROOM;
    return block;
}

static void *
own_block(struct slab *s, size_t room)
{
    struct slab_block *block = malloc(sizeof *block + room);

    must(block != NULL);
    block->size = room;
    /* Behind the first, which goes on being filled. */
    if (s->blocks == NULL) {
        block->next = NULL;
        s->blocks = block;
        s->left = 0;
    } else {
        block->next = s->blocks->next;
        s->blocks->next = block;
    }
    s->held += room;
    return block->bytes;
}

static void
next_block(struct slab *s)
{
    struct slab_block *block = *s->spare;

    if (block != NULL)
        *s->spare = block->next;
    else
        block = new_block();
    block->next = s->blocks;
    s->blocks = block;
    s->left = block->size;
    s->held += block->size;
}

void *
slab_alloc(struct slab *s, size_t bytes)
{
    size_t class, room = units(bytes, &class) * UNIT;
    void *piece;

    if (room >= OWN_BLOCK_BYTES)
        return own_block(s, room);
    if ((piece = s->freed[class]) != NULL) {
        s->freed[class] = *(void **)piece;
        return piece;
    }
    if (s->left < room)
        next_block(s);
    piece = s->blocks->bytes + (s->blocks->size - s->left);
    s->left -= room;
    return piece;
}

void
slab_free(struct slab *s, void *piece, size_t bytes)
{
    size_t class, room = units(bytes, &class) * UNIT;

    if (piece == NULL || room >= OWN_BLOCK_BYTES)
        return;     /* what has its own block keeps it until the drop */
    *(void **)piece = s->freed[class];
    s->freed[class] = piece;
}

size_t
slab_bytes(const struct slab *s)
{
    return s->held - s->left;
}

void
slab_drop(struct slab *s)
{
    struct slab_block *next;

    for (struct slab_block *block = s->blocks; block != NULL; block = next) {
        next = block->next;
        if (block->size == BLOCK_ROOM) {
            block->next = *s->spare;
            *s->spare = block;
        } else {
            free(block);
        }
    }
    slab_init(s, s->spare);
}

struct slab_block *
slab_cut(struct slab_block **spare, size_t keep_bytes)
{
    struct slab_block *cut;

    for (; *spare != NULL && keep_bytes > 0; spare = &(*spare)->next)
        keep_bytes -= keep_bytes < (*spare)->size ? keep_bytes : (*spare)->size;
    cut = *spare;
    *spare = NULL;
    return cut;
}

void
slab_ready(struct slab_block **blocks, size_t bytes)
{
    for (size_t made = 0; made < bytes; made += BLOCK_ROOM) {
        struct slab_block *block = new_block();

        for (size_t at = 0; at < block->size; at += PAGE_BYTES)
            block->bytes[at] = 0;
        block->next = *blocks;
        *blocks = block;
    }
}

void
slab_join(struct slab_block **to, struct slab_block **from)
{
    while (*to != NULL)
        to = &(*to)->next;
    *to = *from;
    *from = NULL;
}

size_t
slab_blocks_bytes(const struct slab_block *blocks)
{
    size_t bytes = 0;

    for (; blocks != NULL; blocks = blocks->next)
        bytes += blocks->size;
    return bytes;
}

void
slab_free_blocks(struct slab_block *blocks)
{
    while (blocks != NULL) {
        struct slab_block *next = blocks->next;

        free(blocks);
        blocks = next;
    }
}
