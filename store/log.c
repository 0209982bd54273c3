#include "store/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "proto/code.h"
#include "store/ahead.h"
#include "store/file.h"
#include "store/le.h"
#include "store/recover.h"

#define SEGMENTS_MAX (1u << 20)             /* 256 TiB of the usual ones */
#define FRAME_RECEIVED_AT 36                /* frame.h */

struct log {
    int dir;
    char *path;
    size_t room;                            /* for batches, in a new segment */
    struct segment_mark mark;
    struct segment **segments;              /* address space for all there can be: never moves */
    _Atomic size_t segments_count;
    _Atomic uint64_t head;
    _Atomic bool broken;                    /* a sync failed: what is on disk is not known */
    size_t leftover;                        /* bytes behind the end, of a batch refused */
    struct ahead ahead;
    bool ahead_runs;
};

static struct segment *
open_segment(const struct log *log)
{
    return log->segments[atomic_load_explicit(&log->segments_count, memory_order_acquire) - 1];
}

static void
add_segment(struct log *log, struct segment *s)
{
    size_t count = log->segments_count;

    must(count < SEGMENTS_MAX);
    log->segments[count] = s;
    atomic_store_explicit(&log->segments_count, count + 1, memory_order_release);
}

/* ---------------------------------------------------------------- opening */

struct names {
    uint64_t *first;
    size_t count;
    size_t room;
};

static int
add_name(void *arg, const char *name)
{
    struct names *names = arg;
    char digits[17], *end;

    if (strlen(name) != 20 || strcmp(name + 16, ".log") != 0)
        return 0;
    memcpy(digits, name, 16);
    digits[16] = '\0';
    if (strspn(digits, "0123456789abcdef") != 16)
        return 0;
    if (names->count == names->room) {
        names->room = names->room * 2 + 64;
        names->first = realloc(names->first, names->room * sizeof *names->first);
        must(names->first != NULL);
    }
    names->first[names->count++] = strtoull(digits, &end, 16);
    return 0;
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Nobody can tell the mark from what they are shown. */
static int
draw_mark(struct segment_mark *mark)
{
    uint64_t random[2];

    if (getrandom(random, sizeof random, 0) != sizeof random)
        return TL_EIO;
    mark->log_id = ((uint64_t)(clock_now() / CLOCK_SECOND) << 16 | (random[0] & 0xffff))
                   & 0xffffffffffff;
    mark->mark = random[1] | 1;
    return 0;
}

static int
make_first(struct log *log)
{
    struct segment *s;
    int fd, err;

    if ((err = draw_mark(&log->mark)) != 0
        || (err = segment_prepare(log->dir, log->room, &fd)) != 0)
        return err;
    if ((err = segment_create(&s, log->dir, fd, &log->mark, 1)) != 0)
        return err;
    add_segment(log, s);
    return 0;
}

static int
open_segments(struct log *log, const struct names *names, char *why)
{
    const char *what = "cannot be opened";

    for (size_t i = 0; i < names->count; i++) {
        struct segment *s;
        int err = segment_open(&s, log->dir, &log->mark, names->first[i], &what);

        if (err != 0) {
            snprintf(why, LOG_WHY_BYTES,
                     "%s/%016" PRIx64 ".log: %s (offset 0); restore it from a backup", log->path,
                     names->first[i], err == TL_EIO ? strerror(errno) : what);
            return err;
        }
        add_segment(log, s);
    }
    return 0;
}

static int
recover(struct log *log, char *why)
{
    struct recover r = {.dir = log->dir, .path = log->path, .mark = log->mark, .why = why};
    size_t last = log->segments_count - 1;
    int err;

    for (size_t i = 0; i < last; i++)
        if ((err = recover_sealed(&r, log->segments[i], log->segments[i + 1]->first)) != 0)
            return err;
    return recover_open(&r, log->segments[last]);
}

static int
load(struct log *log, char *why)
{
    struct names names = {0};
    int err;

    if ((err = file_remove_unfinished(log->dir)) == 0
        && (err = file_list(log->dir, add_name, &names)) == 0) {
        if (names.count > 1)
            qsort(names.first, names.count, sizeof *names.first, compare);
        err = names.count == 0 ? make_first(log) : open_segments(log, &names, why);
    }
    free(names.first);
    return err;
}

static bool
past_half(const struct segment *s)
{
    return s->end > s->bytes / 2;
}

static int
start(struct log *log, char *why)
{
    const struct segment *last;
    int err;

    if ((err = file_open_dir(log->path, &log->dir)) != 0 || (err = load(log, why)) != 0
        || (err = recover(log, why)) != 0)
        return err;
    last = open_segment(log);
    log->head = last->first + last->count - 1;
    if ((errno = ahead_start(&log->ahead, log->dir, log->room, log->mark.log_id)) != 0)
        return TL_EIO;
    log->ahead_runs = true;
    if (past_half(last))
        ahead_want(&log->ahead);
    return 0;
}

int
log_open(struct log **out, const char *dir, size_t segment_bytes, char why[LOG_WHY_BYTES])
{
    struct log *log;
    int err;

    why[0] = '\0';
    *out = NULL;
    if (segment_bytes < LOG_SEGMENT_BYTES_MIN || segment_bytes > LOG_SEGMENT_BYTES_MAX) {
        snprintf(why, LOG_WHY_BYTES, "a segment has %u to %u bytes, not %zu", LOG_SEGMENT_BYTES_MIN,
                 LOG_SEGMENT_BYTES_MAX, segment_bytes);
        return TL_EARGUMENT;
    }

    log = calloc(1, sizeof *log);
    must(log != NULL);
    log->dir = -1;
    log->room = segment_bytes;
    log->path = strdup(dir);
    must(log->path != NULL);
    log->segments = mmap(NULL, SEGMENTS_MAX * sizeof(struct segment *), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(log->segments != MAP_FAILED);

    if ((err = start(log, why)) == 0) {
        *out = log;
        return 0;
    }
    if (why[0] == '\0')
        snprintf(why, LOG_WHY_BYTES, "%s: %s", dir, strerror(errno));
    log_close(&log);
    return err;
}

void
log_close(struct log **log)
{
    if (*log == NULL)
        return;
    if ((*log)->ahead_runs)
        ahead_stop(&(*log)->ahead);
    for (size_t i = 0; i < (*log)->segments_count; i++)
        segment_free(&(*log)->segments[i]);
    munmap((*log)->segments, SEGMENTS_MAX * sizeof(struct segment *));
    if ((*log)->dir >= 0)
        close((*log)->dir);
    free((*log)->path);
    free(*log);
    *log = NULL;
}

/* -------------------------------------------------------------- questions */

uint64_t
log_id(const struct log *log)
{
    return log->mark.log_id;
}

uint64_t
log_tail(const struct log *log)
{
    return log->segments[0]->first;
}

uint64_t
log_head(const struct log *log)
{
    return atomic_load_explicit(&log->head, memory_order_acquire);
}

uint64_t
log_bytes(const struct log *log)
{
    size_t count = atomic_load_explicit(&log->segments_count, memory_order_acquire);
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += atomic_load_explicit(&log->segments[i]->end, memory_order_relaxed);
    return bytes;
}

uint64_t
log_segment_first(const struct log *log)
{
    return open_segment(log)->first;
}

/* -------------------------------------------------------------- appending */

void
log_batch_begin(struct buf *batch)
{
    void *header;

    buf_clear(batch);
    header = buf_grow(batch, LOG_BATCH_HEADER_BYTES);
    must(header != NULL);
}

/* A new segment has room for two of the largest batches, so the next one is
 * enough whatever becomes of them. */
int
log_reserve(struct log *log, size_t bytes)
{
    const struct segment *s = open_segment(log);
    int err;

    if (atomic_load_explicit(&log->broken, memory_order_relaxed))
        return TL_EIO;
    if (s->bytes - atomic_load_explicit(&s->end, memory_order_relaxed) >= bytes)
        return 0;
    if ((err = ahead_wait(&log->ahead)) == TL_EIO)
        atomic_store(&log->broken, true);
    return err;
}

/* A batch that was refused half written must not be found by the next start, or
 * show behind a shorter one. */
static int
clear_leftover(struct log *log)
{
    const struct segment *s = open_segment(log);
    int err;

    if (log->leftover == 0)
        return 0;
    if ((err = file_zero(s->fd, s->end, log->leftover)) == 0 && (err = file_sync(s->fd)) == 0)
        log->leftover = 0;
    return err;
}

static int
make_room(struct log *log, const struct segment_batch *b)
{
    struct segment *full = open_segment(log), *s;
    int fd, err;

    if (full->bytes - full->end >= b->bytes)
        return 0;
    if ((err = ahead_take(&log->ahead, &fd)) != 0)
        return err;
    err = segment_create(&s, log->dir, fd, &log->mark, b->first);
    ahead_taken(&log->ahead);
    if (err != 0)
        return err;
    add_segment(log, s);
    ahead_seal(&log->ahead, full);
    return 0;
}

static int
append(struct log *log, const struct buf *batch, const struct segment_batch *b)
{
    struct segment *s = open_segment(log);
    uint64_t wrong;
    int err, cleared;

    must(segment_index(s, batch->ptr, s->end, b, &wrong) == 0);
    if ((err = file_write(s->fd, batch->ptr, batch->len, s->end, &log->leftover)) != 0) {
        if (err == TL_NO_SPACE && (cleared = clear_leftover(log)) == TL_EIO)
            err = cleared;
        return err;
    }
    if (fdatasync(s->fd) != 0)
        return TL_EIO;
    log->leftover = 0;
    segment_add(s, b);
    if (past_half(s))
        ahead_want(&log->ahead);
    return 0;
}

int
log_write(struct log *log, struct buf *batch, uint64_t first, uint32_t count)
{
    struct segment_batch b = {.bytes = (uint32_t)batch->len, .count = count, .first = first};
    int err;

    must(batch->len > LOG_BATCH_HEADER_BYTES && batch->len <= LOG_BATCH_BYTES_MAX);
    must(count > 0 && first == log_head(log) + 1);
    if (log->broken)
        return TL_EIO;

    segment_batch_finish(batch->ptr, &log->mark, &b);
    if ((err = clear_leftover(log)) == 0 && (err = make_room(log, &b)) == 0)
        err = append(log, batch, &b);
    if (err == TL_EIO)
        log->broken = true;
    return err;
}

void
log_commit(struct log *log, const struct buf *batch, uint64_t first, uint32_t count)
{
    const struct segment *s = open_segment(log);

    must(first == log_head(log) + 1 && s->first + s->count == first + count);
    must(batch->len <= s->end);
    atomic_store_explicit(&log->head, first + count - 1, memory_order_release);
}

/* ---------------------------------------------------------------- reading */

static const struct segment *
holder(const struct log *log, uint64_t number)
{
    size_t low = 0, high = atomic_load_explicit(&log->segments_count, memory_order_acquire);

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (log->segments[middle]->first <= number)
            low = middle;
        else
            high = middle;
    }
    return log->segments[low];
}

static bool
held(const struct log *log, uint64_t number)
{
    return number >= log_tail(log) && number <= log_head(log);
}

static int
damaged(const struct log *log, const struct segment *s, uint64_t number, uint64_t offset,
        char why[LOG_WHY_BYTES])
{
    snprintf(why, LOG_WHY_BYTES,
             "%s/%s: event %" PRIu64 " at offset %" PRIu64 " is damaged; restore it from a backup",
             log->path, s->name, number, offset);
    return TL_EDAMAGED;
}

static int
read_frame(const struct log *log, uint64_t number, struct frame *f, bool payload,
           char why[LOG_WHY_BYTES])
{
    const struct segment *s;
    uint64_t offset;

    if (!held(log, number))
        return TL_NOT_FOUND;
    s = holder(log, number);
    if (segment_frame(s, number, f, &offset) != 0)
        return damaged(log, s, number, offset, why);
    if (payload && (f->flags & FRAME_ERASED) == 0 && !frame_payload_ok(f))
        return damaged(log, s, number, offset, why);
    return 0;
}

int
log_read(const struct log *log, uint64_t number, struct frame *f, char why[LOG_WHY_BYTES])
{
    return read_frame(log, number, f, true, why);
}

int
log_read_header(const struct log *log, uint64_t number, struct frame *f, char why[LOG_WHY_BYTES])
{
    return read_frame(log, number, f, false, why);
}

void
log_readahead(const struct log *log, uint64_t number)
{
    const struct segment *s;

    if (!held(log, number))
        return;
    s = holder(log, number);
    segment_readahead(s, s->offsets[number - s->first]);
}

/* Unchecked: damage only moves the place, and is found when it is read. */
static int64_t
received_at(const struct log *log, uint64_t number)
{
    const struct segment *s = holder(log, number);
    uint64_t offset = s->offsets[number - s->first];

    if (offset + FRAME_HEADER_BYTES > atomic_load_explicit(&s->end, memory_order_relaxed))
        return INT64_MAX;
    return (int64_t)le_get64(s->map + offset + FRAME_RECEIVED_AT);
}

uint64_t
log_number_at(const struct log *log, int64_t received)
{
    uint64_t low = log_tail(log), high = log_head(log) + 1;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (received_at(log, middle) < received)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
