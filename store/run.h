/* run.h -- an immutable file of keys, sorted: key -> number.
 *
 * `<first>-<last>.run`, hexadecimal, says which events' keys it has: entries of
 * a 12-byte key and a 6-byte number, then zeros to 64, then Bloom blocks of 64
 * bytes (12 bits an entry, one block a lookup), then a trailer of 64 bytes:
 *
 *    0  "TLSEEN\0\0"     12  u32 CRC-32C of all else     32  u64 entries
 *    8  u32 format       16  u64 first, u64 last         40  u64 blocks
 *
 * Keys are keyed hashes, so they are evenly spread and their bytes serve as the
 * hashes of the filter. */

#ifndef STORE_RUN_H
#define STORE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/seen.h"

#define RUN_FORMAT 1u
#define RUN_ENTRY_BYTES 18
#define RUN_NAME_BYTES 48

struct run {
    uint64_t first;
    uint64_t last;
    uint64_t count;
    uint64_t blocks;
    const unsigned char *map;           /* the entries are at its beginning */
    const unsigned char *bloom;
    size_t bytes;
    struct run *next;                   /* in a list */
};

void run_name(char out[RUN_NAME_BYTES], uint64_t first, uint64_t last);

/* Opens and checks all of it.  Returns 0, TL_EDAMAGED, TL_EFORMAT, TL_EIO. */
int run_open(struct run **out, int dir, uint64_t first, uint64_t last);
void run_close(struct run **r);

/* Its number, or 0. */
uint64_t run_find(const struct run *r, const unsigned char key[SEEN_KEY_BYTES]);

/* The lookup that follows finds its part of the filter in the cache. */
void run_prefetch(const struct run *r, const unsigned char key[SEEN_KEY_BYTES]);

/* Its entries will be read from the first to the last. */
void run_read_through(const struct run *r);

static inline const unsigned char *
run_entry(const struct run *r, uint64_t i)
{
    return r->map + i * RUN_ENTRY_BYTES;
}

uint64_t run_number(const unsigned char *entry);

/* Writes one: start, add by ascending key, finish or give up.  The first failure
 * sticks: later adds do nothing and finish returns it. */
struct run_writer {
    struct run run;                     /* in the making: numbers and counts */
    int dir;
    int fd;
    int err;
    uint32_t crc;
    unsigned char *bloom;
    unsigned char *part;                /* of the entries, not written yet */
    size_t part_bytes;
    uint64_t at;
};

void run_start(struct run_writer *w, int dir, uint64_t first, uint64_t last, uint64_t entries_max);
void run_add(struct run_writer *w, const unsigned char key[SEEN_KEY_BYTES], uint64_t number);

/* Synced and under its name on return.  0, TL_NO_SPACE, TL_EIO. */
int run_finish(struct run_writer *w, struct run **out);
void run_give_up(struct run_writer *w);

#endif
