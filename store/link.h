/* link.h -- what is known of two profiles: were they named together, and what a
 * person said of them.
 *
 * Both have it, so that it is found from either.  A person's word stands above
 * what events showed, whichever arrived first; of two words the later counts. */

#ifndef STORE_LINK_H
#define STORE_LINK_H

#include "store/store.h"
#include "store/views.h"

#define LINK_REFUSALS_MAX 64        /* profiles that people took apart from one profile */
#define LINKS_MAX (STORE_PROFILES_MAX - 1 + LINK_REFUSALS_MAX)

struct link {
    uint64_t other;
    bool together;      /* an event named both */
    bool said;          /* a person said something; then: */
    bool joined;        /* one customer, or not */
    int64_t time;       /* when he said it */
    uint64_t number;    /* of the event */
};

struct links {
    size_t count;
    struct link of[LINKS_MAX];
};

/* Everything known of a profile and others.  Returns 0 or TL_EDAMAGED. */
int link_get(struct views *v, uint64_t profile, struct links *l);

/* NULL: nothing. */
const struct link *link_find(const struct links *l, uint64_t other);

static inline bool
link_holds(const struct link *l)
{
    return l->said ? l->joined : l->together;
}

static inline bool
link_refused(const struct link *l)
{
    return l->said && !l->joined;
}

size_t link_refusals(const struct links *l);

/* Adds to what is known of profiles `a` and `of->other`.  Doing it again changes
 * nothing, nor does the order.  Returns 0 or TL_EDAMAGED. */
int link_apply(struct views *v, uint64_t a, const struct link *of);

#endif
