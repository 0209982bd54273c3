#include "adapters/csv/sum.h"

#define PLACES 18
#define EXPONENT_MAX 999

static bool
is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static bool
read_digits(const char **at, const char *end, __int128 *units, int *digits)
{
    for (; is_digit(*at, end); (*at)++, (*digits)++) {
        if (__builtin_mul_overflow(*units, 10, units)
            || __builtin_add_overflow(*units, **at - '0', units))
            return false;
    }
    return true;
}

static bool
read_exponent(const char **at, const char *end, int *exponent)
{
    bool negative = *at < end && **at == '-';
    int n = 0;

    if (*at < end && (**at == '-' || **at == '+'))
        (*at)++;
    if (!is_digit(*at, end))
        return false;
    for (; is_digit(*at, end); (*at)++)
        if ((n = n * 10 + (**at - '0')) > EXPONENT_MAX)
            return false;
    *exponent = negative ? -n : n;
    return true;
}

static bool
scale(__int128 *units, int places)
{
    for (; places > 0 && *units != 0; places--)
        if (__builtin_mul_overflow(*units, 10, units))
            return false;
    for (; places < 0 && *units != 0; places++)
        *units /= 10;
    return true;
}

bool
sum_add(struct sum *s, const char *text, size_t len, bool minus)
{
    const char *at = text, *end = text + len;
    bool negative = len > 0 && *text == '-';
    int whole = 0, fraction = 0, exponent = 0;
    __int128 units = 0;

    if (len > 0 && (*at == '-' || *at == '+'))
        at++;
    if (!read_digits(&at, end, &units, &whole))
        return false;
    if (at < end && *at == '.' && (at++, !read_digits(&at, end, &units, &fraction)))
        return false;
    if (whole + fraction == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E') && (at++, !read_exponent(&at, end, &exponent)))
        return false;
    if (at != end || !scale(&units, PLACES + exponent - fraction))
        return false;
    if (negative != minus)
        units = -units;
    if (__builtin_add_overflow(s->units, units, &units))
        return false;
    s->units = units;
    return true;
}

bool
sum_minor(const struct sum *s, int digits, int64_t *out)
{
    __int128 unit = 1, value, rest;

    for (int i = digits; i < PLACES; i++)
        unit *= 10;
    value = s->units / unit;
    rest = s->units % unit;
    if (rest >= unit - unit / 2)
        value++;
    else if (-rest >= unit - unit / 2)
        value--;
    if (value < INT64_MIN || value > INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}
