/* relationship.h -- who talked and who listened: of a profile, on its card; of
 * everybody, in the counters.
 *
 * What a single event tells (a message, an opening) is counted by its word.  What
 * only several tell together (an answer, a kept promise) is a sum over the
 * profile's merged records: each record adds to it what it comes to now, less what
 * it came to before.  So neither depends on the order in which events come. */

#ifndef STORE_RELATIONSHIP_H
#define STORE_RELATIONSHIP_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/spoken.h"

#define RELATIONSHIP_WITHIN_COUNT 8     /* classes of first-response times */

enum relationship_sum {
    RELATIONSHIP_CONVERSATIONS,
    RELATIONSHIP_HIS_CALLS,
    RELATIONSHIP_OUR_CALLS,
    RELATIONSHIP_BEGUN,             /* conversations that we began */
    RELATIONSHIP_REPLIED,           /* of those, in which he spoke after */
    RELATIONSHIP_HEARD,             /* in which he spoke, and feedback outside of any */
    RELATIONSHIP_ANSWERED,          /* of those, in which we did after */
    RELATIONSHIP_UNANSWERED,        /* in which he had the last word, and which are open */
    RELATIONSHIP_KEPT,
    RELATIONSHIP_BROKEN,
    RELATIONSHIP_OVERDUE,
    RELATIONSHIP_RESPONSES,         /* first ones */
    RELATIONSHIP_RESPONSE_MS,       /* of all of them together */
    RELATIONSHIP_WITHIN,            /* how many of each class */
    RELATIONSHIP_SUMS = RELATIONSHIP_WITHIN + RELATIONSHIP_WITHIN_COUNT,
};

/* What one record comes to, or by how much sums move. */
struct relationship_sums {
    int64_t of[RELATIONSHIP_SUMS];
};

/* Of a profile, or of several. */
struct relationship {
    uint64_t words[SPOKEN_WAYS][SPOKEN_WORDS];
    struct relationship_sums sums;
};

/* He spoke, and the first answer came after so long; both from 1970, 0: none. */
void relationship_response(struct relationship_sums *sums, int64_t asked, int64_t answered);

/* Adds `now` to what moves, and takes `before` away. */
void relationship_move(struct relationship_sums *moved, const struct relationship_sums *before,
                       const struct relationship_sums *now);

/* As it lies on a card: only what is not 0.  Adds what an event says by its word,
 * and `moved` unless that is NULL; the result lives in `arena`.  Returns 0,
 * TL_TOO_MANY, TL_EDAMAGED. */
int relationship_change(struct tl_str *kept, const struct spoken *said,
                        const struct relationship_sums *moved, struct arena *arena);

/* Of what lies on a card the sums, without the words.  Borrows. */
struct tl_str relationship_sums_of(struct tl_str kept);

/* Adds what lies on a card to `r`.  Returns 0 or TL_EDAMAGED. */
int relationship_read(struct relationship *r, struct tl_str kept);

/* In words.  Lives in `arena`; NULL: that is over its budget. */
struct tl_relationship *relationship_answer(const struct relationship *r, struct arena *arena);

#endif
