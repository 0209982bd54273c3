/* order.h -- what the webhooks of shops have in common.
 *
 * A webhook says how something is now: it is an event of that thing (`subject`),
 * known by its id and by when it was changed, and when it was changed is its
 * revision.  So a webhook that is delivered twice is a duplicate, and of an order
 * told many times the latest counts. */

#ifndef ADAPTERS_POS_ORDER_H
#define ADAPTERS_POS_ORDER_H

#include "adapters/member.h"
#include "adapters/web/intake.h"

#define ORDER_NAME_BYTES_MAX 128

/* Begins an event of the channel pos. */
struct tl_event *order_begin(struct decoder *d);

/* ISO 8601, local by the decoder's zone when it has none; 0: none. */
int64_t order_time(const struct decoder *d, struct tl_str text);

/* Takes the member.  0: it is not there, or no time. */
int64_t order_take_time(struct decoder *d, struct value *object, const char *name);

/* What it is (`order`), which one, and when it was changed: id, subject and
 * revision.  False when the id is empty or too long. */
bool order_subject(struct decoder *d, const char *what, struct tl_str id, int64_t changed);

/* Takes an amount; what is no amount stays, and counts as nothing. */
int64_t order_take_minor(struct decoder *d, struct value *object, const char *name,
                         struct tl_str currency);

/* A customer's own number, in a type of the vendor's: it means nothing to
 * another one. */
void order_customer(struct decoder *d, struct tl_str email, struct tl_str phone,
                    const char *number_type, struct tl_str number);

/* Marketing by e-mail; `status` as in consents, `evidence` is static text. */
void order_consent(struct decoder *d, const char *channel, const char *status,
                   const char *evidence);

/* Without anybody else it belongs to this receipt. */
void order_receipt(struct decoder *d, struct tl_str id);

/* The rest of `json` becomes attributes, and the event is out. */
void order_finish(struct decoder *d, struct value *json, struct tl_str whole);

#endif
