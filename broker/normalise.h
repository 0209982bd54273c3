/* normalise.h -- one spelling for each identifier.
 *
 * The table of identifier types lives here.  What an event names is made
 * canonical once, at the door, and what a question names in the same way. */

#ifndef NORMALISE_H
#define NORMALISE_H

#include "base/arena.h"
#include "store/store.h"

/* The canonical identifiers, strongest first, each once; values that stand for
 * "nobody" are left out.  They live in `arena`.  `region` may be empty.
 * Returns 0 (also for no identifiers at all), TL_BAD_IDENTIFIER (one cannot be
 * read, or none is left; `*detail` is static text), TL_TOO_MANY (arena). */
int normalise_identifiers(const struct tl_identifier *ids, size_t count, struct tl_str region,
                          struct arena *arena, struct store_identifier **out, size_t *out_count,
                          const char **detail);

/* The two sides of a link, a before b.  Errors as above, and TL_BAD_FACET (they are
 * the same). */
int normalise_link(const struct tl_identity_link *link, struct tl_str region, struct arena *arena,
                   struct store_identifier out[2], const char **detail);

/* Reads TYPE:VALUE.  Errors as above. */
int normalise_customer(struct tl_str text, struct arena *arena, struct store_identifier *out,
                       const char **detail);

#endif
