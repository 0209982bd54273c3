/* request.h -- from a message to who answers it. */

#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <zmq.h>

#include "broker/session.h"
#include "proto/wire.h"

#define QUESTION_BYTES_MAX (64u << 10)  /* of a request, but for Publish and Report: some wait,
                                         * a thousand of a client */

/* A request on its way through a handler.  A handler may take the message and
 * hand the request in again later. */
struct asked {
    struct session *session;
    const struct wire_request *request;
    zmq_msg_t *message;
    bool in_time;           /* a position it waits for may still come */
};

/* A message as it came in; empties or takes it. */
void request_receive(struct broker *b, const struct peer *from, zmq_msg_t *message);

/* A request of an open session, for the first time or again. */
void request_take(struct broker *b, struct session *s, zmq_msg_t *message, bool in_time);

#endif
