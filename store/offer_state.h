/* offer_state.h -- what state an offer is in, from its merged outcomes. */

#ifndef STORE_OFFER_STATE_H
#define STORE_OFFER_STATE_H

#include "store/offer.h"

struct catalogue_offer;

/* The last time anything was said of this instance. */
int64_t offer_last_time(const struct offer_instance *in);

/* When it was made to the customer: the first time it was made, delivered or
 * presented; 0 when only reactions are known (an orphan). */
int64_t offer_made_time(const struct offer_instance *in);

/* What several subjects told of one instance becomes one.  Then a reaction that
 * names only the offer (or the offer and its campaign) joins the newest instance
 * made before it; so does delivered, undelivered and presented, if that instance is
 * said to be `made` and the one so named never is.  What joins nowhere stays.
 * Changes the group; emptied instances go. */
void offer_join(struct offer_group *g);

/* One instance, told by two subjects or in two profiles? */
bool offer_same_instance(const struct offer_instance *a, const struct offer_instance *b);

/* Adds what another profile knows of the same instance. */
void offer_merge(struct offer_instance *to, const struct offer_instance *from);

enum offer_class {
    OFFER_OPEN = 0,         /* live until something is said */
    OFFER_OPEN_UNTIL = 1,   /* live until it expires */
    OFFER_CLOSED = 2,
};

struct offer_state {
    struct tl_str name;
    enum offer_class class;
    bool live;              /* as of `now` */
    bool disputed;
    bool orphan;
};

/* The state at `now`. */
struct offer_state offer_state(const struct offer_instance *in, int64_t now);

/* Where a group comes in a list that does not know `now`: by class, then by
 * descending time (OFFER_OPEN_UNTIL: the expiry). */
struct offer_order {
    unsigned char class;
    int64_t time;
};

/* `defined`: what the catalogue has of this offer id.  Returns 0 or TL_TOO_MANY. */
int offer_order(const struct offer_group *g, const struct catalogue_offer *defined,
                struct arena *arena, struct offer_order *first);

#endif
