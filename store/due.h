/* due.h -- what was promised, by when it is due, so that "what is due by now?"
 * costs the same however much was promised.
 *
 * Of a profile's commitment there is at most one entry: that of the next thing
 * to announce about it.  Entries lie among the sums over everybody, which are
 * as of the checkpoint when a profile may be ahead of it (views.h); they are
 * made from the profile's record alone, so folding on ends with the same ones. */

#ifndef STORE_DUE_H
#define STORE_DUE_H

#include <stdbool.h>

#include "store/key.h"
#include "store/views.h"

enum due_stage {
    DUE_DUE,
    DUE_OVERDUE,
    DUE_STAGES,
    DUE_NOTHING = DUE_STAGES,   /* nothing more to announce */
};

/* How far each stage's entries were looked at, as the key to go on from. */
struct due_reached {
    struct key from[DUE_STAGES];
    int64_t next[DUE_STAGES];   /* nothing from there on is due before this */
};

struct due_entry {
    enum due_stage stage;
    int64_t due;
    uint64_t profile;
    struct tl_str id;           /* lies in `key` */
    struct key key;
};

/* The commitment's entry from now on.  One that lies before what was reached is
 * looked at again.  Returns 0 or TL_EDAMAGED. */
int due_set(struct views *v, struct due_reached *reached, uint64_t profile, struct tl_str id,
            enum due_stage stage, int64_t due);

/* The next entry of a stage not looked at, if it is due by `until`, which never
 * goes back. */
bool due_next(struct views *v, struct due_reached *reached, enum due_stage stage, int64_t until,
              struct due_entry *out);

/* It was looked at. */
void due_pass(struct due_reached *reached, const struct due_entry *entry);

#endif
