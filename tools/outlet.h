/* outlet.h -- publishes, and outlives a broker's restart: it waits a short
 * while for a broker that was never there, and long for one that was. */

#ifndef TOOLS_OUTLET_H
#define TOOLS_OUTLET_H

#include "tools/verb.h"

struct outlet {
    struct tl_client *client;
    int64_t moved;          /* when the broker last answered something */
    bool heard;             /* it ever did */
    bool said;              /* that we wait */
};

int outlet_open(struct outlet *o, const struct verb_call *call,
                void (*answered)(void *arg, const struct tl_answer *answer), void *arg);

/* Call from `answered`. */
void outlet_heard(struct outlet *o);

/* As tl_publish_bytes; TL_EAWAY only when there is no hope left. */
int outlet_publish(struct outlet *o, struct tl_str event, uint64_t tag);

/* Waits for every answer.  Returns 0, TL_EAWAY, TL_ENOMEM, ... */
int outlet_flush(struct outlet *o);

#endif
