#include "store/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "proto/code.h"
#include "store/file.h"
#include "store/le.h"
#include "store/log.h"

#define HEADER_USED 40
#define CRC_FROM 12             /* of a batch */
#define HEADER_CRC_AT 28
#define AHEAD_STEP (SEGMENT_AHEAD / 2)  /* one step is read while the next is on its way */

/* `<first>.off`: the offsets, then {"TLOFFS\0\0", u32 format, u32 CRC-32C of
 * all else, u64 log id, u64 first, u64 count, u64 end}. */
#define OFFSETS_FORMAT 1u
#define OFFSETS_TRAILER_BYTES 48

static const char header_magic[8] = "TLSEGMT";
static const char offsets_magic[8] = "TLOFFS";

/* ------------------------------------------------------------------ files */

int
segment_prepare(int dir, size_t room, int *fd)
{
    off_t bytes = (off_t)(SEGMENT_HEADER_BYTES + room);
    int err;

    *fd = openat(dir, SEGMENT_NEXT, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (*fd < 0)
        return file_code(errno);
    do
        err = posix_fallocate(*fd, 0, bytes);
    while (err == EINTR);
    err = err != 0 ? file_code(err) : file_sync(*fd);
    if (err != 0) {
        /* What was had of a full disk is given back. */
        close(*fd);
        *fd = -1;
        if (unlinkat(dir, SEGMENT_NEXT, 0) != 0)
            return TL_EIO;
    }
    return err;
}

static void
name(char out[SEGMENT_NAME_BYTES], uint64_t first, const char *suffix)
{
    snprintf(out, SEGMENT_NAME_BYTES, "%016" PRIx64 "%s", first, suffix);
}

/* Address space only: memory is taken as the pages are written. */
static bool
map_offsets(struct segment *s)
{
    void *at;

    s->offsets_bytes = ((size_t)(s->bytes / FRAME_HEADER_BYTES) + 1) * sizeof *s->offsets;
    at = mmap(NULL, s->offsets_bytes, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    s->offsets = at;
    return true;
}

static bool
map_file(struct segment *s)
{
    void *at = mmap(NULL, (size_t)s->bytes, PROT_READ, MAP_SHARED, s->fd, 0);

    if (at == MAP_FAILED)
        return false;
    s->map = at;
    s->map_bytes = (size_t)s->bytes;
    /* One event of many customers costs one page then, not the megabytes around
     * it; whoever reads in order is served by segment_readahead. */
    madvise(at, s->map_bytes, MADV_RANDOM);
    return map_offsets(s);
}

/* Takes fd. */
static int
attach(struct segment **out, int fd, uint64_t first)
{
    struct segment *s = calloc(1, sizeof *s);
    struct stat st;

    must(s != NULL);
    s->fd = fd;
    s->first = first;
    s->end = SEGMENT_HEADER_BYTES;
    name(s->name, first, ".log");
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        segment_free(&s);
        return TL_EIO;
    }
    s->bytes = (uint64_t)st.st_size;
    if (s->bytes >= SEGMENT_HEADER_BYTES && !map_file(s)) {
        segment_free(&s);
        return TL_EIO;
    }
    *out = s;
    return 0;
}

int
segment_create(struct segment **out, int dir, int fd, const struct segment_mark *mark,
               uint64_t first)
{
    unsigned char header[HEADER_USED] = {0};
    char final[SEGMENT_NAME_BYTES];
    int err;

    memcpy(header, header_magic, sizeof header_magic);
    le_put32(header + 8, SEGMENT_FORMAT);
    le_put64(header + 16, mark->log_id);
    le_put64(header + 24, mark->mark);
    le_put64(header + 32, first);
    le_put32(header + 12, crc32c(0, header + 16, sizeof header - 16));

    name(final, first, ".log");
    if ((err = file_write(fd, header, sizeof header, 0, NULL)) == 0 && (err = file_sync(fd)) == 0)
        err = file_rename(dir, SEGMENT_NEXT, final);
    if (err != 0) {
        close(fd);
        return err;
    }
    return attach(out, fd, first);
}

static int
check_header(const struct segment *s, struct segment_mark *mark, const char **what)
{
    const unsigned char *header = s->map;

    *what = "its header is damaged";
    if (s->bytes < SEGMENT_HEADER_BYTES || memcmp(header, header_magic, sizeof header_magic) != 0)
        return TL_EDAMAGED;
    if (le_get32(header + 8) != SEGMENT_FORMAT) {
        *what = "it has a format this program does not know";
        return TL_EFORMAT;
    }
    if (crc32c(0, header + 16, HEADER_USED - 16) != le_get32(header + 12))
        return TL_EDAMAGED;
    if (mark->mark == 0)
        *mark = (struct segment_mark){le_get64(header + 16), le_get64(header + 24)};

    *what = "it belongs to another log";
    if (le_get64(header + 16) != mark->log_id || le_get64(header + 24) != mark->mark)
        return TL_EDAMAGED;
    *what = "its name does not fit its content";
    return le_get64(header + 32) == s->first ? 0 : TL_EDAMAGED;
}

int
segment_open(struct segment **out, int dir, struct segment_mark *mark, uint64_t first,
             const char **what)
{
    char final[SEGMENT_NAME_BYTES];
    int fd, err;

    name(final, first, ".log");
    if ((fd = openat(dir, final, O_RDWR | O_CLOEXEC)) < 0)
        return TL_EIO;
    if ((err = attach(out, fd, first)) != 0)
        return err;
    if ((err = check_header(*out, mark, what)) != 0)
        segment_free(out);
    return err;
}

void
segment_free(struct segment **s)
{
    if (*s == NULL)
        return;
    if ((*s)->map != NULL)
        munmap((void *)(uintptr_t)(*s)->map, (*s)->map_bytes);
    if ((*s)->offsets != NULL)
        munmap((*s)->offsets, (*s)->offsets_bytes);
    if ((*s)->fd >= 0)
        close((*s)->fd);
    free(*s);
    *s = NULL;
}

/* ---------------------------------------------------------------- batches */

static uint32_t
header_crc(const unsigned char *batch)
{
    return crc32c(0, batch + CRC_FROM, HEADER_CRC_AT - CRC_FROM);
}

bool
segment_batch_at(const struct segment *s, const struct segment_mark *mark, uint64_t at,
                 struct segment_batch *batch)
{
    const unsigned char *header = s->map + at;

    if (at > s->bytes || s->bytes - at < LOG_BATCH_HEADER_BYTES
        || le_get64(header) != mark->mark || le_get32(header + HEADER_CRC_AT) != header_crc(header))
        return false;
    batch->bytes = le_get32(header + 12);
    batch->first = le_get64(header + 16);
    batch->count = le_get32(header + 24);
    return batch->bytes > LOG_BATCH_HEADER_BYTES && batch->bytes <= LOG_BATCH_BYTES_MAX
           && batch->bytes % 8 == 0 && batch->bytes <= s->bytes - at && batch->count > 0;
}

bool
segment_batch_intact(const struct segment *s, uint64_t at, const struct segment_batch *batch)
{
    const unsigned char *header = s->map + at;

    return crc32c(0, header + CRC_FROM, batch->bytes - CRC_FROM) == le_get32(header + 8);
}

void
segment_batch_finish(unsigned char *bytes, const struct segment_mark *mark,
                     const struct segment_batch *batch)
{
    le_put64(bytes, mark->mark);
    le_put32(bytes + 12, batch->bytes);
    le_put64(bytes + 16, batch->first);
    le_put32(bytes + 24, batch->count);
    le_put32(bytes + HEADER_CRC_AT, header_crc(bytes));
    le_put32(bytes + 8, crc32c(0, bytes + CRC_FROM, batch->bytes - CRC_FROM));
}

int
segment_index(struct segment *s, const unsigned char *bytes, uint64_t at,
              const struct segment_batch *batch, uint64_t *wrong)
{
    size_t done = LOG_BATCH_HEADER_BYTES;
    struct frame f;

    *wrong = at;
    if (batch->first != s->first + s->count)
        return TL_EDAMAGED;
    for (uint32_t i = 0; i < batch->count; i++) {
        *wrong = at + done;
        if (frame_parse(&f, bytes + done, batch->bytes - done) != 0 || f.number != batch->first + i)
            return TL_EDAMAGED;
        s->offsets[s->count + i] = (uint32_t)*wrong;
        done += f.bytes;
    }
    return done == batch->bytes ? 0 : TL_EDAMAGED;
}

void
segment_add(struct segment *s, const struct segment_batch *batch)
{
    s->count += batch->count;
    atomic_store_explicit(&s->end, s->end + batch->bytes, memory_order_release);
}

/* A hint: that it cannot be followed is no fault. */
void
segment_readahead(const struct segment *s, uint64_t from)
{
    uint64_t end = atomic_load_explicit(&s->end, memory_order_relaxed);

    from &= ~(uint64_t)4095;
    if (from >= end)
        return;
    if (end - from > SEGMENT_AHEAD)
        end = from + SEGMENT_AHEAD;
    madvise((void *)(uintptr_t)(s->map + from), (size_t)(end - from), MADV_WILLNEED);
}

int
segment_frame(const struct segment *s, uint64_t number, struct frame *f, uint64_t *offset)
{
    uint64_t end = atomic_load_explicit(&s->end, memory_order_relaxed);

    *offset = s->offsets[number - s->first];
    if (*offset < SEGMENT_HEADER_BYTES || *offset >= end
        || frame_parse(f, s->map + *offset, (size_t)(end - *offset)) != 0 || f->number != number)
        return TL_EDAMAGED;
    __builtin_prefetch(s->map + *offset + f->bytes);      /* who reads one often reads the next */
    __builtin_prefetch(s->map + *offset + f->bytes + 64);
    if (number == s->first || *offset / AHEAD_STEP != (*offset + f->bytes) / AHEAD_STEP)
        segment_readahead(s, *offset + f->bytes);
    return 0;
}

/* ---------------------------------------------------------------- sealing */

static void
put_trailer(unsigned char trailer[OFFSETS_TRAILER_BYTES], const struct segment *s, uint64_t log_id)
{
    memset(trailer, 0, OFFSETS_TRAILER_BYTES);
    memcpy(trailer, offsets_magic, sizeof offsets_magic);
    le_put32(trailer + 8, OFFSETS_FORMAT);
    le_put64(trailer + 16, log_id);
    le_put64(trailer + 24, s->first);
    le_put64(trailer + 32, s->count);
    le_put64(trailer + 40, s->end);
}

static uint32_t
offsets_crc(const void *offsets, size_t bytes, const unsigned char trailer[OFFSETS_TRAILER_BYTES])
{
    uint32_t crc = crc32c(0, offsets, bytes);

    crc = crc32c(crc, trailer, 12);
    return crc32c(crc, trailer + 16, OFFSETS_TRAILER_BYTES - 16);
}

static int
write_offsets(int fd, const struct segment *s, uint64_t log_id)
{
    size_t bytes = (size_t)s->count * sizeof *s->offsets;
    unsigned char trailer[OFFSETS_TRAILER_BYTES];
    int err;

    put_trailer(trailer, s, log_id);
    le_put32(trailer + 12, offsets_crc(s->offsets, bytes, trailer));
    if ((err = file_write(fd, s->offsets, bytes, 0, NULL)) != 0
        || (err = file_write(fd, trailer, sizeof trailer, bytes, NULL)) != 0)
        return err;
    return file_sync(fd);
}

/* The kernel puts the file's pages in place of the memory in one step: a reader
 * on another thread sees the same offsets at the same address before and after. */
static bool
replace_offsets(struct segment *s, int fd)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used = (size_t)s->count * sizeof *s->offsets;
    size_t kept = (used + page - 1) & ~(page - 1);
    size_t all = (s->offsets_bytes + page - 1) & ~(page - 1);
    void *file;

    if (used == 0)
        return true;
    if ((file = mmap(NULL, kept, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED)
        return false;
    must(mremap(file, kept, kept, MREMAP_MAYMOVE | MREMAP_FIXED, s->offsets) != MAP_FAILED);
    if (all > kept)
        munmap((char *)s->offsets + kept, all - kept);
    s->offsets_bytes = kept;
    return true;
}

/* Gives back what was preallocated and not used.  If it cannot: a tail of zeros
 * does no harm. */
static void
cut(struct segment *s)
{
    int kept = ftruncate(s->fd, (off_t)s->end);

    (void)kept;
    close(s->fd);
    s->fd = -1;
}

void
segment_seal(struct segment *s, int dir, uint64_t log_id)
{
    char temporary[SEGMENT_NAME_BYTES], final[SEGMENT_NAME_BYTES];
    int fd;

    cut(s);
    name(temporary, s->first, ".off.tmp");
    name(final, s->first, ".off");
    fd = openat(dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (write_offsets(fd, s, log_id) == 0 && file_rename(dir, temporary, final) == 0)
        replace_offsets(s, fd);
    else
        unlinkat(dir, temporary, 0);
    close(fd);
}

static bool
offsets_ok(struct segment *s, const unsigned char *file, size_t file_bytes, uint64_t log_id)
{
    size_t bytes = (size_t)s->count * sizeof *s->offsets;
    unsigned char trailer[OFFSETS_TRAILER_BYTES];
    const unsigned char *stored = file + bytes;

    if (file_bytes != bytes + sizeof trailer || bytes > s->offsets_bytes)
        return false;
    s->end = le_get64(stored + 40);
    put_trailer(trailer, s, log_id);
    le_put32(trailer + 12, offsets_crc(file, bytes, trailer));
    return memcmp(stored, trailer, sizeof trailer) == 0 && s->end >= SEGMENT_HEADER_BYTES
           && s->end <= s->bytes;
}

static bool
load(struct segment *s, int fd, uint64_t log_id)
{
    struct stat st;
    void *file;
    bool ok;

    if (fstat(fd, &st) != 0 || st.st_size < OFFSETS_TRAILER_BYTES)
        return false;
    file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        return false;
    ok = offsets_ok(s, file, (size_t)st.st_size, log_id);
    munmap(file, (size_t)st.st_size);
    return ok && replace_offsets(s, fd);
}

bool
segment_load_offsets(struct segment *s, int dir, uint64_t log_id, uint64_t count)
{
    char final[SEGMENT_NAME_BYTES];
    bool ok;
    int fd;

    name(final, s->first, ".off");
    if ((fd = openat(dir, final, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    s->count = count;
    ok = load(s, fd, log_id);
    close(fd);
    if (ok) {
        close(s->fd);
        s->fd = -1;
    } else {
        s->count = 0;
        s->end = SEGMENT_HEADER_BYTES;
    }
    return ok;
}
