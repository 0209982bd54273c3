/* log.h -- the truth: every accepted event once, in order, in segment files.
 *
 * A segment `<first number, 16 hex digits>.log` is preallocated, begins with a
 * checked header, and holds batches: a batch header {the log's mark, bytes,
 * count, first number, CRC-32C of all of it} and its frames (segment.h).  A
 * batch lies in one segment and is written only after the sync of the one
 * before, so only the last can be torn: it is dropped.  A valid batch beyond a
 * bad one is damage.  Recovery deletes nothing; what it drops it copies aside
 * first (`torn-<number>-<n>.bad`) and zeroes.  Segments before the open one are
 * not read at a start: damage in them is found when it is read.
 *
 * One thread appends at a time (log_reserve, log_write); log_commit and the
 * readers run on the loop, and readers of numbers up to a head they were given
 * on any thread. */

#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "base/buf.h"
#include "store/frame.h"

#define LOG_SEGMENT_BYTES (256u << 20)
#define LOG_SEGMENT_BYTES_MIN (4u << 20)    /* two batches: one being written, one being filled */
#define LOG_SEGMENT_BYTES_MAX (2u << 30)
#define LOG_BATCH_BYTES_MAX (2u << 20)
#define LOG_BATCH_HEADER_BYTES 32
#define LOG_WHY_BYTES 512

struct log;

/* Opens, or makes, the log in directory `dir` and recovers it.  `why` gets a
 * sentence with file and offset on failure, and what was dropped (or "") on
 * success.  Returns 0, TL_EDAMAGED, TL_EFORMAT, TL_EIO, TL_NO_SPACE, TL_EARGUMENT
 * (a segment size beyond its limits). */
int log_open(struct log **out, const char *dir, size_t segment_bytes, char why[LOG_WHY_BYTES]);
void log_close(struct log **log);

uint64_t log_id(const struct log *log);
uint64_t log_tail(const struct log *log);     /* the first number kept; 1 until retention */
uint64_t log_head(const struct log *log);     /* the last durable number; 0 when empty */
uint64_t log_bytes(const struct log *log);    /* on disk, preallocation not counted */
uint64_t log_segment_first(const struct log *log);   /* first number of the open segment */

/* Starts an empty batch in `batch` (leaves room for its header). */
void log_batch_begin(struct buf *batch);

/* Makes sure that `bytes` can be written: all that is not in the log yet, of the
 * batch being filled and of one on its way to the disk.  Cheap, unless the open
 * segment is nearly full and the next is not preallocated yet: then it waits for
 * that.  Loop thread, also during log_write.
 * Returns 0, TL_NO_SPACE (nothing changed; try again later), TL_EIO. */
int log_reserve(struct log *log, size_t bytes);

/* Fills in the batch header, writes the batch of `count` frames numbered from
 * `first` (the head + 1), and syncs: when it returns 0 they survive power loss.
 * Starts the next segment when it does not fit into the open one.
 * Returns 0, TL_NO_SPACE (nothing of it is durable, the next takes its place), or
 * TL_EIO (stop now: every later call says the same). */
int log_write(struct log *log, struct buf *batch, uint64_t first, uint32_t count);

/* Makes the written batch visible to readers: the head moves.  `batch` is what
 * log_write took. */
void log_commit(struct log *log, const struct buf *batch, uint64_t first, uint32_t count);

/* Reads frame `number` (tail..head).  `f` borrows from the mapped segment.  The
 * payload's CRC is checked, unless the frame is marked erased.
 * Returns 0, TL_NOT_FOUND, TL_EDAMAGED (`why` names file and offset). */
int log_read(const struct log *log, uint64_t number, struct frame *f, char why[LOG_WHY_BYTES]);

/* Header only: does not touch the payload's pages. */
int log_read_header(const struct log *log, uint64_t number, struct frame *f,
                    char why[LOG_WHY_BYTES]);

/* Hints that numbers from `number` on will be read in order. */
void log_readahead(const struct log *log, uint64_t number);

/* The first number received at or after `time`; head + 1 when there is none. */
uint64_t log_number_at(const struct log *log, int64_t received);

#endif
