/* identity_decide.h -- what the identifiers of an event mean, decided once, at the
 * door.
 *
 * What is decided is written in the event's frame and in events of the bus itself;
 * applying those to the views (binding.h, link.h) is all that a fold does.  Nothing
 * is changed here.
 *
 * Strong beats weak; unsure never merges. */

#ifndef STORE_IDENTITY_DECIDE_H
#define STORE_IDENTITY_DECIDE_H

#include "store/store.h"
#include "store/views.h"

#define IDENTITY_SAYS_MAX (2 * IDENTIFIERS_MAX)

/* What the bus itself has to say after an event. */
struct identity_say {
    enum { IDENTITY_LINKED, IDENTITY_UNLINKED, IDENTITY_CONFLICT } what;
    bool said;                              /* by a person */
    bool moves;                             /* one customer fewer, or one more */
    uint64_t a, b;                          /* profiles */
    struct tl_identifier id_a, id_b;        /* a conflict: the two values of one type */
    const struct store_identifier *bind;    /* it becomes b's, a new profile's own; or NULL */
};

struct identity_decision {
    uint64_t profile;
    bool unverified;
    unsigned actions[IDENTIFIERS_MAX];      /* enum frame_action and kind, per identifier */
    struct identity_say says[IDENTITY_SAYS_MAX];
    size_t says_count;
    uint64_t next_profile;                  /* after those this decision takes */
};

/* Decides whose an event with these identifiers (strongest first, at least one)
 * is.  `next_profile` is the first free number.  Text in `out` borrows from `ids`
 * and `arena`.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int identity_decide(struct views *v, const struct store_identifier *ids, size_t count,
                    uint64_t next_profile, struct identity_decision *out, struct arena *arena);

/* Decides what follows when a person said at `time` that two identifiers are one
 * customer (`joined`), or are not: nothing, when something later was said of the
 * two.  Text in `out` borrows from `ids`.  Returns also, with a sentence in
 * `*detail` (else untouched): TL_BAD_FACET (they are one profile; or are joined by
 * way of others, too), TL_TOO_MANY (STORE_PROFILES_MAX, LINK_REFUSALS_MAX). */
int identity_decide_link(struct views *v, const struct store_identifier ids[2], bool joined,
                         int64_t time, uint64_t next_profile, struct identity_decision *out,
                         const char **detail);

/* A decision that takes nothing and says nothing yet. */
void identity_begin(struct identity_decision *out, uint64_t next_profile);

/* An action with the identifier's kind, as it stands in a frame. */
unsigned identity_action(const struct store_identifier *id, unsigned action);

#endif
