/* spool_segment.h -- one file of the spool: records, each with its length and CRC, as
 * they came.
 *
 * What is behind the last whole record after a crash was promised to nobody: it is
 * cut off, and kept aside. */

#ifndef ADAPTERS_SPOOL_SEGMENT_H
#define ADAPTERS_SPOOL_SEGMENT_H

#include "adapters/spool.h"
#include "base/buf.h"

struct spool_segment {
    struct spool_segment *next;
    uint64_t number;
    uint64_t bytes;             /* durable */
    uint64_t records;           /* durable */
    uint64_t acknowledged;
    uint64_t read_bytes;        /* the reader's place */
    int fd;
};

/* A new one in the directory `dir`; it and its name are durable on return.  Returns 0,
 * TL_NO_SPACE, TL_EIO. */
int spool_segment_create(int dir, uint64_t number, struct spool_segment **out);

/* One that was there; only of the newest the end may be torn.  Returns 0, or -1 with a
 * sentence. */
int spool_segment_open(int dir, const char *name, bool newest, struct spool_segment **out,
                       char why[SPOOL_WHY_BYTES]);
void spool_segment_close(struct spool_segment **segment);

/* The file goes; it stays open. */
void spool_segment_remove(int dir, const struct spool_segment *seg);

/* Appends a record to `out` as it lies in the file. */
void spool_segment_frame(struct buf *out, const void *bytes, size_t len);

/* Writes framed records behind the last; durable on return, or nothing of them is
 * there (TL_NO_SPACE), or the disk failed (TL_EIO).  The caller counts them. */
int spool_segment_write(struct spool_segment *seg, const struct buf *framed);

/* Appends the next record to `record`; what is durable ends at `end`.  Returns 0,
 * TL_EIO, TL_EDAMAGED. */
int spool_segment_read(struct spool_segment *seg, uint64_t end, struct buf *record);

/* To the first record again. */
void spool_segment_rewind(struct spool_segment *seg);

#endif
