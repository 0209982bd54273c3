/* relatives.h -- the people who live with a customer, found by his households. */

#ifndef STORE_RELATIVES_H
#define STORE_RELATIVES_H

#include "store/household.h"

#define RELATIVES_PROFILES_MAX 256  /* of all of a customer's relatives; no more are looked for */

/* Another customer in one of his households. */
struct relative {
    size_t household;               /* which of `own` */
    struct tl_household member;     /* as he is a member of it */
    const uint64_t *profiles;
    size_t profiles_count;
    uint64_t has;                   /* enum card_has, of all of them */
};

struct relatives {
    struct tl_household own[HOUSEHOLDS_MAX];    /* his memberships, by id */
    size_t own_count;
    struct relative *others;        /* by household, then by the order the bus knew them in */
    size_t others_count;
    uint64_t depends;               /* the last event that any of this depends on */
};

/* Who they are.  In `arena`.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int relatives_find(struct views *v, const uint64_t *profiles, size_t profiles_count,
                   struct relatives *out, struct arena *arena);

/* May he be shown at all: did he not say `none`?  May what he was offered: did both
 * say that they show it? */
bool relative_shown(const struct relative *r);
bool relative_shows_offers(const struct relatives *all, const struct relative *r);

#endif
