#include "adapters/timeformat.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define DAY_S 86400
#define YEAR_MIN 1970
#define YEAR_MAX 2100

const char *
timeformat_check(struct tl_str format)
{
    bool date = false;

    for (size_t i = 0; i < format.len; i++) {
        if (format.ptr[i] != '%')
            continue;
        if (++i == format.len || strchr("YmdHMSfzs%", format.ptr[i]) == NULL)
            return "a time format knows %Y %m %d %H %M %S %f %z %s and %%";
        date = date || format.ptr[i] == 'Y' || format.ptr[i] == 's';
    }
    return date ? NULL : "a time format needs %Y, %m and %d, or %s";
}

struct parts {
    int64_t year, month, day, hour, minute, second, nanosecond;
    int64_t epoch, offset;
    bool has_epoch, has_offset;
};

static bool
read_digits(struct tl_str *text, size_t digits_max, int64_t *out)
{
    int64_t n = 0;
    size_t i = 0;

    while (i < text->len && i < digits_max && text->ptr[i] >= '0' && text->ptr[i] <= '9')
        n = n * 10 + (text->ptr[i++] - '0');
    text->ptr += i;
    text->len -= i;
    *out = n;
    return i > 0;
}

static bool
skip(struct tl_str *text, char c)
{
    if (text->len == 0 || *text->ptr != c)
        return false;
    text->ptr++;
    text->len--;
    return true;
}

/* Up to nine digits; what follows those is passed over. */
static bool
read_fraction(struct tl_str *text, int64_t *ns)
{
    int64_t unit = CLOCK_SECOND, digit;
    bool any = false;

    *ns = 0;
    while (read_digits(text, 1, &digit)) {
        unit /= 10;
        *ns += digit * unit;
        any = true;
    }
    return any;
}

static bool
read_offset(struct tl_str *text, struct parts *p)
{
    int64_t hours, minutes;
    bool west;

    p->has_offset = true;
    if (skip(text, 'Z'))
        return true;
    west = text->len > 0 && *text->ptr == '-';
    if (!skip(text, '-') && !skip(text, '+'))
        return false;
    if (!read_digits(text, 2, &hours))
        return false;
    skip(text, ':');
    if (!read_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    p->offset = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool
read_part(struct tl_str *text, char what, struct parts *p)
{
    switch (what) {
    case 'Y': return read_digits(text, 4, &p->year);
    case 'm': return read_digits(text, 2, &p->month);
    case 'd': return read_digits(text, 2, &p->day);
    case 'H': return read_digits(text, 2, &p->hour);
    case 'M': return read_digits(text, 2, &p->minute);
    case 'S': return read_digits(text, 2, &p->second);
    case 'f': return read_fraction(text, &p->nanosecond);
    case 'z': return read_offset(text, p);
    case 's': return p->has_epoch = read_digits(text, 11, &p->epoch);
    default: return skip(text, what);
    }
}

static bool
valid(const struct parts *p)
{
    int year, month, day;

    if (p->year < YEAR_MIN || p->year > YEAR_MAX || p->month < 1 || p->month > 12 || p->day < 1
        || p->hour > 23 || p->minute > 59 || p->second > 60)
        return false;
    clock_date(clock_days((int)p->year, (int)p->month, (int)p->day), &year, &month, &day);
    return day == p->day && month == p->month;
}

static int64_t
utc(const struct parts *p, const struct zone *zone)
{
    int64_t local = clock_days((int)p->year, (int)p->month, (int)p->day) * DAY_S
                    + p->hour * 3600 + p->minute * 60 + p->second;

    return p->has_offset ? local - p->offset : zone_to_utc(zone, local);
}

bool
timeformat_read(struct timeformat_time *out, struct tl_str text, struct tl_str format,
                const struct zone *zone, bool end_of_day)
{
    struct parts p = {.month = 1, .day = 1};
    int64_t seconds;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < format.len; i++) {
        bool part = format.ptr[i] == '%';

        i += part;
        if (part ? !read_part(&text, format.ptr[i], &p) : !skip(&text, format.ptr[i]))
            return false;
    }
    if (text.len > 0 || (!p.has_epoch && !valid(&p)))
        return false;
    if (end_of_day && !p.has_epoch) {
        p.hour = 23;
        p.minute = p.second = 59;
        p.nanosecond = 0;
    }
    seconds = p.has_epoch ? p.epoch : utc(&p, zone);
    if (seconds < 0 || seconds >= clock_days(YEAR_MAX + 1, 1, 1) * DAY_S)
        return false;
    out->ns = seconds * CLOCK_SECOND + p.nanosecond;
    out->ns += out->ns == 0;        /* 0 would be: not given */
    out->local = !p.has_epoch && !p.has_offset;
    return true;
}

bool
timeformat_iso(struct timeformat_time *out, struct tl_str text, const struct zone *zone)
{
    static const char *const forms[] = {
        "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f",
        "%Y-%m-%dT%H:%M:%S",      "%Y-%m-%dT%H:%M%z",    "%Y-%m-%d %H:%M:%S%z",
        "%Y-%m-%d %H:%M:%S.%f",   "%Y-%m-%d %H:%M:%S",   "%Y-%m-%d",
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tl_str format = {forms[i], strlen(forms[i])};

        if (timeformat_read(out, text, format, zone, false))
            return true;
    }
    return false;
}

/* A zone's name as an offset; any other text is its own. */
static const char *
offset_of(const char *zone)
{
    static const char *const names[][2] = {
        {"GMT", "+0000"}, {"UT", "+0000"},  {"UTC", "+0000"}, {"Z", "+0000"},   {"EST", "-0500"},
        {"EDT", "-0400"}, {"CST", "-0600"}, {"CDT", "-0500"}, {"MST", "-0700"}, {"MDT", "-0600"},
        {"PST", "-0800"}, {"PDT", "-0700"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(zone, names[i][0]) == 0)
            return names[i][1];
    return zone;
}

static int
month_of(const char *name)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int month = 0; month < 12; month++)
        if (strncasecmp(months + (size_t)month * 3, name, 3) == 0)
            return month + 1;
    return 0;
}

bool
timeformat_mail(struct timeformat_time *out, struct tl_str text, const struct zone *zone)
{
    char copy[64], iso[64], name[16], offset[8] = "", *comma;
    unsigned day, year, hour, minute, second = 0;
    int used = 0, seconds = 0;

    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr != NULL ? text.ptr : "", text.len);
    copy[text.len] = '\0';
    comma = strchr(copy, ',');
    if (sscanf(comma != NULL ? comma + 1 : copy, "%2u %15s %4u %2u:%2u%n", &day, name, &year, &hour,
               &minute, &used)
            < 5
        || month_of(name) == 0)
        return false;
    comma = (comma != NULL ? comma + 1 : copy) + used;
    if (sscanf(comma, ":%2u%n", &second, &seconds) == 1)
        comma += seconds;
    if (year < 100)
        year += year < 70 ? 2000 : 1900;
    sscanf(comma, "%7s", offset);
    snprintf(iso, sizeof iso, "%04u-%02d-%02uT%02u:%02u:%02u%s", year, month_of(name), day, hour,
             minute, second, offset_of(offset));
    return timeformat_iso(out, (struct tl_str){iso, strlen(iso)}, zone);
}
