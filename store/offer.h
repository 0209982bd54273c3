/* offer.h -- what was offered to one profile and how it reacted.
 *
 * An offer id has a group of instances; an instance holds, per outcome, {count,
 * first and last (time, position)} and the latest terms.  Merges do not care
 * about order.  What state an offer is in is computed when read, over all
 * profiles of the customer. */

#ifndef STORE_OFFER_H
#define STORE_OFFER_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/views.h"

struct fold;
struct frame;

#define OFFER_INSTANCES_MAX 64      /* of one offer id in one profile; the oldest go, those of
                                     * subjects into the one that stays whatever is told later */

/* Ties in time go to the later one of these. */
enum outcome {
    OUTCOME_MADE,
    OUTCOME_DELIVERED,
    OUTCOME_UNDELIVERED,
    OUTCOME_PRESENTED,
    OUTCOME_DISMISSED,
    OUTCOME_CLICKED,
    OUTCOME_DECLINED,
    OUTCOME_ACCEPTED,
    OUTCOME_REDEEMED,
    OUTCOME_FULFILLED,
    OUTCOME_NO_RESPONSE,
    OUTCOME_EXPIRED,
    OUTCOME_WITHDRAWN,
    OUTCOME_SUPERSEDED,
    OUTCOME_DISPUTED,
    OUTCOME_COUNT,
};

struct tl_str outcome_name(enum outcome o);

/* The outcome a touch of an event of this type has: its own, or the one the type
 * implies (`offer.made`, `coupon.redeemed`).  A definition has none; OUTCOME_COUNT
 * also when it is none that is known. */
enum outcome outcome_of(const struct tl_event *ev, const struct tl_offer_touch *touch);

struct offer_seen {
    uint32_t count;             /* 0: not seen */
    int64_t first_time;
    uint64_t first_number;
    int64_t time;               /* the last */
    uint64_t number;
    struct tl_str channel;      /* of the last */
    struct tl_str first_channel;
    struct tl_str reason;
};

/* What of an instance the catalogue tells. */
enum offer_defined {
    OFFER_DEFINED_TITLE = 1,
    OFFER_DEFINED_TERMS = 2,
    OFFER_DEFINED_PRICE = 4,
    OFFER_DEFINED_EXPIRES = 8,
    OFFER_DEFINED_GROUP = 16,
};

struct offer_stamp {
    int64_t time;
    uint64_t number;            /* 0: never said */
};

/* What was said of an offer when it was shown; of each the latest. */
struct offer_words {
    struct offer_stamp terms_at;
    struct offer_stamp title_at;
    struct offer_stamp price_at;
    struct offer_stamp expires_at;
    struct offer_stamp group_at;
    struct tl_str terms;
    struct tl_str title;
    struct tl_str currency;
    int64_t price_minor;
    int64_t expires;
    struct tl_str group;        /* offers of one are for the same thing */
};

struct offer_instance {
    struct tl_str campaign;
    struct tl_str treatment;
    struct tl_str instance;
    uint64_t subject;           /* a call's or order's, told by revisions; 0: of no such.  When
                                 * read, those of all subjects are one */
    int64_t named_time;         /* of an instance with an id: of the touch that named campaign */
    uint64_t named_number;      /* and treatment */
    struct offer_words words;
    unsigned defined;           /* enum offer_defined; this and what follows only when read */
    int64_t valid_from;
    int64_t withdrawn;          /* when the catalogue took it back; 0: it did not */
    struct offer_seen seen[OUTCOME_COUNT];
};

/* Nothing of it is known.  What was not seen has a count of 0 and else no bytes
 * that mean anything: there are many of these, and few outcomes in each. */
void offer_instance_init(struct offer_instance *in);

/* An instance with an id may be named with several campaigns, or none: those of the
 * touch that says most count, of equals the first in event time. */
struct offer_naming {
    struct tl_str campaign;
    struct tl_str treatment;
    int64_t time;
    uint64_t number;
};

void offer_instance_name(struct offer_instance *in, const struct offer_naming *named);

/* `to` gets what was said later. */
void offer_words_merge(struct offer_words *to, const struct offer_words *from);

struct offer_group {
    size_t count;
    struct offer_instance *instances;
};

/* The group of `offer` from its bytes (none: an empty one); text borrows from
 * both, instances from `arena` with room for one more.  Returns 0, TL_EDAMAGED,
 * TL_TOO_MANY. */
int offer_read(struct offer_group *g, struct tl_str offer, struct tl_str bytes,
               struct arena *arena);
void offer_write(const struct offer_group *g, struct tl_str offer, struct buf *out);

/* The offer id of a touch (the campaign when it names none) and its campaign
 * (the event's when it names none). */
struct tl_str offer_id(const struct tl_event *ev, const struct tl_offer_touch *touch);
struct tl_str offer_campaign(const struct tl_event *ev, const struct tl_offer_touch *touch);

/* Folds one touch of an event into the profile's card and records.  Returns 0,
 * TL_EDAMAGED, TL_TOO_MANY. */
int offer_fold(struct fold *fold, const struct frame *f, struct card *c, const struct tl_event *ev,
               const struct tl_offer_touch *touch);

/* Takes back what a subject's lower revision said of an offer.  Returns the same. */
int offer_unfold(struct fold *fold, uint64_t profile, struct card *c, struct tl_str offer,
                 uint64_t subject);

/* Where one of the customer's profiles has its offers. */
struct offer_source {
    uint64_t profile;
    struct tl_str here;         /* the card's, borrowed as long as the answer */
    bool apart;                 /* there are some in records of their own */
    uint64_t count;             /* distinct offer ids, here and apart */
};

/* Live offers compared with each other, the first of the list. */
#define OFFERS_COMPARED_MAX 128

/* Offers that lie among the open ones and are over by the catalogue, passed on the way
 * to those that are live. */
#define OFFERS_PASSED_MAX 64

struct offer_query {
    struct views *views;
    const struct counters *counters;    /* is there a catalogue? */
    const struct offer_source *sources;
    size_t sources_count;
    int64_t now;
    size_t limit;               /* at least so many of the best are among those listed */
    size_t rest_max;            /* what is not listed is counted so far, and one further */
    struct arena *arena;
};

/* A customer's offers, one of each instance: live first, then the newest closed. */
struct offer_list {
    struct tl_offer *offers;
    size_t count;
    uint64_t rest;              /* distinct offer ids of which nothing is listed; above
                                 * `rest_max`: so many or more */
};

/* All there are, when they are no more than `limit`.  `*depends` is raised to the
 * last event of the catalogue they stand on.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int offer_list(const struct offer_query *q, struct offer_list *out, uint64_t *depends);

/* How many more there are when the first so many of the list are shown: what else
 * there is of the offers shown, and every other offer id once.  That does not
 * depend on which of them were looked at.  Above `rest_max`: so many or more. */
uint64_t offer_list_more(const struct offer_query *q, const struct offer_list *list,
                         size_t shown);

/* Says of each live offer which other one is for the same thing on other terms;
 * `offers` live ones first.  Returns 0 or TL_TOO_MANY. */
int offer_conflicts(struct tl_offer *offers, size_t count, struct arena *arena);

#endif
