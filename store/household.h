/* household.h -- who lives together: labelled relations, never merges.
 *
 * Kept with each profile: of a household the latest word that he joined, that he
 * left, on his role, and on what the others may be shown.  What was said before
 * he last left is over.  Beside the sums over everybody lies, by household, which
 * profiles are its members, and which spoke of it and are none; it is made from
 * the profiles' records alone, so folding on ends with the same one (as in due.h). */

#ifndef STORE_HOUSEHOLD_H
#define STORE_HOUSEHOLD_H

#include "base/arena.h"
#include "store/card.h"
#include "store/frame.h"
#include "store/views.h"

#define HOUSEHOLDS_MAX 8            /* of one customer that are looked at: the first by id */
#define HOUSEHOLD_MEMBERS_MAX 32    /* profiles of one household: the first the bus knew */

/* Folds what an event says of his household into the profile's record.  Returns 0
 * or TL_EDAMAGED. */
int household_fold(struct views *v, struct card *c, const struct frame *f,
                   const struct tl_event *ev);

/* Brings the household's members up to date with the profile's record, also when
 * that was folded further already.  Returns 0 or TL_EDAMAGED. */
int household_index(struct views *v, const struct frame *f, const struct tl_event *ev);

/* The households a customer is a member of, by id; room for HOUSEHOLDS_MAX.  Text
 * lives in `arena`; a visibility nobody spoke of is empty.  Returns 0, TL_EDAMAGED,
 * TL_TOO_MANY. */
int household_list(struct views *v, const uint64_t *profiles, size_t profiles_count,
                   struct tl_household *out, size_t *count, struct arena *arena);

/* Is the customer a member of this one, and how?  Text lives in `arena`. */
int household_find(struct views *v, const uint64_t *profiles, size_t profiles_count,
                   struct tl_str id, bool *is_member, struct tl_household *out,
                   struct arena *arena);

/* Every profile that ever spoke of a household: what its members were once is made
 * from the records of these.  Returns 0, TL_TOO_MANY (more than `max`). */
int household_speakers(struct views *v, struct tl_str id, uint64_t *profiles, size_t max,
                       size_t *count);

/* Is this the key of a household's members, or of one (`*profile`, else 0)?  `id`
 * borrows from the key. */
bool household_of_key(struct tl_str key, struct tl_str *id, uint64_t *profile);

/* The profiles whose own record makes them members (another of the customer's
 * may say more), and the number of the last event that said anything about this
 * household. */
int household_members(struct views *v, struct tl_str id,
                      uint64_t profiles[HOUSEHOLD_MEMBERS_MAX], size_t *count,
                      uint64_t *last_number);

#endif
