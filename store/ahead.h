/* ahead.h -- what is done for the log in the background, so that appending never
 * waits for it: the next segment is preallocated, full ones are sealed. */

#ifndef STORE_AHEAD_H
#define STORE_AHEAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/segment.h"

enum ahead_next { AHEAD_NONE, AHEAD_WANTED, AHEAD_READY, AHEAD_TAKEN };

struct ahead {
    int dir;
    size_t room;                /* of a new segment */
    uint64_t log_id;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum ahead_next next;
    int fd;                     /* of the next segment, when ready */
    int err;                    /* why there is none */
    int64_t failed;             /* when, on the monotonic clock */
    struct segment *full;       /* to be sealed, oldest first */
    bool stop;
};

/* Borrows dir.  Returns 0, or an errno. */
int ahead_start(struct ahead *a, int dir, size_t room, uint64_t log_id);

/* Seals what is to be sealed, and removes a next segment nobody took. */
void ahead_stop(struct ahead *a);

/* The next segment will be needed soon. */
void ahead_want(struct ahead *a);

/* Waits for the next segment.  Returns 0, TL_NO_SPACE (a try that failed is not
 * repeated for a tenth of a second) or TL_EIO. */
int ahead_wait(struct ahead *a);

/* The same, and takes it.  No other is made before it has its final name, or has
 * not got it. */
int ahead_take(struct ahead *a, int *fd);
void ahead_taken(struct ahead *a);

/* Nothing more is appended to this one.  It stays the log's. */
void ahead_seal(struct ahead *a, struct segment *s);

#endif
