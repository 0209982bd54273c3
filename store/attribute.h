/* attribute.h -- what is known of a customer by name: the latest word counts. */

#ifndef STORE_ATTRIBUTE_H
#define STORE_ATTRIBUTE_H

#include "base/arena.h"
#include "base/finder.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/views.h"

#define ATTRIBUTES_LISTED_MAX 64    /* of one profile, in an answer */

/* Folds one attribute of a `customer.attributes_set` at (time, number). */
int attribute_fold(struct views *v, uint64_t profile, struct card *c, const struct tl_attribute *a,
                   int64_t time, uint64_t number);

struct attribute_said {
    int64_t time;
    uint64_t number;
};

/* Appends a profile's attributes (room for ATTRIBUTES_LISTED_MAX more); of one
 * name the later stays, by `said`, as long as `out`.  TL_EDAMAGED, TL_TOO_MANY. */
int attribute_list(struct views *v, uint64_t profile, struct finder *known,
                   struct tl_attribute *out, struct attribute_said *said, size_t *count,
                   struct arena *arena);
struct finder attribute_finder(struct arena *arena);    /* for one list */

/* One attribute of a profile, if it was said later than `said` has it.
 * TL_EDAMAGED, TL_TOO_MANY. */
int attribute_find(struct views *v, uint64_t profile, struct tl_str name, struct tl_str *value,
                   struct attribute_said *said, struct arena *arena);

#endif
