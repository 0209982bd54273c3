/* ordered.h -- a record of a profile, and beside it an empty one whose key says where it
 * stands among its like. */

#ifndef STORE_ORDERED_H
#define STORE_ORDERED_H

#include "base/buf.h"
#include "store/key.h"
#include "store/views.h"

/* Puts both.  `was` is where it stood before, NULL of a new one; it is taken away when that
 * is elsewhere.  Loop thread. */
void ordered_put(struct views *v, const struct key *record, const struct buf *value,
                 const struct key *was, const struct key *order);

#endif
