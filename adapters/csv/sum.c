#include "adapters/csv/sum.h"

#define PLACES 18
#define POWER_MAX 38            /* 10^38 is the largest in 128 bits */
#define EXPONENT_MAX 999

/* The digits as one number, and how many of them stand behind the point. */
struct digits {
    __int128 units;
    int count, fraction;
};

static bool
is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* Most amounts have few digits, and those need no wide arithmetic. */
static bool
read_digits(const char **at, const char *end, struct digits *d)
{
    int64_t few = (int64_t)d->units;

    for (; d->count < PLACES && is_digit(*at, end); (*at)++, d->count++)
        few = few * 10 + (**at - '0');
    if (d->count <= PLACES)
        d->units = few;
    for (; is_digit(*at, end); (*at)++, d->count++)
        if (__builtin_mul_overflow(d->units, 10, &d->units)
            || __builtin_add_overflow(d->units, **at - '0', &d->units))
            return false;
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

static __int128
power(int places)
{
    __int128 p = 1;
    int64_t few = 1;

    for (; places > PLACES; places--)
        p *= 10;
    for (; places > 0; places--)
        few *= 10;
    return p * few;
}

static bool
scale(__int128 *units, int places)
{
    if (*units == 0 || places == 0)
        return true;
    if (places > POWER_MAX)
        return false;
    if (places > 0)
        return !__builtin_mul_overflow(*units, power(places), units);
    *units = places < -POWER_MAX ? 0 : *units / power(-places);
    return true;
}

bool
sum_add(struct sum *s, const char *text, size_t len, bool minus)
{
    const char *at = text, *end = text + len;
    bool negative = len > 0 && *text == '-';
    struct digits d = {0};
    int exponent = 0;

    if (len > 0 && (*at == '-' || *at == '+'))
        at++;
    if (!read_digits(&at, end, &d))
        return false;
    if (at < end && *at == '.') {
        int whole = d.count;

        at++;
        if (!read_digits(&at, end, &d))
            return false;
        d.fraction = d.count - whole;
    }
    if (d.count == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E') && (at++, !read_exponent(&at, end, &exponent)))
        return false;
    if (at != end || !scale(&d.units, PLACES + exponent - d.fraction))
        return false;
    if (__builtin_add_overflow(s->units, negative != minus ? -d.units : d.units, &d.units))
        return false;
    s->units = d.units;
    return true;
}

bool
sum_minor(const struct sum *s, int digits, int64_t *out)
{
    __int128 unit = power(PLACES - digits);
    __int128 value = s->units / unit, rest = s->units % unit;

    if (unit > 1 && rest >= unit / 2)
        value++;
    else if (unit > 1 && -rest >= unit / 2)
        value--;
    if (value < INT64_MIN || value > INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}
