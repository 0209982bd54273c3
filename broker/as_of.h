/* as_of.h -- answers as of another position or time: one at a time, on a thread of
 * its own, while everybody else is served; the others wait in a queue. */

#ifndef BROKER_AS_OF_H
#define BROKER_AS_OF_H

#include <stdbool.h>
#include <uv.h>

#include "broker/request.h"

#define AS_OF_QUEUE_MAX 64      /* questions that wait or are being answered */

struct as_of_job;

struct as_of {
    struct as_of_job *first;    /* the one being answered */
    struct as_of_job **end;
    size_t count;
    bool running;               /* the first, on the other thread */
    bool stopping;
    uv_work_t work;
};

void as_of_init(struct broker *b);

/* Takes a question whose customer can be read, and the message; or refuses it, or
 * holds it until what it asks about is durable.  A `now` of 0 is the time asked
 * about, or when the event of the position was received. */
void as_of_take(struct broker *b, struct asked *q, int64_t now, struct tl_str as_of);

/* Notes some of the events that are needed next.  true: there is more to do. */
bool as_of_turn(struct broker *b);

/* Gives up all of them, and waits for the one that runs. */
void as_of_stop(struct broker *b);

#endif
