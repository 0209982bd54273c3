/* binding.h -- what is known of an identifier: one record of it.
 *
 * A strong one has a home, the profile it belongs to.  A weak one has holders,
 * the known customers it was seen with, and its home is its own, anonymous
 * profile.  What was decided at the door (identity_decide.h) is done here, from
 * the frame alone. */

#ifndef STORE_BINDING_H
#define STORE_BINDING_H

#include "store/identity.h"
#include "store/store.h"
#include "store/views.h"

struct holder {
    uint64_t profile;
    int64_t time;           /* of the login, or whatever showed it */
    uint64_t number;
};

/* Past are profiles that were its home or a holder and are not any more: by them
 * it is found out whom it meant once. */
struct binding {
    uint64_t home;                      /* 0: none */
    size_t holders_count;
    struct holder holders[IDENTITY_HOLDERS_MAX + 1];    /* the latest login first */
    size_t past_count;                  /* over IDENTITY_PAST_MAX: too many, none is kept */
    uint64_t past[IDENTITY_PAST_MAX];   /* ascending */
};

/* `hash`: the identifier's, or 0.  Of the holders and the past only those counted
 * are set.  Returns 0, TL_NOT_FOUND (never seen: nothing is counted), TL_EDAMAGED. */
int binding_get(struct views *v, struct tl_str type, struct tl_str value, uint64_t hash,
                struct binding *b);

/* Of several; `known`: which were seen before.  Returns 0 or TL_EDAMAGED. */
int binding_get_all(struct views *v, const struct store_identifier *ids, size_t count,
                    struct binding *bindings, bool *known);

/* Is the profile its home or a holder? */
bool binding_names(const struct binding *b, uint64_t profile);

/* Does what the identifiers of a frame say.  Doing it again changes nothing.
 * Returns 0 or TL_EDAMAGED. */
int binding_apply(struct views *v, const struct frame *f);

#endif
