/* may_contact.h -- what the contact policy needs to know of a customer, gathered
 * from his profiles. */

#ifndef STORE_MAY_CONTACT_H
#define STORE_MAY_CONTACT_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/relatives.h"
#include "store/store.h"

#define MAY_CONTACT_SHOWN_MAX 6     /* channels, in a context */

struct may_contact {
    struct store *store;
    const uint64_t *profiles;
    size_t profiles_count;
    uint64_t has;               /* enum card_has, of all of them */
    int64_t now;
    struct arena *arena;
    const struct relatives *relatives;  /* NULL: he has none, or no cap counts them */
};

/* A verdict on marketing for each channel by which these identifiers or an
 * earlier contact reach him, without the events counted.  Nothing when the
 * policy has no line on marketing.  Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int may_contact_list(const struct may_contact *m, const struct card_identifier *ids,
                     size_t ids_count, struct tl_contact_verdict **out, size_t *count);

#endif
