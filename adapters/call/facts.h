/* facts.h -- what agents and dialplans say about a customer during a call, in
 * the words of whatever switch carries them. */

#ifndef ADAPTERS_CALL_FACTS_H
#define ADAPTERS_CALL_FACTS_H

#include "adapters/draft.h"
#include "base/zone.h"

/* Could this be a subscriber's number, and not an extension of the house?
 * Seven digits or more; a plus, blanks and punctuation do not count. */
bool fact_is_phone(struct tl_str number);

/* Did the house call?  Yes when an extension dials a subscriber's number.  When
 * the caller has such a number too, or none, the dialplan's context must say so:
 * it has outbound, outgoing, campaign, dialout or from-internal in its name. */
bool fact_is_outbound(struct tl_str caller, struct tl_str callee, struct tl_str context);

/* The customer by his number, if it is a subscriber's (`<unknown>`, `anonymous` and
 * extensions of the house are nobody); else by the call, so that nothing is lost. */
void fact_customer(struct draft *d, struct tl_str number, struct tl_str call);

/* 101 of `Agent/101`, `Local/101@agents/n`, `PJSIP/101-0000002a`, `101`. */
struct tl_str fact_agent(struct tl_str said);

/* Whose desk the event is for: touchpoint `agent:101`. */
void fact_desk(struct draft *d, struct tl_str agent);

/* The call facet and what else says which call it was: subject and
 * conversation.  An id that is too long to be one becomes an attribute. */
void fact_call(struct draft *d, struct tl_str call, struct tl_str leg);

/* What became of an offer: presented, accepted, declined, later (declined for
 * now, with that reason), callback (dismissed, and a promise to call), do not
 * call (declined, and consent revoked).  Sets the event's type.  Returns false
 * when it is no such word, or `offer` no offer's id. */
bool fact_response(struct draft *d, struct tl_str offer, struct tl_str response,
                   struct tl_str reason);

/* An instant: seconds since 1970, RFC 3339, or local by `zone`.  0: none. */
int64_t fact_time(struct tl_str text, const struct zone *zone);

/* A promise; the event's id is its id when `id` is empty.  `state` is a word of
 * commitments, and the event's type `commitment.<state>`.  Returns false when a
 * promise is made without words. */
bool fact_promise(struct draft *d, const char *state, struct tl_str id, struct tl_str text,
                  int64_t due);

/* Milliseconds of whole seconds as text; 0 when it is none. */
int64_t fact_ms(struct tl_str seconds);

#endif
