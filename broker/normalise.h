/* normalise.h -- one spelling for each identifier.
 *
 * What an event names is made canonical once, at the door, and what a question
 * names in the same way, by the table of kinds.h. */

#ifndef NORMALISE_H
#define NORMALISE_H

#include "base/arena.h"
#include "broker/kinds.h"
#include "store/store.h"

/* The canonical identifiers of an event, strongest first, each once; values that
 * stand for "nobody" are left out.  They live in `arena`.  Telephone numbers are of
 * the event's region, or of its source's.
 * Returns 0 (also for no identifiers at all), TL_BAD_IDENTIFIER (one cannot be
 * read, or none is left; `*detail` is static text), TL_TOO_MANY (arena). */
int normalise_identifiers(const struct kinds *kinds, const struct tl_event *ev,
                          struct arena *arena, struct store_identifier **out, size_t *out_count,
                          const char **detail);

/* The two sides of an event's link, a before b.  Errors as above, and TL_BAD_FACET
 * (they are the same). */
int normalise_link(const struct kinds *kinds, const struct tl_event *ev, struct arena *arena,
                   struct store_identifier out[2], const char **detail);

/* Reads TYPE:VALUE.  Errors as above. */
int normalise_customer(const struct kinds *kinds, struct tl_str text, struct arena *arena,
                       struct store_identifier *out, const char **detail);

#endif
