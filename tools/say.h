/* say.h -- what verbs share that tell the bus one thing a person decided. */

#ifndef TOOLS_SAY_H
#define TOOLS_SAY_H

#include "tools/verb.h"

/* What became of it. */
struct said {
    const struct verb_call *call;
    int code;               /* the exit code */
    char position[TL_POSITION_BYTES + 1];
};

/* Publishes the event as the command line's own, under an id of its own, and waits
 * until it is stored.  Returns the exit code, after saying why when it is not 0. */
int say_event(const struct verb_call *call, struct tl_event *ev, struct said *out);

/* Prints that it is stored: the sentence, or its position for programs. */
__attribute__((format(printf, 2, 3))) int say_stored(const struct said *s, const char *fmt, ...);

/* The parts of TYPE:VALUE, as verb_customer found it.  Borrows. */
struct tl_identifier say_identifier(const char *customer);

/* NULL: empty.  Borrows. */
struct tl_str say_text(const char *s);

/* Who is logged in here; NULL: not known. */
const char *say_by(void);

#endif
