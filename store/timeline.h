/* timeline.h -- all events of one profile by event time.
 *
 * The latest few dozen are in the card's tail; a full tail is spilled into
 * chunks, each a record of up to TIMELINE_CHUNK_MAX (time, number) keyed by its
 * first, in order and not overlapping.  So an event costs a fraction of a
 * record, and a late one the one chunk it belongs to. */

#ifndef STORE_TIMELINE_H
#define STORE_TIMELINE_H

#include "store/card.h"
#include "store/key.h"
#include "store/views.h"

#define TIMELINE_CHUNK_MAX 64

/* Moves the card's tail into chunks.  Returns 0 or TL_EDAMAGED. */
int timeline_spill(struct views *v, uint64_t profile, struct card *c);

/* Walks a profile's events from the newest before `before` to older ones; of one
 * time the later number is the newer.  The card and views must not change
 * meanwhile. */
struct timeline {
    const struct card *card;
    size_t tail_left;
    struct views_walk chunks;
    unsigned char from[32];
    unsigned char prefix[16];
    struct card_event chunk[TIMELINE_CHUNK_MAX];
    size_t chunk_left;
    bool more_chunks;
    bool walking;
    struct card_event before;
    int error;
};

void timeline_open(struct timeline *t, struct views *v, uint64_t profile, const struct card *c,
                   const struct card_event *before);

/* The next older event; false at the end or on damage (t->error). */
bool timeline_next(struct timeline *t, struct card_event *event);
void timeline_close(struct timeline *t);

struct timeline_range {
    uint64_t after;
    uint64_t to;
    bool others;        /* also what tells of him in events of others */
};

/* Appends the numbers (uint64_t) of a profile's events in a range, in no order and
 * some perhaps twice: those of the card's tail when `*from` is empty, and those of
 * `chunks_max` chunks from there on.  `*from` is then where to go on, also when
 * events were added meanwhile; `*more`: there may be some.
 * Returns 0 or TL_EDAMAGED. */
int timeline_numbers(struct views *v, uint64_t profile, const struct timeline_range *range,
                     size_t chunks_max, struct key *from, struct buf *numbers, bool *more);

#endif
