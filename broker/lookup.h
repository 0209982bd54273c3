/* lookup.h -- what a question about a customer finds: his context, offers or
 * timeline, in the store, or in what it was once. */

#ifndef LOOKUP_H
#define LOOKUP_H

#include "base/arena.h"
#include "proto/wire.h"
#include "store/store.h"

struct lookup {
    const struct wire_request *request;     /* a context, offers or timeline query */
    struct store_question question;
    struct arena *arena;

    uint64_t depends;           /* on what the answer stands */
    struct wire_reply reply;    /* its body is one of those that follow */
    struct tl_context context;
    struct tl_offers offers;
    struct tl_timeline timeline;
};

bool lookup_is_section(struct tl_str name);
size_t lookup_offers_limit(const struct wire_offers_query *query);

/* The answer borrows from the request, the arena, the store and its log.  On the
 * thread that has the store.  Returns 0, TL_NOT_FOUND, TL_TOO_MANY, TL_EDAMAGED. */
int lookup_run(struct lookup *l, struct store *st);

#endif
