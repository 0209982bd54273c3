/* square.h -- Square's webhooks: `{merchant_id, type, event_id, created_at, data}`.
 * <https://developer.squareup.com/reference/square/webhooks>
 *
 * Payments that are completed are sales, refunds that are completed returns; both
 * say `receipt:` and the payment's id, because a refund does not name the customer
 * again.  Loyalty promotions and the tiers of a program define offers; loyalty
 * events are points and rewards of `loyalty:` and the account's id.  A customer is
 * found by e-mail, phone and x-square.  event_id and type are the event's id. */

#ifndef ADAPTERS_POS_SQUARE_H
#define ADAPTERS_POS_SQUARE_H

#include "adapters/formats.h"

int square_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);

#endif
