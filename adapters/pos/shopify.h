/* shopify.h -- Shopify's webhooks: a body is the bare resource, and answers of its
 * Admin API, the same in a wrapping (`{"order":{...}}`).
 * <https://shopify.dev/docs/api/webhooks>, <https://shopify.dev/docs/api/admin-rest>
 *
 * What it is shows in its members: the topic, which is a header, is not needed, and
 * a file and its webhook dedupe each other.  Orders are sales (cancelled ones
 * voided), of the till when source_name is pos, else of the web; refunds are
 * returns; discount codes and automatic discounts are offers redeemed; discount
 * codes and price rules define offers; customers carry consents.  A customer is
 * found by e-mail, phone and x-shopify, a refund by `receipt:` and the order's id. */

#ifndef ADAPTERS_POS_SHOPIFY_H
#define ADAPTERS_POS_SHOPIFY_H

#include "adapters/formats.h"

int shopify_open(struct decoder **out, const struct format_options *o,
                 const struct format_sink *sink, char *why);

#endif
