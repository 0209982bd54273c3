#include "store/ahead.h"

#include <unistd.h>

#include "base/clock.h"

/* A full disk is asked again this often: an attempt is not cheap. */
#define RETRY_NS (CLOCK_SECOND / 10)

/* Both leave the lock while they work. */

static void
prepare_next(struct ahead *a)
{
    int fd, err;

    pthread_mutex_unlock(&a->lock);
    err = segment_prepare(a->dir, a->room, &fd);
    pthread_mutex_lock(&a->lock);

    a->next = err == 0 ? AHEAD_READY : AHEAD_NONE;
    a->fd = fd;
    a->err = err;
    a->failed = clock_monotonic();
    pthread_cond_broadcast(&a->changed);
}

static void
seal_first(struct ahead *a)
{
    struct segment *s = a->full;

    a->full = s->then;
    pthread_mutex_unlock(&a->lock);
    segment_seal(s, a->dir, a->log_id);
    pthread_mutex_lock(&a->lock);
}

static void *
work(void *arg)
{
    struct ahead *a = arg;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        if (a->next == AHEAD_WANTED && !a->stop)
            prepare_next(a);
        else if (a->full != NULL)
            seal_first(a);
        else if (a->stop)
            break;
        else
            pthread_cond_wait(&a->changed, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

int
ahead_start(struct ahead *a, int dir, size_t room, uint64_t log_id)
{
    *a = (struct ahead){.dir = dir, .room = room, .log_id = log_id, .fd = -1};
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    return pthread_create(&a->thread, NULL, work, a);
}

void
ahead_stop(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);

    if (a->next == AHEAD_READY) {
        close(a->fd);
        unlinkat(a->dir, SEGMENT_NEXT, 0);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
}

static void
want(struct ahead *a)
{
    if (a->next != AHEAD_NONE)
        return;
    if (a->err != 0 && clock_monotonic() - a->failed < RETRY_NS)
        return;
    a->next = AHEAD_WANTED;
    pthread_cond_broadcast(&a->changed);
}

static int
wait_ready(struct ahead *a)
{
    while (a->next != AHEAD_READY) {
        want(a);
        if (a->next == AHEAD_NONE)
            return a->err;
        pthread_cond_wait(&a->changed, &a->lock);
    }
    return 0;
}

void
ahead_want(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    want(a);
    pthread_mutex_unlock(&a->lock);
}

int
ahead_wait(struct ahead *a)
{
    int err;

    pthread_mutex_lock(&a->lock);
    err = wait_ready(a);
    pthread_mutex_unlock(&a->lock);
    return err;
}

int
ahead_take(struct ahead *a, int *fd)
{
    int err;

    pthread_mutex_lock(&a->lock);
    if ((err = wait_ready(a)) == 0) {
        *fd = a->fd;
        a->fd = -1;
        a->next = AHEAD_TAKEN;
    }
    pthread_mutex_unlock(&a->lock);
    return err;
}

void
ahead_taken(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->next = AHEAD_NONE;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

void
ahead_seal(struct ahead *a, struct segment *s)
{
    struct segment **end;

    pthread_mutex_lock(&a->lock);
    for (end = &a->full; *end != NULL; end = &(*end)->then)
        ;
    *end = s;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}
