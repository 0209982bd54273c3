/* bundle.h -- replies that go to one client together, as one message. */

#ifndef BUNDLE_H
#define BUNDLE_H

#include <stddef.h>
#include <zmq.h>

#define BUNDLED_BYTES_MAX (16u << 10)   /* a larger reply gains nothing by company */

/* A Reply with the replies in `messages` as its bundle.  Lends. */
void bundle_message(zmq_msg_t *const messages[], size_t count, zmq_msg_t *out);

#endif
