/* calls.h -- what a switch has said of its calls so far.
 *
 * Most of what a switch reports of a call does not name the customer again: the
 * decoders remember it by the call's id.  The oldest of CALLS_MAX calls goes when
 * there is one more. */

#ifndef ADAPTERS_CALL_CALLS_H
#define ADAPTERS_CALL_CALLS_H

#include <stdbool.h>

#include "client/touchline.h"

#define CALLS_MAX 4096
#define CALL_TEXT_BYTES 128     /* of an id or a number, with its NUL; longer ones are not kept */

struct call {
    char id[CALL_TEXT_BYTES];
    char customer[CALL_TEXT_BYTES];     /* his number; empty: not known */
    char leg[CALL_TEXT_BYTES];          /* the channel that ends with the call */
    char agent[CALL_TEXT_BYTES];
    bool outbound;
    bool queued;
    bool answered;
    bool ended;
    int64_t began_time;
    int64_t answered_time;
};

struct calls;

struct calls *calls_new(void);
void calls_free(struct calls *c);

/* NULL: not known, or no id to know it by. */
struct call *calls_find(struct calls *c, struct tl_str id);
/* The same, begun when it is not known.  NULL: no id, or one that is too long. */
struct call *calls_get(struct calls *c, struct tl_str id);

/* The latest call answered by that agent and not ended, or NULL. */
struct call *calls_of_agent(struct calls *c, struct tl_str agent);

/* Keeps a text in a field of a call, if it fits. */
void call_keep(char field[CALL_TEXT_BYTES], struct tl_str text);

#endif
