#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define DAY_SECONDS 86400

static int64_t
read_clock(clockid_t which)
{
    struct timespec ts;

    clock_gettime(which, &ts);
    return ts.tv_sec * CLOCK_SECOND + ts.tv_nsec;
}

int64_t
clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t
clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Years that begin in March put the leap day last; eras of 400 years repeat. */
int64_t
clock_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void
clock_date(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

char *
clock_format(char out[CLOCK_TEXT_BYTES], int64_t ns)
{
    int64_t fraction = (ns % CLOCK_SECOND + CLOCK_SECOND) % CLOCK_SECOND;
    int64_t seconds = ns / CLOCK_SECOND - (ns % CLOCK_SECOND < 0 ? 1 : 0);
    int64_t of_day = (seconds % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
    int year, month, day, digits = 9;
    size_t len;

    clock_date((seconds - of_day) / DAY_SECONDS, &year, &month, &day);
    len = (size_t)snprintf(out, CLOCK_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u",
                           (unsigned)year % 10000, (unsigned)month % 100, (unsigned)day % 100,
                           (unsigned)(of_day / 3600), (unsigned)(of_day / 60 % 60),
                           (unsigned)(of_day % 60));
    while (fraction != 0 && digits > 3 && fraction % 1000 == 0) {
        fraction /= 1000;
        digits -= 3;
    }
    if (fraction != 0)
        len += (size_t)snprintf(out + len, CLOCK_TEXT_BYTES - len, ".%0*u", digits,
                                (unsigned)fraction);
    out[len++] = 'Z';
    out[len] = '\0';
    return out;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What is left of the text; a part that does not fit it sets `bad`. */
struct reader {
    const char *at, *end;
    bool bad;
};

static int
read_digits(struct reader *r, int count)
{
    int value = 0;

    for (; count > 0; count--) {
        if (r->at == r->end || !is_digit(*r->at)) {
            r->bad = true;
            return 0;
        }
        value = value * 10 + (*r->at++ - '0');
    }
    return value;
}

static int
read_number(struct reader *r, int digits, int min, int max)
{
    int value = read_digits(r, digits);

    if (value < min || value > max)
        r->bad = true;
    return value;
}

static void
read_char(struct reader *r, char upper)
{
    char c = r->at < r->end ? *r->at : '\0';

    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == upper)
        r->at++;
    else
        r->bad = true;
}

static int64_t
read_fraction(struct reader *r)
{
    int64_t value = 0;
    int digits = 0;

    if (r->at == r->end || *r->at != '.')
        return 0;
    for (r->at++; r->at < r->end && is_digit(*r->at); r->at++, digits++)
        if (digits < 9)
            value = value * 10 + (*r->at - '0');
    if (digits < 1 || digits > 9)
        r->bad = true;
    for (; digits < 9; digits++)
        value *= 10;
    return value;
}

/* Seconds east of Greenwich. */
static int
read_zone(struct reader *r)
{
    char sign = r->at < r->end ? *r->at : '\0';
    int hours, minutes;

    if (sign != '+' && sign != '-') {
        read_char(r, 'Z');
        return 0;
    }
    r->at++;
    hours = read_number(r, 2, 0, 23);
    read_char(r, ':');
    minutes = read_number(r, 2, 0, 59);
    return (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
}

static int64_t
read_date(struct reader *r)
{
    int year, month, day, back_year, back_month, back_day;
    int64_t days;

    year = read_number(r, 4, 0, 9999);
    read_char(r, '-');
    month = read_number(r, 2, 1, 12);
    read_char(r, '-');
    day = read_number(r, 2, 1, 31);
    if (r->bad)
        return 0;
    days = clock_days(year, month, day);
    clock_date(days, &back_year, &back_month, &back_day);
    if (back_month != month)    /* 30 February is 2 March */
        r->bad = true;
    return days;
}

int
clock_parse(int64_t *ns, const char *text, size_t len)
{
    struct reader r = {.at = text, .end = text + len};
    int64_t seconds = read_date(&r) * DAY_SECONDS, fraction, result;
    int second;

    read_char(&r, 'T');
    seconds += read_number(&r, 2, 0, 23) * 3600;
    read_char(&r, ':');
    seconds += read_number(&r, 2, 0, 59) * 60;
    read_char(&r, ':');
    second = read_number(&r, 2, 0, 60);
    fraction = read_fraction(&r);
    /* POSIX time has no leap second: it is the last instant before it. */
    if (second == 60) {
        second = 59;
        fraction = CLOCK_SECOND - 1;
    }
    seconds += second - read_zone(&r);
    if (r.bad || r.at != r.end || __builtin_mul_overflow(seconds, CLOCK_SECOND, &result)
        || __builtin_add_overflow(result, fraction, &result))
        return -1;
    *ns = result;
    return 0;
}
