#include "adapters/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
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

struct segment {
    struct segment *next;
    uint64_t number;
    uint64_t bytes;             /* durable */
    uint64_t records;           /* durable */
    uint64_t acknowledged;
    uint64_t read_bytes;        /* the reader's place */
    int fd;
};

struct spool {
    int dir, lock, wake;
    bool opened;                /* wholly: what is in it is known */
    struct spool_limits limits;
    struct buf pending;         /* framed */
    uint64_t pending_records;

    pthread_mutex_t mutex;      /* guards what follows */
    struct segment *first, *last;
    struct segment *reading;
    uint64_t bytes;
};

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

/* ----------------------------------------------------------------- segments */

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

/* The file and its name are durable on return. */
static int
create(struct spool *s, uint64_t number, struct segment **out)
{
    struct segment *seg = calloc(1, sizeof *seg);
    char name[NAME_BYTES];
    int err = 0;

    must(seg != NULL);
    name_of(name, number, "spool");
    *seg = (struct segment){.number = number, .bytes = MAGIC_BYTES, .read_bytes = MAGIC_BYTES};
    seg->fd = openat(s->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (seg->fd < 0)
        err = code_of(errno);
    else if ((err = write_all(seg->fd, MAGIC, MAGIC_BYTES, 0)) == 0
             && (fdatasync(seg->fd) != 0 || fsync(s->dir) != 0))
        err = TL_EIO;
    if (err == 0) {
        *out = seg;
        return 0;
    }
    if (seg->fd >= 0) {
        close(seg->fd);
        unlinkat(s->dir, name, 0);
    }
    free(seg);
    return err;
}

static void
append_segment(struct spool *s, struct segment *seg)
{
    if (s->last != NULL)
        s->last->next = seg;
    else
        s->first = seg;
    s->last = seg;
    s->bytes += seg->bytes;
}

static int
roll(struct spool *s)
{
    struct segment *seg;
    int err = create(s, s->last != NULL ? s->last->number + 1 : 1, &seg);

    if (err != 0)
        return err;
    pthread_mutex_lock(&s->mutex);
    append_segment(s, seg);
    if (s->reading == NULL)
        s->reading = seg;
    pthread_mutex_unlock(&s->mutex);
    spool_wake(s);
    return 0;
}

/* ----------------------------------------------------------------- recovery */

struct scan {
    struct segment *seg;
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
cut_tail(struct spool *s, const struct scan *c)
{
    char name[NAME_BYTES];
    int fd, err = 0;

    name_of(name, c->seg->number, "torn");
    fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
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
unknown_format(const struct segment *seg, char why[SPOOL_WHY_BYTES])
{
    snprintf(why, SPOOL_WHY_BYTES,
             "segment %016llx of the spool is of a format this program does not know",
             (unsigned long long)seg->number);
    return -1;
}

static int
recover(struct spool *s, struct segment *seg, bool newest, char why[SPOOL_WHY_BYTES])
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
    if (cut_tail(s, &c) == 0)
        return 0;
failed:
    snprintf(why, SPOOL_WHY_BYTES, "segment %016llx of the spool cannot be read: %s",
             (unsigned long long)seg->number, strerror(errno));
    return -1;
}

static int
is_segment(const struct dirent *entry)
{
    size_t digits = strspn(entry->d_name, "0123456789abcdef");

    return digits == 16 && strcmp(entry->d_name + 16, ".spool") == 0;
}

static int
open_segment(struct spool *s, const char *name, bool newest, char why[SPOOL_WHY_BYTES])
{
    struct segment *seg = calloc(1, sizeof *seg);

    must(seg != NULL);
    seg->number = strtoull(name, NULL, 16);
    seg->read_bytes = MAGIC_BYTES;
    if ((seg->fd = openat(s->dir, name, O_RDWR | O_CLOEXEC)) < 0) {
        snprintf(why, SPOOL_WHY_BYTES, "%s of the spool cannot be opened: %s", name,
                 strerror(errno));
        free(seg);
        return -1;
    }
    append_segment(s, seg);
    if (recover(s, seg, newest, why) != 0)
        return -1;
    s->bytes += seg->bytes;
    return 0;
}

static int
open_segments(struct spool *s, const char *dir, char why[SPOOL_WHY_BYTES])
{
    struct dirent **entries;
    int count = scandir(dir, &entries, is_segment, alphasort), err = 0;

    if (count < 0) {
        snprintf(why, SPOOL_WHY_BYTES, "%.300s cannot be read: %s", dir, strerror(errno));
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (err == 0)
            err = open_segment(s, entries[i]->d_name, i == count - 1, why);
        free(entries[i]);
    }
    free(entries);
    if (err == 0 && roll(s) != 0) {
        snprintf(why, SPOOL_WHY_BYTES, "%.300s takes no file: %s", dir, strerror(errno));
        return -1;
    }
    s->reading = s->first;
    return err;
}

static int
open_dir(struct spool *s, const char *dir, char why[SPOOL_WHY_BYTES])
{
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        snprintf(why, SPOOL_WHY_BYTES, "%.300s cannot be made: %s", dir, strerror(errno));
        return -1;
    }
    s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir >= 0)
        s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (s->lock < 0) {
        snprintf(why, SPOOL_WHY_BYTES, "%.300s cannot be opened: %s", dir, strerror(errno));
        return -1;
    }
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    snprintf(why, SPOOL_WHY_BYTES, "another process has %.300s: give each adapter a --data of "
             "its own", dir);
    return -1;
}

int
spool_open(struct spool **out, const char *dir, const struct spool_limits *limits,
           char why[SPOOL_WHY_BYTES])
{
    struct spool *s = calloc(1, sizeof *s);

    must(s != NULL);
    s->dir = s->lock = -1;
    s->limits = *limits;
    if (s->limits.bytes_max == 0)
        s->limits.bytes_max = SPOOL_BYTES_MAX_DEFAULT;
    if (s->limits.segment_bytes == 0)
        s->limits.segment_bytes = SPOOL_SEGMENT_BYTES_DEFAULT;
    must(pthread_mutex_init(&s->mutex, NULL) == 0);
    must((s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0);
    if (open_dir(s, dir, why) != 0 || open_segments(s, dir, why) != 0) {
        spool_close(&s);
        return -1;
    }
    s->opened = true;
    *out = s;
    return 0;
}

static void
drop(struct segment *seg)
{
    if (seg->fd >= 0)
        close(seg->fd);
    free(seg);
}

static void
unlink_segment(struct spool *s, const struct segment *seg)
{
    char name[NAME_BYTES];

    name_of(name, seg->number, "spool");
    if (unlinkat(s->dir, name, 0) != 0)
        log_warn("spool", "%s cannot be removed: %s", name, strerror(errno));
}

void
spool_close(struct spool **spool)
{
    struct spool *s = *spool;

    if (s == NULL)
        return;
    while (s->first != NULL) {
        struct segment *seg = s->first;

        s->first = seg->next;
        if (s->opened && seg->acknowledged == seg->records)
            unlink_segment(s, seg);
        drop(seg);
    }
    buf_free(&s->pending);
    close(s->wake);
    if (s->lock >= 0)
        close(s->lock);
    if (s->dir >= 0)
        close(s->dir);
    pthread_mutex_destroy(&s->mutex);
    free(s);
    *spool = NULL;
}

/* ------------------------------------------------------------------ writing */

bool
spool_has_room(struct spool *s, size_t bytes)
{
    return spool_bytes(s) + s->pending.len + bytes <= (uint64_t)s->limits.bytes_max;
}

void
spool_add(struct spool *s, const void *bytes, size_t len)
{
    unsigned char head[HEAD_BYTES] = {
        (unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16),
        (unsigned char)(len >> 24),
    };

    must(len <= SPOOL_RECORD_BYTES_MAX);
    buf_append(&s->pending, head, 4);
    buf_u32(&s->pending, checksum(head, bytes, len));
    buf_append(&s->pending, bytes, len);
    must(!s->pending.failed);
    s->pending_records++;
}

bool
spool_pending(const struct spool *s)
{
    return s->pending_records > 0;
}

static int
write_pending(struct spool *s, struct segment *seg)
{
    int err = write_all(seg->fd, s->pending.ptr, s->pending.len, seg->bytes);

    if (err == 0)
        return fdatasync(seg->fd) == 0 ? 0 : TL_EIO;
    /* What came of it must not be found after a crash: it was refused. */
    if (ftruncate(seg->fd, (off_t)seg->bytes) != 0)
        return TL_EIO;
    return err;
}

int
spool_commit(struct spool *s)
{
    int err = 0;

    if (s->pending_records == 0)
        return 0;
    if (s->last->records > 0 && s->last->bytes >= (uint64_t)s->limits.segment_bytes)
        err = roll(s);
    if (err == 0)
        err = write_pending(s, s->last);
    if (err == 0) {
        pthread_mutex_lock(&s->mutex);
        s->last->bytes += s->pending.len;
        s->last->records += s->pending_records;
        s->bytes += s->pending.len;
        pthread_mutex_unlock(&s->mutex);
        spool_wake(s);
    }
    buf_clear(&s->pending);
    s->pending_records = 0;
    return err;
}

int
spool_tick(struct spool *s)
{
    bool done;

    pthread_mutex_lock(&s->mutex);
    done = s->last->records > 0 && s->last->acknowledged == s->last->records;
    pthread_mutex_unlock(&s->mutex);
    return done ? roll(s) : 0;
}

/* ------------------------------------------------------------------ reading */

/* Takes what is done with off the front.  The last one is being written. */
static struct segment *
take_done(struct spool *s)
{
    struct segment *seg = s->first;

    if (seg == s->last || seg->acknowledged < seg->records || s->reading == seg)
        return NULL;
    s->first = seg->next;
    s->bytes -= seg->bytes;
    return seg;
}

static void
remove_done(struct spool *s)
{
    struct segment *seg;

    for (;;) {
        pthread_mutex_lock(&s->mutex);
        seg = take_done(s);
        pthread_mutex_unlock(&s->mutex);
        if (seg == NULL)
            return;
        unlink_segment(s, seg);
        drop(seg);
    }
}

/* The segment with something to read; NULL: none.  `*end` is where it ends. */
static struct segment *
readable(struct spool *s, uint64_t *end)
{
    struct segment *seg;

    pthread_mutex_lock(&s->mutex);
    while (s->reading->read_bytes >= s->reading->bytes && s->reading->next != NULL)
        s->reading = s->reading->next;
    seg = s->reading;
    *end = seg->bytes;
    pthread_mutex_unlock(&s->mutex);
    return seg->read_bytes < *end ? seg : NULL;
}

int
spool_next(struct spool *s, struct buf *record, uint64_t *segment)
{
    unsigned char head[HEAD_BYTES], *bytes;
    struct segment *seg;
    uint64_t end;
    uint32_t len;

    seg = readable(s, &end);
    remove_done(s);
    if (seg == NULL)
        return TL_EAWAY;
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
    *segment = seg->number;
    return 0;
}

void
spool_acknowledge(struct spool *s, uint64_t segment)
{
    pthread_mutex_lock(&s->mutex);
    for (struct segment *seg = s->first; seg != NULL; seg = seg->next)
        if (seg->number == segment)
            seg->acknowledged++;
    pthread_mutex_unlock(&s->mutex);
}

void
spool_rewind(struct spool *s)
{
    pthread_mutex_lock(&s->mutex);
    for (struct segment *seg = s->first; seg != NULL; seg = seg->next) {
        seg->acknowledged = 0;
        seg->read_bytes = MAGIC_BYTES;
    }
    s->reading = s->first;
    pthread_mutex_unlock(&s->mutex);
}

int
spool_wake_fd(const struct spool *s)
{
    return s->wake;
}

void
spool_wake(struct spool *s)
{
    uint64_t one = 1;

    /* Full is as good as written: it is readable. */
    must(write(s->wake, &one, sizeof one) == (ssize_t)sizeof one || errno == EAGAIN);
}

void
spool_woken(struct spool *s)
{
    uint64_t count;

    must(read(s->wake, &count, sizeof count) > 0 || errno == EAGAIN || errno == EINTR);
}

uint64_t
spool_bytes(struct spool *s)
{
    uint64_t bytes;

    pthread_mutex_lock(&s->mutex);
    bytes = s->bytes;
    pthread_mutex_unlock(&s->mutex);
    return bytes;
}

uint64_t
spool_records(struct spool *s)
{
    uint64_t records = 0;

    pthread_mutex_lock(&s->mutex);
    for (struct segment *seg = s->first; seg != NULL; seg = seg->next)
        records += seg->records - seg->acknowledged;
    pthread_mutex_unlock(&s->mutex);
    return records;
}
