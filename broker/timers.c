#include "broker/timers.h"

#include "broker/broker.h"
#include "proto/code.h"

#define DUE_PER_TURN 64     /* about a millisecond */

void
timers_second(struct broker *b)
{
    b->timers.pending = true;
}

bool
timers_turn(struct broker *b)
{
    uint64_t before = store_admitted(b->store);
    bool more;
    int err;

    if (!b->timers.pending || !store_has_room(b->store))
        return false;
    err = store_announce_due(b->store, ingress_now(b), DUE_PER_TURN, &more);
    if (err == TL_NO_SPACE)
        batch_no_space(b, "a promise that is due cannot be announced");
    else if (err != 0)
        broker_fail(b, "a promise that is due cannot be announced");
    b->batch.taken_since |= store_admitted(b->store) > before;
    b->timers.pending = err == 0 && more;
    return b->timers.pending && store_has_room(b->store);
}
