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

#include "adapters/spool_segment.h"
#include "base/must.h"
#include "client/touchline.h"

struct spool {
    int dir, lock, wake;
    bool opened;                /* wholly: what is in it is known */
    struct spool_limits limits;
    struct buf pending;         /* framed */
    uint64_t pending_records;

    pthread_mutex_t mutex;      /* guards what follows */
    struct spool_segment *first, *last;
    struct spool_segment *reading;
    uint64_t bytes;
};

static void
append_segment(struct spool *s, struct spool_segment *seg)
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
    struct spool_segment *seg;
    int err = spool_segment_create(s->dir, s->last != NULL ? s->last->number + 1 : 1, &seg);

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

static int
is_segment(const struct dirent *entry)
{
    size_t digits = strspn(entry->d_name, "0123456789abcdef");

    return digits == 16 && strcmp(entry->d_name + 16, ".spool") == 0;
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
        struct spool_segment *seg;

        if (err == 0)
            err = spool_segment_open(s->dir, entries[i]->d_name, i == count - 1, &seg, why);
        if (err == 0)
            append_segment(s, seg);
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

void
spool_close(struct spool **spool)
{
    struct spool *s = *spool;

    if (s == NULL)
        return;
    while (s->first != NULL) {
        struct spool_segment *seg = s->first;

        s->first = seg->next;
        if (s->opened && seg->acknowledged == seg->records)
            spool_segment_remove(s->dir, seg);
        spool_segment_close(&seg);
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
    spool_segment_frame(&s->pending, bytes, len);
    s->pending_records++;
}

bool
spool_pending(const struct spool *s)
{
    return s->pending_records > 0;
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
        err = spool_segment_write(s->last, &s->pending);
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
static struct spool_segment *
take_done(struct spool *s)
{
    struct spool_segment *seg = s->first;

    if (seg == s->last || seg->acknowledged < seg->records || s->reading == seg)
        return NULL;
    s->first = seg->next;
    s->bytes -= seg->bytes;
    return seg;
}

static void
remove_done(struct spool *s)
{
    struct spool_segment *seg;

    for (;;) {
        pthread_mutex_lock(&s->mutex);
        seg = take_done(s);
        pthread_mutex_unlock(&s->mutex);
        if (seg == NULL)
            return;
        spool_segment_remove(s->dir, seg);
        spool_segment_close(&seg);
    }
}

/* The segment with something to read; NULL: none.  `*end` is where it ends. */
static struct spool_segment *
readable(struct spool *s, uint64_t *end)
{
    struct spool_segment *seg;

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
    struct spool_segment *seg;
    uint64_t end;
    int err;

    seg = readable(s, &end);
    remove_done(s);
    if (seg == NULL)
        return TL_EAWAY;
    if ((err = spool_segment_read(seg, end, record)) == 0)
        *segment = seg->number;
    return err;
}

void
spool_acknowledge(struct spool *s, uint64_t segment)
{
    pthread_mutex_lock(&s->mutex);
    for (struct spool_segment *seg = s->first; seg != NULL; seg = seg->next)
        if (seg->number == segment)
            seg->acknowledged++;
    pthread_mutex_unlock(&s->mutex);
}

void
spool_rewind(struct spool *s)
{
    pthread_mutex_lock(&s->mutex);
    for (struct spool_segment *seg = s->first; seg != NULL; seg = seg->next) {
        seg->acknowledged = 0;
        spool_segment_rewind(seg);
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
    for (struct spool_segment *seg = s->first; seg != NULL; seg = seg->next)
        records += seg->records - seg->acknowledged;
    pthread_mutex_unlock(&s->mutex);
    return records;
}
