/* fold.h -- one frame of the log into the views.
 *
 * Used when an event is admitted, when the views catch up after a start, and
 * for verify and rebuild: the same log always gives the same views.  Consults
 * no clock, library or setting. */

#ifndef STORE_FOLD_H
#define STORE_FOLD_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/counter.h"
#include "store/due.h"
#include "store/frame.h"
#include "store/subject.h"
#include "store/views.h"

struct fold {
    struct views *views;
    struct counters counters;
    uint64_t next_profile;      /* the first number not taken */
    uint64_t ahead;             /* up to this event a profile may be ahead of the sums */
    struct due_reached due;     /* what was announced, for store_announce_due */
    struct subject subject;     /* of the event being folded */
    struct arena arena;         /* for the event being folded */
    struct arena scratch;       /* for one of its offers */
    struct buf bytes;
    struct buf body;
};

/* Takes up where the views are.  Returns 0 or TL_EDAMAGED. */
int fold_init(struct fold *fold, struct views *v);
void fold_fini(struct fold *fold);

/* Folds a frame whose decoded payload is `ev`.  Frames come in the order of
 * their numbers.  What a profile's card already has is skipped (views.h).
 * Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int fold_event(struct fold *fold, const struct frame *f, const struct tl_event *ev);

/* Call right before views_freeze. */
void fold_store(struct fold *fold);

#endif
