/* commitment.h -- what was promised to a customer, and what became of it.  The
 * latest word on each part counts. */

#ifndef STORE_COMMITMENT_H
#define STORE_COMMITMENT_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/frame.h"
#include "store/views.h"

#define COMMITMENTS_LISTED_MAX 64   /* of one profile, in an answer */

int commitment_fold(struct views *v, uint64_t profile, struct card *c, const struct tl_event *ev,
                    const struct frame *f, const struct tl_commitment *made);

/* Appends a profile's commitments to `out` (room for COMMITMENTS_LISTED_MAX
 * more), overdue ones (as of `now`) so named.  TL_EDAMAGED, TL_TOO_MANY. */
int commitment_list(struct views *v, uint64_t profile, struct tl_commitment_state *out,
                    size_t *count, int64_t now, struct arena *arena);

#endif
