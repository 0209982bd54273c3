/* Which live offers are for the same thing on other terms: what an agent must not
 * read out before he has seen both. */

#include <stdio.h>

#include "proto/str.h"
#include "proto/code.h"
#include "store/offer.h"

#define NAMED_BYTES_MAX 640     /* an offer, its campaign, its channel, what differs */

static bool
for_the_same_thing(const struct tl_offer *a, const struct tl_offer *b)
{
    return str_equal(a->offer, b->offer) ||
           (a->exclusivity_group.len > 0 &&
            str_equal(a->exclusivity_group, b->exclusivity_group));
}

/* What is not known of one of them is no difference. */
static bool
differ(struct tl_str a, struct tl_str b)
{
    return a.len > 0 && b.len > 0 && !str_equal(a, b);
}

static bool
other_price(const struct tl_offer *a, const struct tl_offer *b)
{
    return a->currency.len > 0 && b->currency.len > 0 &&
           (a->price_minor != b->price_minor || !str_equal(a->currency, b->currency));
}

static bool
are_in_conflict(const struct tl_offer *a, const struct tl_offer *b)
{
    return for_the_same_thing(a, b) && (differ(a->terms, b->terms) || other_price(a, b));
}

/* `of campaign summer`, unless that says nothing new. */
static int
name(char *text, size_t room, const struct tl_offer *a, const struct tl_offer *b)
{
    bool of_campaign = b->campaign.len > 0 && !str_equal(b->campaign, b->offer);
    bool of_instance = b->instance.len > 0 && str_equal(a->offer, b->offer);

    return snprintf(text, room, "%.*s%s%.*s%s%.*s%s%.*s", (int)b->offer.len, b->offer.ptr,
                    of_campaign ? " of campaign " : "", of_campaign ? (int)b->campaign.len : 0,
                    of_campaign ? b->campaign.ptr : "", of_instance ? ", instance " : "",
                    of_instance ? (int)b->instance.len : 0, of_instance ? b->instance.ptr : "",
                    b->channel.len > 0 ? ", by " : "", (int)b->channel.len,
                    b->channel.len > 0 ? b->channel.ptr : "");
}

static int
say(struct tl_offer *a, const struct tl_offer *first, size_t others, struct arena *arena)
{
    bool terms = differ(a->terms, first->terms), price = other_price(a, first);
    char *text = arena_alloc(arena, NAMED_BYTES_MAX);
    int len;

    if (text == NULL)
        return TL_TOO_MANY;
    len = name(text, NAMED_BYTES_MAX, a, first);
    len += snprintf(text + len, NAMED_BYTES_MAX - (size_t)len, ": other %s",
                    terms && price ? "terms and price" : terms ? "terms" : "price");
    if (others > 1)
        len += snprintf(text + len, NAMED_BYTES_MAX - (size_t)len, "; and %zu more", others - 1);
    a->conflict = (struct tl_str){text, (size_t)len};
    return 0;
}

int
offer_conflicts(struct tl_offer *offers, size_t count, struct arena *arena)
{
    size_t live = 0;
    int err = 0;

    while (live < count && live < OFFERS_COMPARED_MAX && offers[live].live)
        live++;
    for (size_t i = 0; i < live && err == 0; i++) {
        const struct tl_offer *first = NULL;
        size_t others = 0;

        for (size_t k = 0; k < live; k++) {
            if (k == i || !are_in_conflict(&offers[i], &offers[k]))
                continue;
            first = first != NULL ? first : &offers[k];
            others++;
        }
        if (first != NULL)
            err = say(&offers[i], first, others, arena);
    }
    return err;
}
