/* consent.h -- what a customer allowed and took back: per purpose, channel and
 * who it is about.
 *
 * That is the address, for a channel with one; else whoever said it, by the
 * strongest name that came with it.  Of each the latest word counts, whichever of
 * the customer's profiles has it; of several sayers the strictest.  So when two
 * profiles become one customer neither takes back what the other refused, and it
 * makes no difference whether they were one from the first. */

#ifndef STORE_CONSENT_H
#define STORE_CONSENT_H

#include "base/arena.h"
#include "base/finder.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/frame.h"
#include "store/views.h"

#define CONSENTS_LISTED_MAX 64      /* of one profile, in an answer */

/* The type of address a channel has; empty: none. */
struct tl_str consent_address_type(struct tl_str channel);

/* Folds one consent of an event.  A consent for a channel with addresses that
 * names none is about the address the event came with. */
int consent_fold(struct views *v, uint64_t profile, struct card *c, const struct frame *f,
                 const struct tl_consent *consent);

/* Appends a profile's consents to `out` (room for CONSENTS_LISTED_MAX more),
 * merging those already there: the later wins, by `numbers`, as long as `out`.
 * TL_EDAMAGED, TL_TOO_MANY. */
int consent_list(struct views *v, uint64_t profile, struct finder *known,
                 struct tl_consent_state *out, uint64_t *numbers, size_t *count, int64_t now,
                 struct arena *arena);
struct finder consent_finder(struct arena *arena);  /* for one list */

/* After the last profile: of what several sayers said the strictest stays, of
 * equally strict ones the latest.  What is about no address has an identifier
 * of no type and no value then. */
void consent_settle(struct tl_consent_state *out, uint64_t *numbers, size_t *count,
                    struct arena *arena);

#endif
