#include "broker/syncer.h"

#include <signal.h>

#include "base/must.h"

static void *
run(void *arg)
{
    struct syncer *s = arg;

    pthread_mutex_lock(&s->lock);
    while (s->state != SYNCER_STOP) {
        if (s->state != SYNCER_WRITING) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        int result = store_batch_write(s->store);
        pthread_mutex_lock(&s->lock);
        s->result = result;
        s->state = SYNCER_DONE;
        pthread_cond_broadcast(&s->changed);
        uv_async_send(s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Signals are the loop's. */
static int
start_without_signals(struct syncer *s)
{
    sigset_t all, before;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

int
syncer_start(struct syncer *s, struct store *store, uv_async_t *wake)
{
    *s = (struct syncer){.store = store, .wake = wake};
    must(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->changed, NULL) == 0);
    return start_without_signals(s);
}

static void
enter(struct syncer *s, int state)
{
    pthread_mutex_lock(&s->lock);
    must(s->state == SYNCER_IDLE);
    s->state = state;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void
syncer_stop(struct syncer *s)
{
    enter(s, SYNCER_STOP);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

void
syncer_write(struct syncer *s)
{
    enter(s, SYNCER_WRITING);
}

bool
syncer_done(struct syncer *s, int *result)
{
    bool done;

    pthread_mutex_lock(&s->lock);
    if ((done = s->state == SYNCER_DONE)) {
        *result = s->result;
        s->state = SYNCER_IDLE;
    }
    pthread_mutex_unlock(&s->lock);
    return done;
}

int
syncer_wait(struct syncer *s)
{
    int result;

    pthread_mutex_lock(&s->lock);
    while (s->state != SYNCER_DONE)
        pthread_cond_wait(&s->changed, &s->lock);
    result = s->result;
    s->state = SYNCER_IDLE;
    pthread_mutex_unlock(&s->lock);
    return result;
}
