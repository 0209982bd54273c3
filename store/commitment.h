/* commitment.h -- what was promised to a customer, and what became of it.  The
 * latest word on each part counts. */

#ifndef STORE_COMMITMENT_H
#define STORE_COMMITMENT_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/due.h"
#include "store/frame.h"
#include "store/views.h"

#define COMMITMENTS_LISTED_MAX 64   /* of one profile, in an answer */

/* What the bus itself says of them. */
#define COMMITMENT_DUE "commitment.due"
#define COMMITMENT_OVERDUE "commitment.overdue"

int commitment_fold(struct views *v, uint64_t profile, struct card *c, const struct tl_event *ev,
                    const struct frame *f, const struct tl_commitment *made);

/* The bus announced it: no word on the commitment, which is as open as before. */
int commitment_announced(struct views *v, struct card *c, const struct frame *f,
                         const struct tl_commitment *said);

/* After either, also when the profile was folded further already: when to look at
 * it next. */
int commitment_index(struct views *v, struct due_reached *reached, uint64_t profile,
                     struct tl_str id);

struct commitment_query {
    struct views *views;
    const uint64_t *profiles;
    size_t profiles_count;
    int64_t now;
    int64_t grace_ns;           /* due for so long before it is overdue */
    struct arena *arena;
};

/* A customer's commitments, each part as last said in any profile; those due or
 * overdue as of `now` so named.  `out` has room for COMMITMENTS_LISTED_MAX a profile.
 * Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int commitment_list(const struct commitment_query *q, struct tl_commitment_state *out,
                    size_t *count);

/* What to announce of an entry, and the event that made it due then; borrows from
 * entry and views.  TL_NOT_FOUND: nothing, for in another of the customer's
 * profiles it was announced, kept, or given another time.  `now` and `arena` are
 * not looked at.  Or TL_EDAMAGED. */
int commitment_standing(const struct commitment_query *q, const struct due_entry *entry,
                        struct tl_commitment *out, uint64_t *cause);

#endif
