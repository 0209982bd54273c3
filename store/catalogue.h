/* catalogue.h -- what the offers are, told by `offer.defined` of no customer: title,
 * terms, price, validity, and which others are for the same thing.
 *
 * Of an offer id one record over everybody, with a definition for each campaign
 * that has one of its own.  A later definition takes the place of an earlier one,
 * whole, whichever arrives first.  An offer made to a customer takes from it, when
 * it is read, what nobody said of that offer itself. */

#ifndef STORE_CATALOGUE_H
#define STORE_CATALOGUE_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/counter.h"
#include "store/frame.h"
#include "store/views.h"

#define CATALOGUE_CAMPAIGNS_MAX 16  /* definitions of one offer id; those defined longest ago go */
#define CATALOGUE_BYTES_MAX (256u << 10)    /* of records in one list */
#define CATALOGUE_RAISED_MAX 64     /* of offers whose end was put off, looked at in one answer */

struct offer_instance;

struct catalogue_entry {
    struct tl_str campaign;         /* empty: whichever it is offered in */
    int64_t time;
    uint64_t revision;
    uint64_t number;                /* of the event that defined it */
    bool withdrawn;                 /* as of that time it is not offered any more */
    struct tl_str title;
    struct tl_str terms;
    struct tl_str currency;
    int64_t price_minor;
    int64_t valid_from;
    int64_t expires;
    struct tl_str group;
};

struct catalogue_offer {
    bool raised;                    /* its end was put off once */
    size_t count;                   /* 0: not defined */
    struct catalogue_entry *entries;
};

bool catalogue_is_empty(const struct counters *c);

/* Folds the definitions in an event.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int catalogue_fold(struct views *v, struct counters *counters, const struct frame *f,
                   const struct tl_event *ev, struct arena *arena);

/* The definitions of an offer id; text lives in the arena.  Returns 0, TL_EDAMAGED,
 * TL_TOO_MANY. */
int catalogue_read(struct views *v, struct tl_str offer, struct catalogue_offer *out,
                   struct arena *arena);

/* Gives the instance what it lacks: by the definition for its campaign, else the one
 * for any, else (it names no campaign) the latest there is. */
void catalogue_apply(const struct catalogue_offer *o, struct offer_instance *in);

/* The last event any of these is from. */
uint64_t catalogue_number(const struct catalogue_offer *o);

/* Is it over by now in every campaign, if the last word on it was at `last`? */
bool catalogue_is_over(const struct catalogue_offer *o, int64_t last, int64_t now);

/* Which of its records a key is of; `offer` borrows from it, and is empty of what is
 * over more than one. */
enum catalogue_record {
    CATALOGUE_NONE,
    CATALOGUE_DEFINED,              /* the definitions of an offer id */
    CATALOGUE_OTHER,                /* an index */
};

enum catalogue_record catalogue_of_key(struct tl_str key, struct tl_str *offer);

/* Appends the numbers (uint64_t) up to `to` of all events that defined an offer id. */
void catalogue_numbers(struct views *v, struct tl_str offer, uint64_t to, struct buf *numbers);

/* Every offer id whose end was ever put off, until `each` returns not 0, which is
 * returned. */
int catalogue_each_raised(struct views *v, int (*each)(void *arg, struct tl_str offer), void *arg);

/* Offers whose end was put off and that are not over, at most CATALOGUE_RAISED_MAX of
 * them, names in the arena.  Returns 0, TL_TOO_MANY. */
int catalogue_raised(struct views *v, const struct counters *counters, int64_t now,
                     struct tl_str *offers, size_t *count, struct arena *arena);

/* Lists definitions by offer id, of `offer` alone unless it is empty, else from the
 * first after `after` on, at most `limit` offers and CATALOGUE_BYTES_MAX; `*more`: there
 * are others.
 * `*depends` is raised to the last event they are from.  Returns 0, TL_EDAMAGED,
 * TL_TOO_MANY. */
struct catalogue_query {
    struct views *views;
    struct tl_str offer;
    struct tl_str after;
    size_t limit;
    int64_t now;
    struct arena *arena;
};

int catalogue_list(const struct catalogue_query *q, struct tl_offer **offers, size_t *count,
                   bool *more, uint64_t *depends);

#endif
