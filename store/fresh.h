/* fresh.h -- keys seen lately, in memory: key -> number.
 *
 * Open addressing in 256 parts by the key's first byte, so that growing never
 * takes long and the parts are in the order of the keys. */

#ifndef STORE_FRESH_H
#define STORE_FRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slab.h"
#include "store/seen.h"

#define FRESH_PARTS 256

struct fresh_slot {
    unsigned char key[SEEN_KEY_BYTES];
    unsigned char number[8];            /* little-endian; 0: empty */
};

struct fresh_part {
    struct fresh_slot *slots;           /* a power of two of them */
    size_t slots_count;
    size_t count;
    unsigned slab;                      /* which one they are in */
};

struct fresh {
    struct fresh_part parts[FRESH_PARTS];
    /* Of their slots: huge pages, as keys come in no order.  A part that grows moves to
     * the other slab, and the one that all have left is returned. */
    struct slab slabs[2];
    size_t living[2];                   /* parts in each */
    struct slab_block *spare;
    uint64_t first;                     /* of the run it becomes */
    uint64_t last;
    bool written;                       /* it is one */
    struct fresh *next;                 /* in a list */
};

struct fresh *fresh_new(void);
void fresh_free(struct fresh **f);

void fresh_prefetch(const struct fresh *f, const unsigned char key[SEEN_KEY_BYTES]);
uint64_t fresh_find(const struct fresh *f, const unsigned char key[SEEN_KEY_BYTES]);

/* A key that is there keeps its number. */
void fresh_add(struct fresh *f, const unsigned char key[SEEN_KEY_BYTES], uint64_t number);

/* Adds what `from` has of numbers after `after`. */
void fresh_add_after(struct fresh *f, const struct fresh *from, uint64_t after);

/* The slots of one part with a number in first..last, by key.  `out` has room
 * for the part's count. */
uint64_t fresh_number(const struct fresh_slot *slot);
size_t fresh_sorted(const struct fresh *f, size_t part, struct fresh_slot *out);

#endif
