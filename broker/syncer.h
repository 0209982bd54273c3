/* syncer.h -- the thread that writes a batch while the loop fills the next. */

#ifndef SYNCER_H
#define SYNCER_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include "store/store.h"

struct syncer {
    struct store *store;
    uv_async_t *wake;           /* told when a batch is written */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { SYNCER_IDLE, SYNCER_WRITING, SYNCER_DONE, SYNCER_STOP } state;
    int result;
};

/* Returns 0 or errno. */
int syncer_start(struct syncer *s, struct store *store, uv_async_t *wake);
void syncer_stop(struct syncer *s);

/* Writes the batch that was taken from the store. */
void syncer_write(struct syncer *s);

/* Is it written?  `*result` is what store_batch_write returned. */
bool syncer_done(struct syncer *s, int *result);

/* Waits for it. */
int syncer_wait(struct syncer *s);

#endif
