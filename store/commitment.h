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

struct commitment_query {
    struct views *views;
    const uint64_t *profiles;
    size_t profiles_count;
    int64_t now;
    struct arena *arena;
};

/* A customer's commitments, each part as last said in any profile; those overdue
 * as of `now` so named.  `out` has room for COMMITMENTS_LISTED_MAX a profile.
 * Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int commitment_list(const struct commitment_query *q, struct tl_commitment_state *out,
                    size_t *count);

#endif
