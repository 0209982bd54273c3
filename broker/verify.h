/* verify.h -- the proof that the views are a fold of the log, on a thread of its
 * own while everybody else is served.  One at a time. */

#ifndef BROKER_VERIFY_H
#define BROKER_VERIFY_H

#include <uv.h>

#include "base/arena.h"
#include "broker/request.h"
#include "store/store.h"

struct verify {
    uv_work_t work;
    struct session *session;        /* who asked; NULL: nobody */
    uint64_t id;                    /* of the request */
    uint64_t from;                  /* everything admitted by then is looked at */
    struct store_verify *job;       /* NULL while it waits for a checkpoint */
    struct arena arena;
    struct tl_verification result;
    int err;
    char why[STORE_WHY_BYTES];
};

void verify_take(struct broker *b, struct asked *q);

/* Starts the one that waits, if it can by now.  Call after a checkpoint and now
 * and then. */
void verify_try(struct broker *b);

/* Gives up the one that runs, and waits for it. */
void verify_stop(struct broker *b);

#endif
