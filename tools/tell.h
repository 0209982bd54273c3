/* tell.h -- an event as the system that saw it would tell of it.
 *
 * Each appends one element of what that system sends.  A customer is known by
 * his loyalty number; the address of one who has none is householdN@example.com
 * (RFC 2606), because there is no mail without an address. */

#ifndef TOOLS_TELL_H
#define TOOLS_TELL_H

#include "base/buf.h"
#include "client/touchline.h"

/* The loyalty number; empty: none. */
struct tl_str tell_card(const struct tl_event *ev);

/* An offer made, as SendGrid's webhook has it: "processed", with the mailing's
 * unique arguments (SendGrid, "Event Webhook Reference"). */
void tell_mailing(struct buf *out, const struct tl_event *ev);

/* He took the offer, on a web site: Segment's "Coupon Applied" (Segment, "V2
 * Ecommerce Events Spec"). */
void tell_coupon(struct buf *out, const struct tl_event *ev);

/* He took the offer, on the telephone: an agent's UserEvent of Asterisk's
 * manager (Asterisk, "AMI v7 events"). */
void tell_agent(struct buf *out, const struct tl_event *ev);

/* A sale, or a coupon that came to a till, as an ARTS POSLog Transaction.  Of a
 * coupon nothing but its promotion is known: its receipt comes to nothing. */
void tell_receipt(struct buf *out, const struct tl_event *ev);

#endif
