/* broken.c -- a broker whose fold is wrong on purpose, to see that the second opinion sees it.
 *
 * The linker puts these before the store's own functions (--wrap); TOUCHLINE_BROKEN
 * names the one that is wrong.  Without it all is right. */

#include <stdlib.h>
#include <string.h>

#include "proto/str.h"
#include "store/card.h"
#include "store/commitment.h"
#include "store/consent.h"
#include "store/fold.h"
#include "store/household.h"
#include "store/link.h"
#include "store/offer.h"
#include "store/offer_state.h"
#include "store/policy.h"

#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

static bool
is_wrong(const char *way)
{
    const char *broken = getenv("TOUCHLINE_BROKEN");

    return broken != NULL && strcmp(broken, way) == 0;
}

/* What arrives last is taken for what happened last. */
WRAPPED(int, offer_fold, struct fold *fold, const struct frame *f, struct card *c,
        const struct tl_event *ev, const struct tl_offer_touch *touch)
{
    struct frame late = *f;

    if (is_wrong("arrival"))
        late.time = f->received;
    return __real_offer_fold(fold, &late, c, ev, touch);
}

/* A return counts as a purchase. */
WRAPPED(void, card_sold, struct card *c, const struct tl_sale *sale, bool returned, int64_t time,
        uint64_t number)
{
    __real_card_sold(c, sale, returned && !is_wrong("returns"), time, number);
}

/* A reaction that names only the offer stays by itself. */
WRAPPED(void, offer_join, struct offer_group *g)
{
    if (!is_wrong("orphans"))
        __real_offer_join(g);
}

/* Of what several said the first in the list counts, not the strictest. */
WRAPPED(void, consent_settle, struct tl_consent_state *out, uint64_t *numbers, size_t *count)
{
    for (size_t i = 0; i < *count && is_wrong("strictest"); i++)
        out[i].status = out[0].status;
    __real_consent_settle(out, numbers, count);
}

/* A link is never taken back. */
WRAPPED(int, link_apply, struct views *v, uint64_t a, const struct link *of)
{
    struct link known = *of;

    known.joined = known.joined || is_wrong("unlink");
    return __real_link_apply(v, a, &known);
}

/* Nobody hears that a promise was kept. */
WRAPPED(int, commitment_fold, struct views *v, uint64_t profile, struct card *c,
        const struct tl_event *ev, const struct frame *f, const struct tl_commitment *made)
{
    if (is_wrong("kept") && (str_is(made->state, "kept") || str_is(ev->type, "commitment.kept")))
        return 0;
    return __real_commitment_fold(v, profile, c, ev, f, made);
}

/* Nobody ever moves out. */
static bool
is_unheard(const struct frame *f)
{
    return is_wrong("left") && str_is(f->type, "household.left");
}

WRAPPED(int, household_fold, struct views *v, struct card *c, const struct frame *f,
        const struct tl_event *ev)
{
    return is_unheard(f) ? 0 : __real_household_fold(v, c, f, ev);
}

WRAPPED(int, household_index, struct views *v, const struct frame *f, const struct tl_event *ev)
{
    return is_unheard(f) ? 0 : __real_household_index(v, f, ev);
}

/* A cap of a household counts what one of it got. */
WRAPPED(bool, policy_counts_household, const struct policy *p, struct tl_str purpose)
{
    return !is_wrong("alone") && __real_policy_counts_household(p, purpose);
}

/* What comes with somebody and is another's is taken for his. */
WRAPPED(void, card_identifier_seen, struct card *c, struct tl_str type, struct tl_str value,
        unsigned kind, int64_t time, bool login)
{
    if (is_wrong("names"))
        kind &= ~(unsigned)CARD_ELSEWHERE;
    __real_card_identifier_seen(c, type, value, kind, time, login);
}
