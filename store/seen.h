/* seen.h -- has this source + id been stored before?  For ever.
 *
 * A 96-bit keyed hash of (source, id) -> event number.  Those of the open
 * segment are in memory; those of sealed segments in immutable sorted runs
 * (`seen/<first>-<last>.run`: 12-byte hash + 6-byte number, checked by CRC,
 * Bloom filter of 12 bits an entry at its end), mapped for reading and merged
 * in the background to a handful.  18 bytes on disk and 1.5 in memory an event,
 * no random writes.  A run is made beside, synced, renamed. */

#ifndef STORE_SEEN_H
#define STORE_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define SEEN_KEY_BYTES 12
#define SEEN_RUNS_MAX 8     /* more are merged */

struct seen;

/* `why` (512 bytes) gets a sentence on failure.  A damaged run is refused;
 * moving it aside and opening again makes the caller re-add its numbers. */
int seen_open(struct seen **out, const char *dir, char *why);
void seen_close(struct seen **seen);

/* Every number up to this one is in a run; the caller re-adds later ones from
 * the log. */
uint64_t seen_sealed(const struct seen *seen);

/* Loop thread.  0: not seen. */
uint64_t seen_find(const struct seen *seen, const unsigned char key[SEEN_KEY_BYTES]);

/* Fetches from memory what a find will look at. */
void seen_expect(const struct seen *seen, const unsigned char key[SEEN_KEY_BYTES]);
void seen_add(struct seen *seen, const unsigned char key[SEEN_KEY_BYTES], uint64_t number);

/* The numbers up to `last` are durable in the log: hand what is in memory to
 * the background thread, which writes it as a run.  Does not wait. */
void seen_seal(struct seen *seen, uint64_t last);

/* Waits until nothing is being written or merged.  Returns 0 or TL_EIO,
 * TL_NO_SPACE (kept in memory, tried again with the next seal). */
int seen_settle(struct seen *seen);

uint64_t seen_bytes(const struct seen *seen);   /* on disk */

#endif
