/* spool.h -- what an adapter took and the broker has not acknowledged yet, on
 * disk.
 *
 * Records are gathered, and a commit makes them durable together; they are read
 * back in order, and a segment file goes when every record of it was
 * acknowledged.  After a crash everything in the files that are left is read
 * again: the broker counts an event once.
 *
 * DIR/<number>.spool is the magic "TLSPOOL1", then records: u32 length, u32
 * CRC-32C of the length and the bytes, the bytes; little-endian.  A torn tail,
 * which nobody was promised, is copied to <number>.torn and cut off.
 *
 * One thread adds and commits (spool_add .. spool_tick), one reads and
 * acknowledges (spool_next .. spool_rewind); the others may be called by both. */

#ifndef ADAPTERS_SPOOL_H
#define ADAPTERS_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define SPOOL_WHY_BYTES 512
#define SPOOL_RECORD_BYTES_MAX (16u << 20)
#define SPOOL_BYTES_MAX_DEFAULT (1LL << 30)
#define SPOOL_BYTES_MIN (2LL << 20)     /* what one request or piece of a file becomes */
#define SPOOL_SEGMENT_BYTES_DEFAULT (4LL << 20)
#define SPOOL_SEGMENT_BYTES_MIN (16LL << 10)
#define SPOOL_SEGMENT_BYTES_MAX (1LL << 30)

struct spool;

struct spool_limits {
    int64_t bytes_max;          /* on disk, of all segments; 0: the default */
    int64_t segment_bytes;      /* after which the next is begun; 0: the default */
};

/* Makes the last component of `dir` when it is not there.  Returns 0 or -1 with
 * a sentence: no such directory, another process has it, damage further back
 * than a torn tail. */
int spool_open(struct spool **out, const char *dir, const struct spool_limits *limits,
               char why[SPOOL_WHY_BYTES]);

/* The files of what was acknowledged go. */
void spool_close(struct spool **spool);

/* May `bytes` more be added, or are we at the cap? */
bool spool_has_room(struct spool *s, size_t bytes);

/* Gathers a copy, until the next commit. */
void spool_add(struct spool *s, const void *bytes, size_t len);
bool spool_pending(const struct spool *s);

/* What was gathered is on disk on return, or none of it.  Returns 0, TL_NO_SPACE
 * (nothing of it is kept), TL_EIO (the disk failed: stop now). */
int spool_commit(struct spool *s);

/* Begins a new segment when all of this one was acknowledged, so that its file
 * can go.  Returns as spool_commit. */
int spool_tick(struct spool *s);

/* The next record, appended to `record`, and its segment.  Returns 0, TL_EAWAY
 * (none is there), TL_EIO, TL_EDAMAGED. */
int spool_next(struct spool *s, struct buf *record, uint64_t *segment);

/* One record of that segment needs no keeping any more. */
void spool_acknowledge(struct spool *s, uint64_t segment);

/* Reads again from the oldest segment that is not wholly acknowledged. */
void spool_rewind(struct spool *s);

/* Becomes readable when a commit brought something to read; the reader's. */
int spool_wake_fd(const struct spool *s);
void spool_wake(struct spool *s);
void spool_woken(struct spool *s);

uint64_t spool_bytes(struct spool *s);
uint64_t spool_records(struct spool *s);    /* not acknowledged */

#endif
