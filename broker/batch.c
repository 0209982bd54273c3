#include "broker/batch.h"

#include "base/log.h"
#include "broker/broker.h"
#include "proto/code.h"

#define INLINE_BYTES_MAX (4u << 10)     /* a few events; who asks waits for their sync */

void
batch_no_space(struct broker *b, const char *why)
{
    if (!b->batch.no_space)
        log_error("store", "the disk is full, events are refused until there is space: %s", why);
    b->batch.no_space = true;
    b->batch.taken_since = false;
}

/* A batch filled before the disk was full says nothing about space now. */
static void
space_again(struct broker *b)
{
    if (!b->batch.no_space || !b->batch.taken_since)
        return;
    log_info("store", "there is space again, events are taken");
    b->batch.no_space = false;
}

/* Everything admitted and not durable was forgotten by the store. */
static void
lose(struct broker *b, const char *why)
{
    b->batch.open_bytes = 0;
    batch_no_space(b, why);
    stream_lost(b);
    held_lost(b);
    ingress_refuse_waiting(b);
}

static void
finish(struct broker *b, int written)
{
    char why[STORE_WHY_BYTES] = "";
    int err;

    /* A failed sync is never tried again: what it left on disk nobody knows. */
    if (written == TL_EIO)
        broker_fail(b, "a batch could not be written");
    if ((err = store_batch_done(b->store, written, why)) != 0 && err != TL_NO_SPACE)
        broker_fail(b, why);
    if (written == TL_NO_SPACE) {
        lose(b, why);
        return;
    }
    space_again(b);
    held_release(b);
    stream_committed(b);
}

void
batch_end(struct broker *b)
{
    int written;

    if (!b->batch.writing || !syncer_done(&b->batch.syncer, &written))
        return;
    b->batch.writing = false;
    finish(b, written);
}

bool
batch_large(const struct broker *b)
{
    return !b->batch.writing && b->batch.open_bytes > INLINE_BYTES_MAX;
}

void
batch_begin(struct broker *b, bool busy)
{
    if (b->batch.writing || !store_batch_take(b->store))
        return;
    b->batch.open_bytes = 0;
    b->batch.writing = busy || store_batch_bytes(b->store) > INLINE_BYTES_MAX;
    if (b->batch.writing)
        syncer_write(&b->batch.syncer);
    else
        finish(b, store_batch_write(b->store));
}

void
batch_settle(struct broker *b)
{
    if (b->batch.writing) {
        b->batch.writing = false;
        finish(b, syncer_wait(&b->batch.syncer));
    }
    while (store_batch_take(b->store)) {
        b->batch.open_bytes = 0;
        finish(b, store_batch_write(b->store));
    }
}
