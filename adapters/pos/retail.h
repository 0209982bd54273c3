/* retail.h -- a POSLog Transaction, as a tree, to an event. */

#ifndef ADAPTERS_POS_RETAIL_H
#define ADAPTERS_POS_RETAIL_H

#include "adapters/draft.h"
#include "adapters/pos/node.h"
#include "base/zone.h"

enum retail_result {
    RETAIL_EVENT,               /* the draft holds it */
    RETAIL_IGNORED,             /* no customer's business; `why` is its name */
    RETAIL_WRONG,               /* `why` is a sentence */
};

#define RETAIL_WHY_BYTES 256

/* `draft` is begun here; source and region are the caller's to set.  The event
 * borrows from the tree. */
enum retail_result retail_read(struct draft *draft, struct node *transaction,
                               const struct zone *zone, struct tl_str timezone,
                               char why[RETAIL_WHY_BYTES]);

#endif
