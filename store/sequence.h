/* sequence.h -- what is missing of a source that numbers its events.
 *
 * Of each such source the numbers seen, as ranges: those between the lowest and the
 * highest that are in none are missing.  It does not matter in which order they
 * arrive, as long as there are at most SEQUENCE_RANGES_MAX ranges at a time; then
 * the two lowest become one that remembers how many it lacks. */

#ifndef STORE_SEQUENCE_H
#define STORE_SEQUENCE_H

#include "proto/event.h"
#include "store/counter.h"
#include "store/views.h"

#define SEQUENCE_RANGES_MAX 64

/* Folds an event's number; one without costs nothing.  Returns 0 or TL_EDAMAGED. */
int sequence_fold(struct views *v, struct counters *counters, const struct tl_event *ev,
                  uint64_t number);

/* How many of the source's numbers are missing, and since which event it is so many;
 * from memory. */
uint64_t sequence_gaps(const struct counters *c, struct tl_str source, uint64_t *since);

#endif
