/* code.h -- the numbers of coupons and loyalty cards, by GS1's rules, where a till
 * or a shop hands them over.
 *
 * GS1 General Specifications, by application identifier <https://ref.gs1.org/ai/>: 255,
 * 8017, 8018, 8110 (with the North American Coupon Application Guideline), 8112;
 * check digits: <https://www.gs1.org/services/how-calculate-check-digit-manually>. */

#ifndef ADAPTERS_POS_CODE_H
#define ADAPTERS_POS_CODE_H

#include "adapters/draft.h"

#define CODE_DIGITS_MAX 80

enum code_kind {
    CODE_OTHER,                 /* a word or a number of no known form: nothing to check */
    CODE_GTIN,
    CODE_COUPON,
    CODE_SERVICE,               /* a loyalty card's */
};

/* Texts lie in `digits`. */
struct code {
    enum code_kind kind;
    const char *wrong;          /* a sentence, or NULL */
    struct tl_str issuer;       /* of a coupon that says so: the company's prefix */
    struct tl_str number;       /* its offer code; else the code without signs around */
    struct tl_str serial;       /* of this very coupon */
    char digits[CODE_DIGITS_MAX];
};

void code_read(struct code *c, struct tl_str text);

/* A touch of the offer a coupon is for: company and offer code (`0614141-654321`)
 * where it says them, with its serial number as instance, else the code as it is.
 * One that is wrong is touched all the same (somebody redeemed it), and the
 * attribute `code_invalid.CODE` says what is wrong.  NULL as draft_offer. */
struct tl_offer_touch *code_touch(struct draft *d, struct tl_str code, const char *outcome);

/* A loyalty number: without its application identifier; one whose check digit is
 * wrong was misread, and identifies nobody. */
void code_loyalty(struct draft *d, struct tl_str number);

#endif
