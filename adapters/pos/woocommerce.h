/* woocommerce.h -- WooCommerce's webhooks: a body is the resource as its REST API
 * shows it.
 * <https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties>
 *
 * Orders that are processing or completed are sales, refunded ones returns,
 * cancelled and failed ones voided; what is not paid yet is `order.placed`.  A return
 * is a subject of its own beside the order, which stays sold; when it is voided it was
 * never sold.  Coupons of an order are offers redeemed, coupons define offers.  A
 * customer is found by e-mail, phone and x-woocommerce. */

#ifndef ADAPTERS_POS_WOOCOMMERCE_H
#define ADAPTERS_POS_WOOCOMMERCE_H

#include "adapters/formats.h"

int woocommerce_open(struct decoder **out, const struct format_options *o,
                     const struct format_sink *sink, char *why);

#endif
