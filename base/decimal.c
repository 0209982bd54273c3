#include "base/decimal.h"

#include <stdbool.h>

#include "base/must.h"

#define EXPONENT_DIGITS_MAX 4

/* -123.45e2 is negative, digits "123" and "45", exponent 2. */
struct decimal {
    bool negative;
    const char *whole, *fraction;
    size_t whole_len, fraction_len;
    int64_t exponent;
};

static size_t
count_digits(const char *at, const char *end)
{
    const char *from = at;

    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - from);
}

static bool
split_exponent(struct decimal *d, const char *at, const char *end)
{
    bool negative = at < end && *at == '-';
    size_t digits;

    if (at < end && (*at == '-' || *at == '+'))
        at++;
    digits = count_digits(at, end);
    if (digits < 1 || digits > EXPONENT_DIGITS_MAX)
        return false;
    for (; digits > 0; digits--)
        d->exponent = d->exponent * 10 + (*at++ - '0');
    if (negative)
        d->exponent = -d->exponent;
    return at == end;
}

static bool
split(struct decimal *d, const char *at, const char *end)
{
    *d = (struct decimal){.negative = at < end && *at == '-'};
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    d->whole = at;
    d->whole_len = count_digits(at, end);
    at += d->whole_len;
    if (at < end && *at == '.') {
        d->fraction = ++at;
        d->fraction_len = count_digits(at, end);
        at += d->fraction_len;
    }
    if (d->whole_len + d->fraction_len == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E'))
        return split_exponent(d, at + 1, end);
    return at == end;
}

/* Zeros follow the last one written. */
static int
digit(const struct decimal *d, size_t i)
{
    if (i < d->whole_len)
        return d->whole[i] - '0';
    i -= d->whole_len;
    return i < d->fraction_len ? d->fraction[i] - '0' : 0;
}

int
decimal_to_minor(int64_t *out, const char *text, size_t len, int decimals)
{
    struct decimal d;
    int64_t value = 0, keep;

    must(decimals >= 0 && decimals <= DECIMAL_DIGITS_MAX);
    if (len == 0 || !split(&d, text, text + len))
        return -1;
    keep = (int64_t)d.whole_len + d.exponent + decimals;
    /* Counts downward when negative: the smallest int64 has no positive. */
    for (int64_t i = 0; i < keep; i++) {
        int unit = digit(&d, (size_t)i);

        if (__builtin_mul_overflow(value, 10, &value)
            || __builtin_add_overflow(value, d.negative ? -unit : unit, &value))
            return -1;
    }
    /* Only the first digit left out counts: half and more go away from zero. */
    if (keep >= 0 && digit(&d, (size_t)keep) >= 5
        && __builtin_add_overflow(value, d.negative ? -1 : 1, &value))
        return -1;
    *out = value;
    return 0;
}
