/* show.h -- what the bus answers, for eyes: the parts several verbs print. */

#ifndef TOOLS_SHOW_H
#define TOOLS_SHOW_H

#include "tools/print.h"
#include "tools/verb.h"

/* Ends a verb that asked: prints the reply as JSON, or as `table` prints it, or
 * says why there is none (`err`, as the question returned), and frees it.
 * `table` returns 0 or an error.  Returns the exit code: VERB_NO when the answer
 * has nothing in it. */
int show_reply(const struct verb_call *call, int err, struct tl_reply **reply,
               int (*table)(const struct tl_reply *reply));

/* OFFERS  2 live, 6 closed */
__attribute__((format(printf, 2, 3))) void show_heading(const char *title, const char *fmt, ...);

/* What may still be had in full, then a row for each that is over: its state,
 * what it was, what became of it. */
int show_offers(const struct tl_offer *offers, size_t count, int64_t now);

/* What he is in his households, and each relative with what he was offered.
 * Prints nothing when there is none. */
int show_household(const struct tl_context *c);

/* How many of them are still to be had. */
size_t show_live(const struct tl_offer *offers, size_t count);

/* "by e-mail", "at the till"; "" for no channel. */
const char *show_by(struct tl_str channel, char out[48]);

/* "2 h" */
#define SHOW_DURATION_BYTES 32
char *show_duration(char out[SHOW_DURATION_BYTES], int64_t ms);

/* "we wrote or called 12 times, he answered 3; ...": with one customer, or with
 * everybody. */
void show_relationship(struct buf *out, const struct tl_relationship *r, bool everybody);

/* What an event says, in a few words. */
void show_gist(struct buf *out, const struct tl_event *ev);

/* `loyalty:718`, the first that is named; "" for none. */
void show_customer(struct buf *out, const struct tl_event *ev);

#endif
