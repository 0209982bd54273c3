/* identity.h -- who is it?
 *
 * An identifier belongs to a profile, or (weak ones) was seen with some; a
 * customer is the set of profiles connected by links.  What an event's
 * identifiers mean is decided in identity_decide.h, what is known of one is kept
 * in binding.h; here it is found whom one means.  Nothing is changed. */

#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

#include "store/store.h"
#include "store/views.h"

#define IDENTITY_HOLDERS_MAX 16     /* customers a weak identifier was seen with; the oldest goes */
#define IDENTITY_PAST_MAX 64        /* of those that went: their profiles are remembered */
#define IDENTITY_NAMED_MAX (1 + IDENTITY_HOLDERS_MAX + IDENTITY_PAST_MAX)

struct binding;

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

/* The profiles connected with one, itself first, as if its link to `but` were not
 * there; room for STORE_PROFILES_MAX.  Returns 0 or TL_EDAMAGED. */
int identity_without(struct views *v, uint64_t profile, uint64_t but, uint64_t *profiles,
                     size_t *count);

/* Is the profile one of these? */
bool identity_among(uint64_t profile, const uint64_t *profiles, size_t count);

/* Has the customer of a profile a strong identifier?  Returns 0 or TL_EDAMAGED. */
int identity_has_strong(struct views *v, uint64_t profile, bool *strong);

enum weak_says {
    WEAK_NOTHING,
    WEAK_CUSTOMER,      /* him it was seen with */
    WEAK_OWN,           /* its own profile */
    WEAK_NEEDS_OWN,     /* none of several: it gets a profile of its own */
};

/* Whom a weak identifier by itself points at; `*profile`: 0 if at nobody.  Returns
 * 0 or TL_EDAMAGED. */
int identity_weak(struct views *v, const struct store_identifier *id, const struct binding *b,
                  enum weak_says *says, uint64_t *profile);

#endif
