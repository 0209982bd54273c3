/* subject.h -- calls, orders and tickets that are told of more than once: of the
 * events of one `source` and `subject` that have a revision the highest counts.
 *
 * What it counts for is what adds up: sales, touches of offers, campaigns, and its
 * place among the recent contacts.  Of each subject one record over everybody says
 * which event counts and what it added, so that a higher revision can take that
 * away again, whoever's it was, in whatever order they arrive.  Events without a
 * revision are not looked up. */

#ifndef STORE_SUBJECT_H
#define STORE_SUBJECT_H

#include "base/arena.h"
#include "proto/event.h"
#include "store/counter.h"
#include "store/frame.h"
#include "store/offer.h"
#include "store/views.h"

struct subject_touch {
    struct tl_str offer;
    struct tl_str campaign;
    enum outcome outcome;
    uint32_t count;
};

/* An event that counts, and what it added. */
struct subject_counted {
    uint64_t revision;
    int64_t time;
    uint64_t number;            /* 0: none */
    uint64_t profile;           /* 0: nobody's */
    struct tl_str channel;
    char sale;                  /* 's' sold, 'r' returned, 0 no sale */
    int64_t minor;
    struct tl_str currency;
    struct subject_touch *touches;
    size_t touches_count;
};

/* What an event means for its subject. */
struct subject {
    uint64_t name;              /* of the subject; 0: it has none, or no revision */
    bool superseded;            /* a higher revision is known: it adds nothing */
    struct subject_counted replaced;    /* what counted until now; number 0: nothing did */
};

bool subject_is_sale(struct tl_str type);

/* Decides about an event and remembers what counts from now on.  Text lives in the
 * arena.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int subject_fold(struct views *v, struct counters *counters, const struct frame *f,
                 const struct tl_event *ev, struct subject *out, struct arena *arena);

/* The number of the event that counts of a subject; 0: none has a revision.
 * Returns 0, TL_EDAMAGED. */
int subject_counted(struct views *v, struct tl_str source, struct tl_str subject,
                    uint64_t *number);

/* Is this the key of a subject's record?  `name` borrows from it. */
bool subject_of_key(struct tl_str key, struct tl_str *name);

/* Appends the numbers (uint64_t) up to `to` of all events that told of a subject by a
 * revision; `name` as subject_of_key gives it. */
void subject_numbers(struct views *v, struct tl_str name, uint64_t to, struct buf *numbers);

/* A profile's sales that are told by revisions, latest first. */
struct card_sale;

void subject_sale_put(struct views *v, uint64_t profile, const struct card_sale *sale);
void subject_sale_delete(struct views *v, uint64_t profile, int64_t time, uint64_t number);

/* The latest of them, if it is later than `*last`; the currency lives in the arena.
 * Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int subject_last_sale(struct views *v, uint64_t profile, struct card_sale *last,
                      struct arena *arena);

#endif
