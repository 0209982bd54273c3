/* held.h -- answers that wait for a sync, and questions that wait for a
 * position.
 *
 * Nobody is told what a crash could take back: an answer that stands on an event
 * not yet durable is kept here until it is. */

#ifndef HELD_H
#define HELD_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#define POSITION_WAIT_MS 5000

struct broker;
struct publish;
struct session;
struct held;

struct held_list {
    struct held *first;
    struct held *last;
};

struct held_all {
    struct held_list answers;       /* by the number they wait for */
    struct held_list questions;     /* in order of their time's end */
};

/* An acknowledgement.  Takes it. */
void held_publish(struct broker *b, uint64_t need, struct publish **p);

/* An encoded answer, and the question for which it is, in case that what it
 * stands on is lost.  Takes both messages. */
void held_answer(struct broker *b, uint64_t need, struct session *s, zmq_msg_t *answer,
                 zmq_msg_t *question);

/* A question to be asked again when the log has reached `need`, or its time is
 * over.  Takes the message. */
void held_question(struct broker *b, uint64_t need, struct session *s, zmq_msg_t *question);

/* The head has moved: sends what waited for it. */
void held_release(struct broker *b);

/* What was admitted and not durable is gone: such acknowledgements become
 * refusals, such questions are asked anew. */
void held_lost(struct broker *b);

/* Asks again the questions whose time is over; they do not wait any longer. */
void held_expire(struct broker *b);

void held_fini(struct broker *b);

#endif
