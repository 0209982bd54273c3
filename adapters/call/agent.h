/* agent.h -- what agents' programs say of the customer they talk to, in events of
 * their own: UserEvent of Asterisk's manager, CUSTOM of FreeSWITCH's socket.
 *
 * By name in any case, with CustomerNumber (else whoever is on the call), Agent,
 * and any of CustomerId, LoyaltyNumber, Email, AccountNumber:
 *
 *   OfferPresented OfferAccepted OfferDeclined OfferLater   OfferCode, Reason, OfferTerms
 *   OfferResponse        OfferCode, Response: accepted, declined, later, callback, donotcall
 *   Note                 Text
 *   Promise              Text, Due, PromiseId;  PromiseKept, PromiseBroken: PromiseId
 *   Callback             Text, Due
 *   Disposition          Disposition
 *   Complaint, Praise    Text
 *   ScreenPop            the agent's desk asks for this customer now */

#ifndef ADAPTERS_CALL_AGENT_H
#define ADAPTERS_CALL_AGENT_H

#include "adapters/call/fields.h"
#include "base/zone.h"

enum agent_result {
    AGENT_EVENT,
    AGENT_IGNORED,           /* `why` is its name */
    AGENT_WRONG,             /* `why` is a sentence; 512 bytes */
};

/* Puts who it is about into the event: `number`, and what else the fields name. */
void agent_customer(struct draft *d, struct fields *f, struct tl_str number,
                    struct tl_str call);

enum agent_result agent_read(struct draft *d, struct fields *f, struct tl_str name,
                             const struct zone *zone, char *why);

#endif
