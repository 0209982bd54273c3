/* batch.h -- group commit: whatever arrived while the last sync ran is the next
 * batch.
 *
 * A small batch is written by the loop itself: the hand-over to the syncer would
 * cost more than it saves. */

#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>

#include "broker/syncer.h"

struct broker;

struct batch {
    struct syncer syncer;
    bool writing;           /* the syncer has one */
    bool no_space;
    bool taken_since;       /* an event was, since no_space */
    bool checkpoint_failed; /* for want of space; said once */
    size_t open_bytes;      /* of events in the batch that is filling */
};

/* Ends a write that the syncer is done with. */
void batch_end(struct broker *b);

/* Starts to write what is there; a small batch is written at once unless the
 * loop is busy with more. */
void batch_begin(struct broker *b, bool busy);

/* Is enough there to let the syncer begin while more is taken? */
bool batch_large(const struct broker *b);

/* Writes everything admitted, and waits for it. */
void batch_settle(struct broker *b);

/* Events are refused from now on; said once, until a later one is durable. */
void batch_no_space(struct broker *b, const char *why);

#endif
