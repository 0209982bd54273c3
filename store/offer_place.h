/* offer_place.h -- where a profile's offers lie.
 *
 * Those touched last are on its card, which is read for every event and every
 * answer anyway.  When they outgrow it, those touched longest ago move to
 * records of their own, with an order to list them by; a touch brings one back.
 * Where an offer lies shows in no answer.  The order is by what the catalogue said
 * when it moved, so the record says where that put it. */

#ifndef STORE_OFFER_PLACE_H
#define STORE_OFFER_PLACE_H

#include "store/offer.h"

/* A card with more than MAX bytes of offers keeps KEPT: moving one out at each
 * touch would write as much as having them all apart. */
#define OFFERS_HERE_BYTES_MAX 2048
#define OFFERS_HERE_BYTES_KEPT 1536

struct offer_place {
    struct views *views;
    uint64_t profile;
    struct card *card;
    struct arena *arena;        /* lives as long as the card */
    struct arena *scratch;      /* for the call */
    const struct counters *counters;    /* is there a catalogue? */
};

/* The group in the record of one that lies apart; false: damage. */
bool offer_place_group(struct tl_str record, struct tl_str *group);

/* One offer on a card. */
struct offer_here {
    struct tl_str offer;
    struct tl_str group;        /* for offer_read */
};

/* The next of those in `here`, from offset *at on; false: no more, or damage
 * (*at is then short of the end). */
bool offer_here_next(struct tl_str here, size_t *at, struct offer_here *one);

/* The group of an offer, wherever it lies, to be changed and put back; empty: it
 * is new.  Borrows from the card or the arena.  Returns 0, TL_EDAMAGED,
 * TL_TOO_MANY. */
int offer_place_take(const struct offer_place *p, struct tl_str offer, struct tl_str *group);
int offer_place_drop(const struct offer_place *p, struct tl_str offer);     /* instead of put */
int offer_place_put(const struct offer_place *p, struct tl_str offer, struct tl_str group);

#endif
