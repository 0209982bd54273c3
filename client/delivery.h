/* delivery.h -- a StreamBatch read where it lies.
 *
 * Replays bring millions of events a second; the general walk would first copy
 * each into an array. */

#ifndef CLIENT_DELIVERY_H
#define CLIENT_DELIVERY_H

#include "client/touchline.h"

struct delivery {
    uint64_t stream;
    struct tl_str log;
    struct tl_str position;
    uint64_t generation;            /* of the group's holder */
    const unsigned char *at, *end;  /* what is not handed out yet */
};

enum delivery_step {
    DELIVERY_YES,
    DELIVERY_NO,            /* another Reply, or no more events */
    DELIVERY_MALFORMED,
};

/* Are these the bytes of one?  Borrows them. */
enum delivery_step delivery_read(struct delivery *d, struct tl_str reply);

enum delivery_step delivery_next(struct delivery *d, struct tl_stream_event *out);

#endif
