/* crowd.h -- the customers a stream follows, and where their events lie.
 *
 * What lies behind is found through their profiles, not by scanning the log;
 * what is new is recognised as it comes by.  When an event shows that the
 * customers are now made of other profiles, the set is taken anew. */

#ifndef CROWD_H
#define CROWD_H

#include "broker/kinds.h"
#include "store/store.h"

struct crowd;

/* Copies the names.  NULL in `*out`: there are none, so everybody is meant.
 * Returns 0 or a refusal code with a sentence. */
int crowd_new(struct crowd **out, struct store *st, const struct kinds *kinds,
              const struct tl_str *names, size_t count, struct arena *scratch,
              const char **detail);
void crowd_free(struct crowd **c);

/* The profiles may have changed without an event to tell. */
void crowd_stale(struct crowd *c);

/* The next number above `at` that may be of these customers; `head` + 1 when
 * there is none.  Returns 0 or the store's error. */
int crowd_next(struct crowd *c, uint64_t at, uint64_t head, uint64_t *number);

/* Is this event of theirs?  Takes the set anew when it changes it. */
int crowd_meet(struct crowd *c, const struct frame *f, bool *theirs);

/* Where their last `count` events begin: the number before the first of them. */
int crowd_last(struct crowd *c, uint64_t count, uint64_t *at);

#endif
