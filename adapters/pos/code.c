#include "adapters/pos/code.h"

#include <string.h>

#include "adapters/text.h"

#define GTIN_DIGITS_MAX 14
#define GSRN_DIGITS 18
#define GCN_DIGITS 13
#define OFFER_DIGITS 6
#define PREFIX_DIGITS_MIN 6         /* of a company; the length indicator adds up to 6 */

/* Weights 3 and 1 from the right, the last is the check digit. */
static bool
checks(const char *digits, size_t count)
{
    int sum = 0;

    for (size_t i = 0; i + 1 < count; i++)
        sum += (digits[i] - '0') * ((count - 1 - i) % 2 == 1 ? 3 : 1);
    return count > 1 && (sum + digits[count - 1] - '0') % 10 == 0;
}

/* ------------------------------------------------------------------ reading */

struct cursor {
    const char *at;
    size_t left;
    bool failed;
};

static struct tl_str
take(struct cursor *c, size_t count)
{
    struct tl_str out = {c->at, count};

    if (c->failed || count > c->left) {
        c->failed = true;
        return (struct tl_str){0};
    }
    c->at += count;
    c->left -= count;
    return out;
}

/* A digit says how many there are beyond `min`. */
static struct tl_str
take_long(struct cursor *c, int lowest, int highest, size_t min)
{
    struct tl_str indicator = take(c, 1);
    int n = indicator.len > 0 ? indicator.ptr[0] - '0' : -1;

    if (n < lowest || n > highest) {
        c->failed = true;
        return (struct tl_str){0};
    }
    return take(c, min + (size_t)n);
}

/* (8110): company, offer, what it saves, what must be bought. */
static void
read_8110(struct code *c, struct cursor at)
{
    c->kind = CODE_COUPON;
    c->issuer = take_long(&at, 0, 6, PREFIX_DIGITS_MIN);
    c->number = take(&at, OFFER_DIGITS);
    (void)take_long(&at, 1, 5, 0);      /* the value saved */
    (void)take_long(&at, 1, 5, 0);      /* the requirement, its code and family */
    (void)take(&at, 1 + 3);
    if (at.failed)
        c->wrong = "no coupon of GS1 (8110): a part is missing or of a length there is not";
}

/* (8112): a paperless coupon; format, funder, offer, serial number. */
static void
read_8112(struct code *c, struct cursor at)
{
    struct tl_str format = take(&at, 1);

    c->kind = CODE_COUPON;
    c->issuer = take_long(&at, 0, 6, PREFIX_DIGITS_MIN);
    c->number = take(&at, OFFER_DIGITS);
    c->serial = take_long(&at, 0, 9, PREFIX_DIGITS_MIN);
    if (at.failed || at.left > 0 || format.ptr[0] > '1')
        c->wrong = "no coupon of GS1 (8112): a part is missing or of a length there is not";
}

/* (255): a global coupon number with its check digit, then a serial number. */
static void
read_255(struct code *c, struct cursor at)
{
    c->kind = CODE_COUPON;
    c->number = take(&at, GCN_DIGITS);
    c->serial = (struct tl_str){at.at, at.left};
    if (at.failed || !checks(c->number.ptr, GCN_DIGITS))
        c->wrong = "no coupon number of GS1 (255): the check digit of the first 13 is wrong";
}

/* (8017), (8018): a global service relation number. */
static void
read_8018(struct code *c, struct cursor at)
{
    c->kind = CODE_SERVICE;
    c->number = take(&at, GSRN_DIGITS);
    if (at.failed || at.left > 0 || !checks(c->number.ptr, GSRN_DIGITS))
        c->wrong = "no service relation number of GS1 (8018): the check digit of 18 is wrong";
}

/* By the digits of the same number as EAN-13: 05 are UPC-A of number system 5, 99
 * and 981 to 984 coupons everywhere. */
static bool
is_coupon(const char *digits, size_t count)
{
    char ean[GTIN_DIGITS_MAX] = "00000";

    if (count < 12)
        return false;
    memcpy(ean + (count == 12), count == 14 ? digits + 1 : digits, count == 12 ? 12 : 13);
    return (ean[0] == '0' && ean[1] == '5') || (ean[0] == '9' && ean[1] == '9')
           || (ean[0] == '9' && ean[1] == '8' && ean[2] >= '1' && ean[2] <= '4');
}

static void
read_gtin(struct code *c)
{
    c->kind = is_coupon(c->number.ptr, c->number.len) ? CODE_COUPON : CODE_GTIN;
    if (!checks(c->number.ptr, c->number.len))
        c->wrong = "the check digit is wrong";
}

/* Brackets, blanks and what a scanner puts in front (`]e0`) or between (FNC1)
 * are no part of it.  False: not made of digits, or too long to be one. */
static bool
digits_of(struct code *c, struct tl_str text, bool *bracketed)
{
    size_t count = 0;

    *bracketed = false;
    if (text.len > 3 && text.ptr[0] == ']') {
        text.ptr += 3;
        text.len -= 3;
        *bracketed = true;
    }
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];

        if (ch == '(')
            *bracketed = *bracketed || i == 0;
        else if (ch >= '0' && ch <= '9' && count < sizeof c->digits)
            c->digits[count++] = ch;
        else if (ch != ')' && ch != ' ' && ch != '\x1d')
            return false;
    }
    c->number = (struct tl_str){c->digits, count};
    return count > 0;
}

void
code_read(struct code *c, struct tl_str text)
{
    static const struct {
        const char *ai;
        bool bracketed;             /* too short to be told from other numbers without */
        size_t more_min;
        void (*read)(struct code *c, struct cursor at);
    } kinds[] = {
        {"8110", false, 15, read_8110}, {"8112", false, 15, read_8112},
        {"255", true, 1, read_255},     {"8017", false, 18, read_8018},
        {"8018", false, 18, read_8018},
    };
    bool bracketed;

    *c = (struct code){0};
    if (!digits_of(c, text, &bracketed)) {
        c->number = text;
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t ai = strlen(kinds[i].ai), left = c->number.len - ai;

        if (c->number.len <= ai || memcmp(c->digits, kinds[i].ai, ai) != 0
            || (!bracketed && (kinds[i].bracketed || left < kinds[i].more_min)))
            continue;
        kinds[i].read(c, (struct cursor){c->digits + ai, left, false});
        return;
    }
    if (c->number.len == 8 || (c->number.len >= 12 && c->number.len <= GTIN_DIGITS_MAX))
        read_gtin(c);
}

/* ------------------------------------------------------------------- events */

static void
say_wrong(struct draft *d, struct tl_str code, const char *wrong)
{
    draft_attribute(d, draft_printf(d, "code_invalid.%.*s", (int)code.len, code.ptr),
                    text_of(wrong));
}

struct tl_offer_touch *
code_touch(struct draft *d, struct tl_str text, const char *outcome)
{
    struct tl_offer_touch *touch;
    struct tl_str offer = text;
    struct code c;

    if (text.len == 0 || text.len > DRAFT_NAME_BYTES_MAX)
        return NULL;
    code_read(&c, text);
    if (c.wrong != NULL)
        say_wrong(d, text, c.wrong);
    else if (c.issuer.len > 0)
        offer = draft_printf(d, "%.*s-%.*s", (int)c.issuer.len, c.issuer.ptr, (int)c.number.len,
                             c.number.ptr);
    touch = draft_offer(d, offer, (struct tl_str){0}, outcome);
    if (touch != NULL && c.wrong == NULL && c.serial.len > 0)
        touch->instance = draft_copy(d, c.serial);
    return touch;
}

void
code_loyalty(struct draft *d, struct tl_str number)
{
    struct code c;

    code_read(&c, number);
    if (c.kind == CODE_SERVICE && c.wrong != NULL)
        say_wrong(d, number, c.wrong);
    else if (c.kind == CODE_SERVICE)
        draft_identifier(d, TL_STR("loyalty"), draft_copy(d, c.number));
    else
        draft_identifier(d, TL_STR("loyalty"), number);
}
