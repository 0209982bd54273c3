#include "store/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/code.h"
#include "store/file.h"

#define ASIDE_MAX 1000      /* torn batches of one number */

#define RESTORE "restore it from a backup"

__attribute__((format(printf, 4, 5))) static int
fail(const struct recover *r, int err, const struct segment *s, const char *fmt, ...)
{
    int len = snprintf(r->why, LOG_WHY_BYTES, "%s/%s: ", r->path, s->name);
    va_list args;

    va_start(args, fmt);
    if (len > 0 && len < LOG_WHY_BYTES)
        vsnprintf(r->why + len, LOG_WHY_BYTES - (size_t)len, fmt, args);
    va_end(args);
    return err;
}

/* Walks the batches from the start to the first that is none (or, with
 * `intact`, is not what was written). */
static int
walk(const struct recover *r, struct segment *s, bool intact)
{
    struct segment_batch batch;
    uint64_t wrong;

    madvise((void *)(uintptr_t)s->map, s->map_bytes, MADV_SEQUENTIAL);
    while (segment_batch_at(s, &r->mark, s->end, &batch)
           && (!intact || segment_batch_intact(s, s->end, &batch))) {
        if (segment_index(s, s->map + s->end, s->end, &batch, &wrong) != 0)
            return fail(r, TL_EDAMAGED, s, "damaged at offset %" PRIu64 "; " RESTORE, wrong);
        segment_add(s, &batch);
    }
    madvise((void *)(uintptr_t)s->map, s->map_bytes, MADV_RANDOM);
    return 0;
}

/* The last byte in map[from .. to) that is not zero, plus one; or `from`, which
 * may be beyond `to`. */
static uint64_t
last_used(const unsigned char *map, uint64_t from, uint64_t to)
{
    uint64_t word;

    for (; to > from && to % 8 != 0; to--)
        if (map[to - 1] != 0)
            return to;
    for (; to >= from + 8; to -= 8) {
        memcpy(&word, map + to - 8, 8);
        if (word != 0)
            break;
    }
    for (; to > from && map[to - 1] == 0; to--)
        ;
    return to > from ? to : from;
}

/* Where what was ever written ends, for the file system knows it.  To be asked
 * before the segment is read: pages read ahead count as written. */
static uint64_t
data_end(const struct segment *s)
{
    uint64_t known = 0;

    while (known < s->bytes) {
        off_t data = lseek(s->fd, (off_t)known, SEEK_DATA), hole;

        if (data < 0)
            return errno == ENXIO ? known : s->bytes;
        if ((hole = lseek(s->fd, data, SEEK_HOLE)) < 0)
            return s->bytes;
        known = (uint64_t)hole;
    }
    return s->bytes;
}

/* A batch that is what was written, in [from, to).  0: none. */
static uint64_t
find_batch(const struct recover *r, const struct segment *s, uint64_t from, uint64_t to)
{
    struct segment_batch batch;

    for (uint64_t at = from; at < to; at += 8)
        if (segment_batch_at(s, &r->mark, at, &batch) && segment_batch_intact(s, at, &batch))
            return at;
    return 0;
}

/* ----------------------------------------------------------------- sealed */

int
recover_sealed(const struct recover *r, struct segment *s, uint64_t next)
{
    uint64_t written = data_end(s);
    int err;

    if (segment_load_offsets(s, r->dir, r->mark.log_id, next - s->first))
        return 0;
    if ((err = walk(r, s, false)) != 0)
        return err;
    if (last_used(s->map, s->end, written) > s->end)
        return fail(r, TL_EDAMAGED, s, "damaged at offset %" PRIu64 "; " RESTORE, (uint64_t)s->end);
    if (s->first + s->count != next)
        return fail(r, TL_EDAMAGED, s,
                    "ends at offset %" PRIu64 " before event %" PRIu64
                    ", and the next segment begins with %" PRIu64 "; " RESTORE
                    ", or the segment that is missing",
                    (uint64_t)s->end, s->first + s->count, next);
    segment_seal(s, r->dir, r->mark.log_id);
    return 0;
}

/* ------------------------------------------------------------------- open */

/* Could one batch that was never finished have left what lies between the end
 * and `used`?  If not, this is damage. */
static int
check_torn(const struct recover *r, const struct segment *s, uint64_t used)
{
    struct segment_batch batch = {.bytes = LOG_BATCH_BYTES_MAX};
    uint64_t valid = find_batch(r, s, s->end + 8, used);

    if (valid != 0)
        return fail(r, TL_EDAMAGED, s,
                    "the batch at offset %" PRIu64 " (from event %" PRIu64
                    ") is damaged, and a valid one follows at offset %" PRIu64 "; " RESTORE,
                    (uint64_t)s->end, s->first + s->count, valid);
    if (!segment_batch_at(s, &r->mark, s->end, &batch) || batch.first != s->first + s->count)
        batch.bytes = LOG_BATCH_BYTES_MAX;
    if (used - s->end > batch.bytes)
        return fail(r, TL_EDAMAGED, s,
                    "damaged at offset %" PRIu64 " (from event %" PRIu64
                    "), with more behind it than one batch; " RESTORE,
                    (uint64_t)s->end, s->first + s->count);
    return 0;
}

/* A new file for what is dropped, never one that is there. */
static int
open_aside(const struct recover *r, uint64_t number, char *aside, size_t aside_bytes)
{
    for (int n = 1; n <= ASIDE_MAX; n++) {
        int fd;

        snprintf(aside, aside_bytes, "torn-%" PRIu64 "-%d.bad", number, n);
        fd = openat(r->dir, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static int
copy_aside(const struct recover *r, const struct segment *s, uint64_t used, char *aside,
           size_t aside_bytes)
{
    int fd = open_aside(r, s->first + s->count, aside, aside_bytes);
    int err;

    if (fd < 0)
        return file_code(errno);
    err = file_write(fd, s->map + s->end, (size_t)(used - s->end), 0, NULL);
    if (err == 0 && (err = file_sync(fd)) == 0)
        err = file_sync(r->dir);
    close(fd);
    return err;
}

static int
drop_torn(const struct recover *r, struct segment *s, uint64_t used)
{
    char aside[64];
    int err = copy_aside(r, s, used, aside, sizeof aside);

    if (err == 0 && (err = file_zero(s->fd, s->end, used - s->end)) == 0)
        err = file_sync(s->fd);
    if (err != 0)
        return fail(r, err, s, "cannot put aside the torn batch at offset %" PRIu64 ": %s",
                    (uint64_t)s->end, strerror(errno));
    return fail(r, 0, s,
                "dropped a batch at offset %" PRIu64 " (from event %" PRIu64
                ") that was never finished; its bytes are kept in %s",
                (uint64_t)s->end, s->first + s->count, aside);
}

int
recover_open(const struct recover *r, struct segment *s)
{
    uint64_t written = data_end(s), used;
    int err;

    if ((err = walk(r, s, true)) != 0)
        return err;
    if (s->count == 0 && s->bytes < SEGMENT_HEADER_BYTES + LOG_SEGMENT_BYTES_MIN)
        return fail(r, TL_EDAMAGED, s, "is cut short, and holds no event; move it away");
    if ((used = last_used(s->map, s->end, written)) != s->end) {
        if ((err = check_torn(r, s, used)) != 0)
            return err;
        return drop_torn(r, s, used);
    }
    /* A process killed between its write and its sync leaves a whole batch that
     * only the page cache has: it counts from now on, so it must be durable. */
    if ((err = file_sync(s->fd)) != 0)
        return fail(r, err, s, "cannot be synced");
    return 0;
}
