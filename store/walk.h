/* walk.h -- records in order over three layers: the newest layer that knows a
 * key decides, and what it says is deleted is left out. */

#ifndef STORE_WALK_H
#define STORE_WALK_H

#include "store/generation.h"
#include "store/txn.h"

struct walk;

/* As views_first; `older` may be NULL, and `reader`.  The layers stay as they are until
 * walk_free; a failure to read sticks to `reader`. */
struct walk *walk_new(const struct generation *newer, const struct generation *older,
                      struct txn *reader, struct tl_str prefix, struct tl_str from, bool backward);
bool walk_next(struct walk *w, struct tl_str *key, struct tl_str *value);
void walk_free(struct walk **w);

#endif
