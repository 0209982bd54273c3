/* shop.h -- the products of a cart or an order, as web analytics list them. */

#ifndef ADAPTERS_WEB_SHOP_H
#define ADAPTERS_WEB_SHOP_H

#include "adapters/member.h"
#include "adapters/web/intake.h"

/* What a vendor calls a product's members. */
struct shop_names {
    const char *item[3];        /* the first that is there; ended by NULL */
    const char *name, *price, *category, *coupon;
};

/* Takes the array `list` of `object`: a sale line each, price times quantity, in
 * `currency`, and a redeemed offer for a coupon when `sold`.  What a product says
 * besides is counted as ignored, by name; an array of anything else stays. */
void shop_lines(struct decoder *d, struct value *object, const char *list,
                const struct shop_names *names, struct tl_str currency, bool sold);

/* A line of text: price and quantity are decimals, of which an empty quantity is
 * one.  False when they are none. */
bool shop_line(struct draft *d, struct tl_sale_line *line, struct tl_str price,
               struct tl_str quantity, struct tl_str currency);

/* ISO 4217 in capitals; empty when it cannot be one. */
struct tl_str shop_currency(struct draft *d, struct tl_str text);

#endif
