/* dial.h -- a system that listens for connections: connected to, logged in to,
 * and what it says from then on through its decoder to the spool.
 *
 * Connects again by itself, with growing pauses.  One decoder is fed across
 * connections, with an empty line in between that ends a record cut off, or,
 * where records say how long they are, each has its own.  What was said while there was
 * no connection is not said again: the login asks for the state there is.
 * While the spool is full nothing is read, and the other side has to wait. */

#ifndef ADAPTERS_DIAL_H
#define ADAPTERS_DIAL_H

#include <uv.h>

#include "adapters/setup.h"
#include "adapters/source.h"

struct dial;

/* As source_open; for an input with `connect` set. */
struct dial *dial_open(uv_loop_t *loop, const struct setup_input *input,
                       const struct source_place *place);
/* The loop must run once more before it is closed; it frees what is left. */
void dial_close(struct dial **dial);

/* Adds what was heard to the spool, and goes on reading when there is room. */
void dial_turn(struct dial *d);

/* The commit came out so: TL_OK or TL_NO_SPACE (it is added again). */
void dial_committed(struct dial *d, int code);

#endif
