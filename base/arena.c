#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16
#define BLOCK_BYTES 16384

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    alignas(ALIGN) unsigned char bytes[];
};

void
arena_init(struct arena *a, size_t budget_bytes)
{
    *a = (struct arena){.budget = budget_bytes, .budget_max = budget_bytes};
}

static struct arena_block *
add_block(struct arena *a, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct arena_block *block = malloc(sizeof *block + size);

    if (block == NULL) {
        a->failed = true;
        return NULL;
    }
    block->used = 0;
    block->size = size;
    block->next = a->blocks;
    a->blocks = block;
    return block;
}

void *
arena_take(struct arena *a, size_t bytes)
{
    struct arena_block *block = a->blocks;
    size_t left = block != NULL ? block->size - block->used : 0, lost = 0;
    void *at;

    if (bytes > PTRDIFF_MAX - BLOCK_BYTES)
        return NULL;
    /* What is rounded up counts too, and an empty thing has an address of its own. */
    bytes = bytes == 0 ? ALIGN : (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    /* So does the end of a block where it did not fit: a stranger chooses the sizes.  A
     * whole block does not, for it may have been kept by chance. */
    if (bytes > left && block != NULL && block->used > 0)
        lost = left;
    if (bytes > a->budget || lost > a->budget - bytes)
        return NULL;
    if (bytes > left && (block = add_block(a, bytes)) == NULL)
        return NULL;
    at = block->bytes + block->used;
    block->used += bytes;
    a->budget -= bytes + lost;
    return at;
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
    void *at = arena_take(a, bytes);

    return at != NULL ? memset(at, 0, bytes) : NULL;
}

void *
arena_copy(struct arena *a, const void *bytes, size_t len)
{
    unsigned char *at;

    if (len == SIZE_MAX || (at = arena_take(a, len + 1)) == NULL)
        return NULL;
    at[len] = '\0';
    return len != 0 ? memcpy(at, bytes, len) : at;
}

/* The oldest block stays, unless its first guest was large: what fits must not
 * depend on what was there before. */
void
arena_reset(struct arena *a)
{
    while (a->blocks != NULL && (a->blocks->next != NULL || a->blocks->size > BLOCK_BYTES)) {
        struct arena_block *next = a->blocks->next;

        free(a->blocks);
        a->blocks = next;
    }
    if (a->blocks != NULL)
        a->blocks->used = 0;
    a->budget = a->budget_max;
    a->failed = false;
}

void
arena_fini(struct arena *a)
{
    arena_reset(a);
    free(a->blocks);
    a->blocks = NULL;
}
