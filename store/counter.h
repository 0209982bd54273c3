/* counter.h -- how many, by name: events by channel, type, source; profiles.
 *
 * Counted in memory and written into the views with each checkpoint, so an
 * event costs an addition, not a record. */

#ifndef STORE_COUNTER_H
#define STORE_COUNTER_H

#include "base/arena.h"
#include "base/map.h"
#include "proto/answer.h"
#include "store/views.h"

enum counter_kind {
    COUNTER_TOTAL = 't',        /* by the names below */
    COUNTER_CHANNEL = 'c',
    COUNTER_TYPE = 'y',
    COUNTER_SOURCE = 's',
    COUNTER_CAMPAIGN = 'p',     /* its touches */
    COUNTER_GAPS = 'g',         /* numbers of a source that are missing */
    COUNTER_GAPS_SINCE = 'h',   /* the event since which it is so many */
    COUNTER_RELATIONSHIP = 'r', /* company.h */
};

#define COUNTER_EVENTS "events"
#define COUNTER_PROFILES "profiles"
#define COUNTER_CUSTOMERS "customers"
#define COUNTER_NEXT_PROFILE "next_profile"
#define COUNTER_SUPERSEDED "superseded"             /* events for which a higher revision counts */
#define COUNTER_DEFINED "offers_defined"            /* offer ids in the catalogue */
#define COUNTER_RAISED "offers_put_off"             /* of those, whose end was put off */

#define COUNTER_NAMES_MAX 100000    /* of one kind; what comes after counts as "other" */

struct counter {
    uint64_t value;
    bool changed;
    enum counter_kind kind;
    struct tl_str name;         /* its own */
};

#define COUNTER_RECENT 64

struct counters {
    struct map names;           /* kind, name -> struct counter */
    struct counter *recent[COUNTER_RECENT];     /* most events are like one of late */
    struct counter **of[128];   /* of each kind all, in the order they came */
    size_t kinds[128];          /* how many */
};

/* Reads all that the views hold.  Returns 0 or TL_EDAMAGED. */
int counters_load(struct counters *c, struct views *v);
void counters_fini(struct counters *c);

void counter_add(struct counters *c, enum counter_kind kind, struct tl_str name, int64_t delta);
uint64_t counter_get(const struct counters *c, enum counter_kind kind, const char *name);
uint64_t counter_of(const struct counters *c, enum counter_kind kind, struct tl_str name);
void counter_set(struct counters *c, enum counter_kind kind, const char *name, uint64_t value);

/* Puts what changed into the views; call right before a freeze. */
void counters_store(struct counters *c, struct views *v);

/* The counters of one kind, greatest first; at most `max`. */
int counters_list(const struct counters *c, enum counter_kind kind, size_t max,
                  struct tl_count **out, size_t *count, struct arena *arena);
size_t counters_count(const struct counters *c, enum counter_kind kind);
uint64_t counters_sum(const struct counters *c, enum counter_kind kind);

#endif
