#include "proto/money.h"

#include <inttypes.h>

#include "proto/str.h"

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
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        if (str_is(currency, odd[i].currency))
            return odd[i].decimals;
    return 2;
}

void
money_format(struct buf *out, int64_t minor, struct tl_str currency)
{
    int decimals = money_decimals(currency);
    uint64_t amount = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor, unit = 1;

    for (int i = 0; i < decimals; i++)
        unit *= 10;
    if (minor < 0)
        buf_byte(out, '-');
    buf_printf(out, "%" PRIu64, amount / unit);
    if (decimals > 0)
        buf_printf(out, ".%0*" PRIu64, decimals, amount % unit);
    if (currency.len > 0)
        buf_byte(out, ' ');
    buf_append(out, currency.ptr, currency.len);
}
