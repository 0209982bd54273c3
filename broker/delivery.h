/* delivery.h -- a stream's batch as it fills, in the very bytes that are sent.
 *
 * Replay is this message and little else, so it is written by hand, once, where
 * ZeroMQ takes it from; what it says is a Reply with a StreamBatch, byte for byte
 * as the codec would write it. */

#ifndef BROKER_DELIVERY_H
#define BROKER_DELIVERY_H

#include <stdbool.h>
#include <zmq.h>

#include "proto/wire.h"
#include "store/frame.h"

#define DELIVERY_BYTES (64u << 10)      /* of events as producers sent them */
#define DELIVERY_EVENTS 500

struct delivery {
    unsigned char *room;        /* taken when it is needed, given away with a large batch */
    size_t len;                 /* of what is written */
    size_t count;
    size_t bytes;               /* of the events themselves */
};

/* Is there room for an event of `bytes`?  For the first there always is. */
bool delivery_fits(const struct delivery *d, size_t bytes);

/* Adds an event that fits; an erased one has no bytes any more. */
void delivery_add(struct delivery *d, const struct frame *f);

/* Makes the message of what was added, and begins anew.  `about` says everything
 * but the events; its log and position are of their usual length. */
void delivery_message(struct delivery *d, uint64_t id, const struct wire_stream_batch *about,
                      zmq_msg_t *message);

void delivery_fini(struct delivery *d);

#endif
