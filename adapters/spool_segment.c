#include "adapters/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/must.h"
#include "client/touchline.h"

#define MAGIC "TLSPOOL1"
#define MAGIC_BYTES 8
#define HEAD_BYTES 8
#define NAME_BYTES 32
#define SCAN_BYTES (1u << 20)

static void
name_of(char name[NAME_BYTES], uint64_t number, const char *suffix)
{
    snprintf(name, NAME_BYTES, "%016llx.%s", (unsigned long long)number, suffix);
}

static int
code_of(int err)
{
    return err == ENOSPC || err == EDQUOT || err == EFBIG ? TL_NO_SPACE : TL_EIO;
}

static uint32_t
get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The CRC covers the length too: a record of zeros is none. */
static uint32_t
checksum(const unsigned char head[HEAD_BYTES], const void *bytes, size_t len)
{
    return crc32c(crc32c(0, head, 4), bytes, len);
}

static int
write_all(int fd, const void *bytes, size_t len, uint64_t at)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t written = pwrite(fd, p, len, (off_t)at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? code_of(errno) : TL_EIO;
        p += written;
        at += (uint64_t)written;
        len -= (size_t)written;
    }
    return 0;
}

int
spool_segment_create(int dir, uint64_t number, struct spool_segment **out)
{
    struct spool_segment *seg = calloc(1, sizeof *seg);
    char name[NAME_BYTES];
    int err = 0;

    must(seg != NULL);
    name_of(name, number, "spool");
    *seg = (struct spool_segment){.number = number, .bytes = MAGIC_BYTES,
                                  .read_bytes = MAGIC_BYTES};
    seg->fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (seg->fd < 0)
        err = code_of(errno);
    else if ((err = write_all(seg->fd, MAGIC, MAGIC_BYTES, 0)) == 0
             && (fdatasync(seg->fd) != 0 || fsync(dir) != 0))
        err = TL_EIO;
    if (err == 0) {
        *out = seg;
        return 0;
    }
    if (seg->fd >= 0) {
        close(seg->fd);
        unlinkat(dir, name, 0);
    }
    free(seg);
    return err;
}

/* ----------------------------------------------------------------- recovery */

struct scan {
    struct spool_segment *seg;
    uint64_t size;              /* of the file */
    uint64_t at;                /* up to here it is whole records */
    struct buf window;          /* the file's bytes, from `at` - `used` on */
    size_t used;
};

/* Sees to it that `want` bytes from `at` on are in the window, if the file has
 * them. */
static int
fill(struct scan *c, size_t want)
{
    while (c->window.len - c->used < want) {
        size_t had;
        ssize_t got;

        buf_drop_front(&c->window, c->used);
        c->used = 0;
        had = c->window.len;
        must(buf_grow(&c->window, want - had + SCAN_BYTES) != NULL);
        got = pread(c->seg->fd, c->window.ptr + had, want - had + SCAN_BYTES,
                    (off_t)(c->at + had));
        c->window.len = had + (got > 0 ? (size_t)got : 0);
        if (got <= 0)
            return (int)got;
    }
    return 0;
}

/* Is there a whole record at `at`?  -1: the disk failed. */
static int
record_at(struct scan *c, size_t *len)
{
    const unsigned char *head;

    if (fill(c, HEAD_BYTES) != 0)
        return -1;
    if (c->window.len - c->used < HEAD_BYTES)
        return 0;
    *len = get_u32(c->window.ptr + c->used);
    if (*len > SPOOL_RECORD_BYTES_MAX)
        return 0;
    if (fill(c, HEAD_BYTES + *len) != 0)
        return -1;
    head = c->window.ptr + c->used;
    return c->window.len - c->used >= HEAD_BYTES + *len
           && checksum(head, head + HEAD_BYTES, *len) == get_u32(head + 4);
}

static int
pass_records(struct scan *c)
{
    size_t len;
    int whole;

    while ((whole = record_at(c, &len)) == 1) {
        c->used += HEAD_BYTES + len;
        c->at += HEAD_BYTES + len;
        c->seg->records++;
    }
    return whole;
}

/* What follows the last whole record was promised to nobody; kept all the same. */
static int
cut_tail(int dir, const struct scan *c)
{
    char name[NAME_BYTES];
    int fd, err = 0;

    name_of(name, c->seg->number, "torn");
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return -1;
    for (uint64_t at = c->seg->bytes; err == 0 && at < c->size;) {
        char block[65536];
        ssize_t got = pread(c->seg->fd, block, sizeof block, (off_t)at);

        if (got <= 0 || write_all(fd, block, (size_t)got, at - c->seg->bytes) != 0)
            err = -1;
        at += got > 0 ? (uint64_t)got : 0;
    }
    if (err == 0 && (fsync(fd) != 0 || ftruncate(c->seg->fd, (off_t)c->seg->bytes) != 0
                     || fsync(c->seg->fd) != 0))
        err = -1;
    close(fd);
    if (err == 0)
        log_warn("spool", "an unfinished write was cut off segment=%016llx bytes=%llu kept=%s",
                 (unsigned long long)c->seg->number, (unsigned long long)(c->size - c->seg->bytes),
                 name);
    return err;
}

static int
unknown_format(const struct spool_segment *seg, char why[SPOOL_WHY_BYTES])
{
    snprintf(why, SPOOL_WHY_BYTES,
             "segment %016llx of the spool is of a format this program does not know",
             (unsigned long long)seg->number);
    return -1;
}

static int
recover(int dir, struct spool_segment *seg, bool newest, char why[SPOOL_WHY_BYTES])
{
    struct scan c = {.seg = seg};
    char magic[MAGIC_BYTES];
    struct stat st;
    int err = 0;

    if (fstat(seg->fd, &st) != 0)
        goto failed;
    c.size = (uint64_t)st.st_size;
    seg->bytes = 0;
    if (c.size == 0)
        return 0;
    if (c.size >= MAGIC_BYTES) {
        if (pread(seg->fd, magic, MAGIC_BYTES, 0) != MAGIC_BYTES)
            goto failed;
        if (memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
            return unknown_format(seg, why);
        c.at = MAGIC_BYTES;
        err = pass_records(&c);
    }
    seg->bytes = c.at;
    buf_free(&c.window);
    if (err != 0)
        goto failed;
    if (c.at == c.size)
        return 0;
    if (!newest) {
        snprintf(why, SPOOL_WHY_BYTES,
                 "segment %016llx of the spool is damaged at byte %llu: these events were taken "
                 "and may be lost; move the file aside to go on without it",
                 (unsigned long long)seg->number, (unsigned long long)c.at);
        return -1;
    }
    if (cut_tail(dir, &c) == 0)
        return 0;
failed:
    snprintf(why, SPOOL_WHY_BYTES, "segment %016llx of the spool cannot be read: %s",
             (unsigned long long)seg->number, strerror(errno));
    return -1;
}

int
spool_segment_open(int dir, const char *name, bool newest, struct spool_segment **out,
                   char why[SPOOL_WHY_BYTES])
{
    struct spool_segment *seg = calloc(1, sizeof *seg);

    must(seg != NULL);
    seg->number = strtoull(name, NULL, 16);
    seg->read_bytes = MAGIC_BYTES;
    if ((seg->fd = openat(dir, name, O_RDWR | O_CLOEXEC)) < 0)
        snprintf(why, SPOOL_WHY_BYTES, "%s of the spool cannot be opened: %s", name,
                 strerror(errno));
    if (seg->fd < 0 || recover(dir, seg, newest, why) != 0) {
        spool_segment_close(&seg);
        return -1;
    }
    *out = seg;
    return 0;
}

void
spool_segment_close(struct spool_segment **segment)
{
    struct spool_segment *seg = *segment;

    if (seg == NULL)
        return;
    if (seg->fd >= 0)
        close(seg->fd);
    free(seg);
    *segment = NULL;
}

void
spool_segment_remove(int dir, const struct spool_segment *seg)
{
    char name[NAME_BYTES];

    name_of(name, seg->number, "spool");
    if (unlinkat(dir, name, 0) != 0)
        log_warn("spool", "%s cannot be removed: %s", name, strerror(errno));
}

/* ----------------------------------------------------------------- records */

void
spool_segment_frame(struct buf *out, const void *bytes, size_t len)
{
    unsigned char head[HEAD_BYTES] = {
        (unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16),
        (unsigned char)(len >> 24),
    };

    must(len <= SPOOL_RECORD_BYTES_MAX);
    buf_append(out, head, 4);
    buf_u32(out, checksum(head, bytes, len));
    buf_append(out, bytes, len);
    must(!out->failed);
}

int
spool_segment_write(struct spool_segment *seg, const struct buf *framed)
{
    int err = write_all(seg->fd, framed->ptr, framed->len, seg->bytes);

    if (err == 0)
        return fdatasync(seg->fd) == 0 ? 0 : TL_EIO;
    /* What came of it must not be found after a crash: it was refused. */
    if (ftruncate(seg->fd, (off_t)seg->bytes) != 0)
        return TL_EIO;
    return err;
}

int
spool_segment_read(struct spool_segment *seg, uint64_t end, struct buf *record)
{
    unsigned char head[HEAD_BYTES], *bytes;
    uint32_t len;

    if (pread(seg->fd, head, HEAD_BYTES, (off_t)seg->read_bytes) != HEAD_BYTES)
        return TL_EIO;
    len = get_u32(head);
    if (len > end - seg->read_bytes - HEAD_BYTES)
        return TL_EDAMAGED;
    must((bytes = buf_grow(record, len)) != NULL);
    if (pread(seg->fd, bytes, len, (off_t)(seg->read_bytes + HEAD_BYTES)) != (ssize_t)len)
        return TL_EIO;
    if (checksum(head, bytes, len) != get_u32(head + 4))
        return TL_EDAMAGED;
    seg->read_bytes += HEAD_BYTES + len;
    return 0;
}

void
spool_segment_rewind(struct spool_segment *seg)
{
    seg->read_bytes = MAGIC_BYTES;
}
