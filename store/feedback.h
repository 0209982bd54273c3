/* feedback.h -- what a customer said of us, and what became of it: heard,
 * answered, resolved. */

#ifndef STORE_FEEDBACK_H
#define STORE_FEEDBACK_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/frame.h"
#include "store/relationship.h"
#include "store/views.h"

#define FEEDBACK_LISTED_MAX 32          /* of one profile, in an answer */
#define FEEDBACK_TITLE_BYTES_MAX 100    /* of a text without a title */

/* Folds what an event says of one review, rating, survey, complaint, praise or
 * beacon.  Returns 0 or TL_EDAMAGED. */
int feedback_fold(struct views *v, uint64_t profile, struct card *c, const struct frame *f,
                  const struct tl_event *ev);

struct feedback_query {
    struct views *views;
    const uint64_t *profiles;
    size_t profiles_count;
    int64_t now;
    size_t shown;               /* so many of the list will be */
    struct arena *arena;
};

/* A customer's: complaints that are not resolved first, then the newest; of a
 * profile the first FEEDBACK_LISTED_MAX by the same order, and the last that has a
 * rating, which is among those shown.  `time` is when it was first heard, `answered`
 * when it was first answered, `resolved` when it last was and stayed so; it waits
 * since he last spoke.  What was only ever answered or resolved is left out: nobody
 * has told yet what it was.  `joined` moves by what those told of in several
 * profiles come to together.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int feedback_list(const struct feedback_query *q, struct tl_feedback_state **out, size_t *count,
                  struct relationship_sums *joined);

#endif
