#include "store/layers.h"

#include <sys/mman.h>

#define PAGE_BYTES 4096
#define HASH_BITS 64

_Static_assert(LAYERS_MAX == 8 * sizeof(uint16_t), "a bit for each layer");

static size_t
bytes_of(const struct layers *l)
{
    return l->count * sizeof l->words[0];
}

bool
layers_init(struct layers *l, size_t bytes)
{
    *l = (struct layers){.count = 1, .shift = HASH_BITS};
    while (bytes_of(l) < PAGE_BYTES || bytes_of(l) * 2 <= bytes) {
        l->count *= 2;
        l->shift--;
    }
    l->words = mmap(NULL, bytes_of(l), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (l->words == MAP_FAILED) {
        l->words = NULL;
        return false;
    }
    madvise(l->words, bytes_of(l), MADV_HUGEPAGE);
    return true;
}

void
layers_fini(struct layers *l)
{
    if (l->words != NULL)
        munmap(l->words, bytes_of(l));
    *l = (struct layers){0};
}

void
layers_forget(struct layers *l, unsigned layer)
{
    uint16_t others = (uint16_t)~(1u << layer);

    for (size_t i = 0; i < l->count; i++)
        l->words[i] &= others;
}

void
layers_move(struct layers *l, unsigned from, unsigned to)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->words[i] >> from & 1)
            l->words[i] = (uint16_t)((l->words[i] & ~(1u << from)) | 1u << to);
}
