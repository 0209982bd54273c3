/* identity.h -- who is it?
 *
 * An identifier belongs to a profile, or (weak ones) was seen with some; a
 * customer is the set of profiles connected by links.  What an event's
 * identifiers mean is decided once, at the door, and written in its frame and
 * in events of the bus itself; applying those to the views is all that a fold
 * does.
 *
 * Strong beats weak; unsure never merges. */

#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

#include "store/store.h"
#include "store/views.h"

#define IDENTITY_HOLDERS_MAX 16     /* customers a weak identifier was seen with; the oldest goes */
#define IDENTITY_PAST_MAX 64        /* of those that went: their profiles are remembered */
#define IDENTITY_NAMED_MAX (1 + IDENTITY_HOLDERS_MAX + IDENTITY_PAST_MAX)
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
 * is.  `next_profile` is the first free number.  Changes nothing.  Text in `out`
 * borrows from `ids` and `arena`.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int identity_decide(struct views *v, const struct store_identifier *ids, size_t count,
                    uint64_t next_profile, struct identity_decision *out, struct arena *arena);

/* Decides what follows when a person said at `time` that two identifiers are one
 * customer (`joined`), or are not: nothing, when something later was said of the
 * two.  Returns also, with a sentence in `*detail` (else untouched): TL_BAD_FACET (they
 * are one profile; or are joined by way of others, too), TL_TOO_MANY
 * (STORE_PROFILES_MAX, LINK_REFUSALS_MAX). */
int identity_decide_link(struct views *v, const struct store_identifier ids[2], bool joined,
                         int64_t time, uint64_t next_profile, struct identity_decision *out,
                         struct arena *arena, const char **detail);

/* Does what the identifiers of a frame say.  Doing it again changes nothing. */
int identity_apply(struct views *v, const struct frame *f);

/* All profiles of the customer that has this one, ascending; room for
 * STORE_PROFILES_MAX. */
int identity_customer(struct views *v, uint64_t profile, uint64_t *profiles, size_t *count);

/* Every profile whose events ever decided whom an identifier finds; room for
 * IDENTITY_NAMED_MAX, some twice.  TL_NOT_FOUND: never seen; TL_TOO_MANY: some
 * are not remembered. */
int identity_named(struct views *v, struct tl_str type, struct tl_str value, uint64_t *profiles,
                   size_t *count);

/* Whom an identifier finds: `*profile` (0: nobody in particular), and the
 * profiles of several customers it was seen with (room for
 * IDENTITY_HOLDERS_MAX; only when they are several).  TL_NOT_FOUND: never seen. */
int identity_find(struct views *v, const struct store_identifier *id, uint64_t *profile,
                  uint64_t *candidates, size_t *candidates_count);

#endif
