/* timers.h -- what comes of time alone: promises that are due.  A second's tick
 * asks the store, the turns that follow announce it, a bounded number in each. */

#ifndef TIMERS_H
#define TIMERS_H

#include <stdbool.h>

struct broker;

struct timers {
    bool pending;
};

void timers_second(struct broker *b);

/* true: there is more, and room for it now. */
bool timers_turn(struct broker *b);

#endif
