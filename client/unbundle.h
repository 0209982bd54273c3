/* unbundle.h -- replies that came together, as one message. */

#ifndef CLIENT_UNBUNDLE_H
#define CLIENT_UNBUNDLE_H

#include <stdbool.h>
#include <zmq.h>

#include "client/touchline.h"

/* Of zeros: nothing is left. */
struct bundle {
    zmq_msg_t msg;
    size_t at, len;             /* in the message: what is not taken yet */
};

/* Takes a message that is one over, and empties `msg`; false: it is none. */
bool bundle_begin(struct bundle *b, zmq_msg_t *msg);

/* Is there a reply left?  Then `msg` shares the message it is in, and `bytes` are
 * its own.  An error of the sender's ends it.  */
bool bundle_next(struct bundle *b, zmq_msg_t *msg, struct tl_str *bytes);

void bundle_end(struct bundle *b);

#endif
