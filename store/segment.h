/* segment.h -- one file of the log: a header page, then batches.
 *
 *   header page                             batch header
 *    0  "TLSEGMT\0"                          0  u64 the log's mark
 *    8  u32 format                           8  u32 CRC-32C of bytes 12 .. end
 *   12  u32 CRC-32C of bytes 16 .. 39       12  u32 bytes, header included
 *   16  u64 log id                          16  u64 number of its first frame
 *   24  u64 the log's mark                  24  u32 frames
 *   32  u64 first number                    28  u32 CRC-32C of bytes 12 .. 27
 *
 * The mark is random and shown to nobody, so that no event's payload can pass
 * for a batch.  The header has its page to itself: it is written once.
 *
 * An open segment is preallocated, the rest of it zeros, and its table of
 * offsets is in memory.  A sealed one is cut behind its last batch and its
 * table is the file `<first>.off`.  Neither its map nor its table ever moves. */

#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/frame.h"

#define SEGMENT_FORMAT 1u
#define SEGMENT_HEADER_BYTES 4096
#define SEGMENT_NAME_BYTES 32
#define SEGMENT_AHEAD (2u << 20)
#define SEGMENT_NEXT "next.tmp"         /* one that is being preallocated */

struct segment_mark {
    uint64_t log_id;
    uint64_t mark;
};

struct segment {
    uint64_t first;
    uint64_t count;                     /* frames in it; of the thread that appends */
    _Atomic uint64_t end;               /* behind the last batch */
    uint64_t bytes;                     /* of the file, while it is open */
    int fd;                             /* -1: sealed */
    const unsigned char *map;
    size_t map_bytes;
    uint32_t *offsets;                  /* where frame first + i begins */
    size_t offsets_bytes;               /* mapped */
    struct segment *then;               /* in a list */
    char name[SEGMENT_NAME_BYTES];
};

struct segment_batch {
    uint32_t bytes;
    uint32_t count;
    uint64_t first;
};

/* Preallocates a file for `room` bytes of batches as SEGMENT_NEXT.
 * Returns 0, TL_NO_SPACE (nothing is left of it) or TL_EIO. */
int segment_prepare(int dir, size_t room, int *fd);

/* Makes the prepared file the segment that begins with `first`; durable on
 * return.  Takes fd.  Returns 0, TL_NO_SPACE or TL_EIO. */
int segment_create(struct segment **out, int dir, int fd, const struct segment_mark *mark,
                   uint64_t first);

/* Opens and maps the segment that begins with `first`.  A mark of zero is
 * filled in.  Returns 0, TL_EDAMAGED or TL_EFORMAT (`what` says it, static
 * text), TL_EIO. */
int segment_open(struct segment **out, int dir, struct segment_mark *mark, uint64_t first,
                 const char **what);

/* Lets go of the memory; the file stays as it is. */
void segment_free(struct segment **s);

/* The batch at `at`, if there is the header of one: its frames are not looked at. */
bool segment_batch_at(const struct segment *s, const struct segment_mark *mark, uint64_t at,
                      struct segment_batch *batch);
bool segment_batch_intact(const struct segment *s, uint64_t at, const struct segment_batch *batch);

/* Fills in a batch's header. */
void segment_batch_finish(unsigned char *bytes, const struct segment_mark *mark,
                          const struct segment_batch *batch);

/* Notes where the frames of the batch at `bytes` will lie when the batch is at
 * `at`; they must continue the segment's numbers.
 * 0, or TL_EDAMAGED with the place of the frame that is wrong. */
int segment_index(struct segment *s, const unsigned char *bytes, uint64_t at,
                  const struct segment_batch *batch, uint64_t *wrong);

/* The batch that was indexed is now the segment's last. */
void segment_add(struct segment *s, const struct segment_batch *batch);

/* Reads the frame `number`, which is in this segment, and tells its offset.  Who
 * reads one after the other comes by the places that read ahead. */
int segment_frame(const struct segment *s, uint64_t number, struct frame *f, uint64_t *offset);

/* Hints that what begins at `from` will be read: SEGMENT_AHEAD bytes of it. */
void segment_readahead(const struct segment *s, uint64_t from);

/* No batch follows any more: cuts the file, writes its table of offsets to
 * disk, and maps that in place of the one in memory.  When the table cannot be
 * written it stays in memory, and the next start makes it again. */
void segment_seal(struct segment *s, int dir, uint64_t log_id);

/* Takes the table of a sealed segment of `count` frames from disk.  false: there
 * is none, or it is damaged or belongs to something else. */
bool segment_load_offsets(struct segment *s, int dir, uint64_t log_id, uint64_t count);

#endif
