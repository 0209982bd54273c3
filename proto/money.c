#include "proto/money.h"

#include "proto/str.h"

#define AMOUNT_BYTES_MAX 24     /* -, 20 digits, a point */

/* ISO 4217, list one: the currencies whose minor unit is not a hundredth. */
static const struct {
    char currency[4];
    int decimals;
} odd[] = {
    {"BIF", 0}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"ISK", 0}, {"JPY", 0}, {"KMF", 0},
    {"KRW", 0}, {"PYG", 0}, {"RWF", 0}, {"UGX", 0}, {"UYI", 0}, {"VND", 0}, {"VUV", 0},
    {"XAF", 0}, {"XOF", 0}, {"XPF", 0}, {"BHD", 3}, {"IQD", 3}, {"JOD", 3}, {"KWD", 3},
    {"LYD", 3}, {"OMR", 3}, {"TND", 3}, {"CLF", 4}, {"UYW", 4},
};

int
money_decimals(struct tl_str currency)
{
    for (size_t i = 0; currency.len == 3 && i < sizeof(odd) / sizeof(odd[0]); i++)
        if (memcmp(currency.ptr, odd[i].currency, 3) == 0)
            return odd[i].decimals;
    return 2;
}

/* In digits, at least `digits` of them, up to `end`; where they begin. */
static char *
write_digits(char *end, uint64_t v, int digits)
{
    for (; v > 0 || digits > 0; v /= 10, digits--)
        *--end = (char)('0' + v % 10);
    return end;
}

void
money_format(struct buf *out, int64_t minor, struct tl_str currency)
{
    int decimals = money_decimals(currency);
    uint64_t amount = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor, unit = 1;
    char text[AMOUNT_BYTES_MAX], *at = text + sizeof(text);

    for (int i = 0; i < decimals; i++)
        unit *= 10;
    if (decimals > 0) {
        at = write_digits(at, amount % unit, decimals);
        *--at = '.';
    }
    at = write_digits(at, amount / unit, 1);
    if (minor < 0)
        *--at = '-';
    buf_append(out, at, (size_t)(text + sizeof(text) - at));
    if (currency.len > 0)
        buf_byte(out, ' ');
    buf_append(out, currency.ptr, currency.len);
}
