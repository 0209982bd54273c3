#include "store/known.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/must.h"

#define BLOCK_WORDS 8               /* a cache line of 64 bits each */
#define BLOCK_BITS (BLOCK_WORDS * 64)
#define BITS_PER_KEY_SET 6
#define KEYS_MIN 100000

struct known {
    _Atomic uint64_t *words;
    size_t blocks;
    size_t count;
    size_t room;
};

static size_t
bytes_of(const struct known *k)
{
    return k->blocks * BLOCK_WORDS * sizeof k->words[0];
}

struct known *
known_new(size_t keys)
{
    struct known *k = calloc(1, sizeof *k);

    must(k != NULL);
    k->room = keys > KEYS_MIN ? keys : KEYS_MIN;
    k->blocks = k->room * KNOWN_BITS_PER_KEY / BLOCK_BITS + 1;
    k->words = mmap(NULL, bytes_of(k), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(k->words != MAP_FAILED);
    madvise(k->words, bytes_of(k), MADV_HUGEPAGE);
    return k;
}

void
known_free(struct known **k)
{
    if (*k == NULL)
        return;
    munmap((*k)->words, bytes_of(*k));
    free(*k);
    *k = NULL;
}

/* The upper half of a hash says which block, the lower one is stretched to say
 * which bits of it. */
static _Atomic uint64_t *
block_of(const struct known *k, uint64_t hash)
{
    return k->words + ((hash >> 32) * k->blocks >> 32) * BLOCK_WORDS;
}

static uint64_t
bits_of(uint64_t hash)
{
    return (hash & UINT32_MAX) * 0x9e3779b97f4a7c15u;
}

/* Nobody else writes, so no bus need be locked. */
void
known_add(struct known *k, uint64_t hash)
{
    _Atomic uint64_t *block = block_of(k, hash);
    uint64_t bits = bits_of(hash);
    bool is_new = false;

    for (int i = 0; i < BITS_PER_KEY_SET; i++, bits >>= 9) {
        uint64_t at = bits % BLOCK_BITS, bit = 1ULL << at % 64;
        uint64_t was = atomic_load_explicit(&block[at / 64], memory_order_relaxed);

        if (was & bit)
            continue;
        is_new = true;
        atomic_store_explicit(&block[at / 64], was | bit, memory_order_relaxed);
    }
    k->count += is_new;
}

void
known_fetch(const struct known *k, uint64_t hash)
{
    __builtin_prefetch((const void *)block_of(k, hash));
}

bool
known_may_have(const struct known *k, uint64_t hash)
{
    const _Atomic uint64_t *block = block_of(k, hash);
    uint64_t bits = bits_of(hash);

    for (int i = 0; i < BITS_PER_KEY_SET; i++, bits >>= 9) {
        uint64_t bit = bits % BLOCK_BITS;

        if (!(atomic_load_explicit(&block[bit / 64], memory_order_relaxed) >> bit % 64 & 1))
            return false;
    }
    return true;
}

bool
known_full(const struct known *k)
{
    return k->count > k->room;
}
