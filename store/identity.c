#include "store/identity.h"

#include "proto/code.h"
#include "store/binding.h"
#include "store/card.h"
#include "store/key.h"
#include "store/link.h"

/* ------------------------------------------------------- a customer's set */

bool
identity_among(uint64_t profile, const uint64_t *profiles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (profiles[i] == profile)
            return true;
    return false;
}

static void
sort(uint64_t *profiles, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t profile = profiles[i];
        size_t at = i;

        for (; at > 0 && profiles[at - 1] > profile; at--)
            profiles[at] = profiles[at - 1];
        profiles[at] = profile;
    }
}

int
identity_without(struct views *v, uint64_t profile, uint64_t but, uint64_t *profiles, size_t *count)
{
    struct links l;

    profiles[0] = profile;
    *count = 1;
    for (size_t i = 0; i < *count; i++) {
        if (link_get(v, profiles[i], &l) != 0)
            return TL_EDAMAGED;
        for (size_t j = 0; j < l.count && *count < STORE_PROFILES_MAX; j++)
            if (link_holds(&l.of[j]) && (i > 0 || l.of[j].other != but) &&
                !identity_among(l.of[j].other, profiles, *count))
                profiles[(*count)++] = l.of[j].other;
    }
    return 0;
}

int
identity_customer(struct views *v, uint64_t profile, uint64_t *profiles, size_t *count)
{
    int err = identity_without(v, profile, 0, profiles, count);

    if (err == 0)
        sort(profiles, *count);
    return err;
}

static int
look_for_strong(struct views *v, uint64_t profile, bool *strong)
{
    struct card card;
    int err = card_find(v, profile, &card);

    *strong = *strong || (err == 0 && card_has_strong(&card));
    return err;
}

int
identity_has_strong(struct views *v, uint64_t profile, bool *strong)
{
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t count;
    int err = identity_customer(v, profile, profiles, &count);

    *strong = false;
    for (size_t i = 0; i < count && err == 0; i++)
        err = look_for_strong(v, profiles[i], strong);
    return err;
}

/* --------------------------------------------------------- weak identifiers */

/* The customers a weak identifier was seen with, one profile each. */
static int
count_customers(struct views *v, const struct binding *b, uint64_t *profiles, size_t *count)
{
    uint64_t customer[STORE_PROFILES_MAX];
    size_t customer_count;

    *count = 0;
    for (size_t i = 0; i < b->holders_count; i++) {
        bool same = false;

        if (identity_customer(v, b->holders[i].profile, customer, &customer_count) != 0)
            return TL_EDAMAGED;
        for (size_t j = 0; j < *count && !same; j++)
            same = identity_among(profiles[j], customer, customer_count);
        if (!same)
            profiles[(*count)++] = b->holders[i].profile;
    }
    return 0;
}

int
identity_weak(struct views *v, const struct store_identifier *id, const struct binding *b,
              enum weak_says *says, uint64_t *profile)
{
    uint64_t customers[IDENTITY_HOLDERS_MAX];
    size_t count = 0;
    bool strong = false;
    int err;

    *says = WEAK_NOTHING;
    *profile = 0;
    if (b->holders_count > 0 && (err = count_customers(v, b, customers, &count)) != 0)
        return err;
    if (count == 1 || (count > 1 && id->follows_login)) {
        *says = WEAK_CUSTOMER;
        *profile = b->holders[0].profile;
        return 0;
    }
    if (b->home != 0 && (err = identity_has_strong(v, b->home, &strong)) != 0)
        return err;
    if (b->home != 0 && (!strong || count == 0)) {
        *says = WEAK_OWN;
        *profile = b->home;
    } else if (count > 1) {
        *says = WEAK_NEEDS_OWN;
    }
    return 0;
}

/* ------------------------------------------------------------------ finding */

int
identity_named(struct views *v, struct tl_str type, struct tl_str value, uint64_t *profiles,
               size_t *count)
{
    struct binding b;
    int err = binding_get(v, type, value, 0, &b);

    *count = 0;
    if (err != 0)
        return err;
    if (b.past_count > IDENTITY_PAST_MAX)
        return TL_TOO_MANY;
    if (b.home != 0)
        profiles[(*count)++] = b.home;
    for (size_t i = 0; i < b.holders_count; i++)
        profiles[(*count)++] = b.holders[i].profile;
    for (size_t i = 0; i < b.past_count; i++)
        profiles[(*count)++] = b.past[i];
    return 0;
}

int
identity_find(struct views *v, const struct store_identifier *id, uint64_t *profile,
              uint64_t *candidates, size_t *candidates_count)
{
    enum weak_says says;
    struct binding b;
    int err = binding_get(v, id->type, id->value, id->hash, &b);

    *candidates_count = 0;
    *profile = b.home;
    if (err != 0 || id->strong)
        return err;
    err = identity_weak(v, id, &b, &says, profile);
    if (err == 0 && says != WEAK_CUSTOMER && b.holders_count > 1)
        err = count_customers(v, &b, candidates, candidates_count);
    return err;
}
