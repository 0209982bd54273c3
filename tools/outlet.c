#include "tools/outlet.h"

#include <stdio.h>

#include "base/clock.h"

#define PATIENCE_FIRST_NS (5 * CLOCK_SECOND)
#define PATIENCE_NS (120 * CLOCK_SECOND)
#define FLUSH_MS 500

int
outlet_open(struct outlet *o, const struct verb_call *call,
            void (*answered)(void *arg, const struct tl_answer *answer), void *arg)
{
    *o = (struct outlet){.moved = clock_monotonic()};
    return verb_open(call, &o->client, answered, arg);
}

void
outlet_heard(struct outlet *o)
{
    o->heard = true;
    o->said = false;
    o->moved = clock_monotonic();
}

static bool
hopeless(struct outlet *o)
{
    int64_t silence = clock_monotonic() - o->moved;

    if (o->heard && !o->said && silence > PATIENCE_FIRST_NS) {
        fprintf(stderr, "touchline: the broker is away; waiting for it\n");
        o->said = true;
    }
    return silence > (o->heard ? PATIENCE_NS : PATIENCE_FIRST_NS);
}

int
outlet_publish(struct outlet *o, struct tl_str event, uint64_t tag)
{
    int err;

    if (tl_unanswered(o->client) == 0)
        o->moved = clock_monotonic();
    while ((err = tl_publish_bytes(o->client, event, tag)) == TL_EAWAY && !hopeless(o))
        continue;
    return err;
}

int
outlet_flush(struct outlet *o)
{
    int err;

    while ((err = tl_flush(o->client, FLUSH_MS)) == TL_EAWAY && !hopeless(o))
        continue;
    return err;
}
