#include "adapters/email/syslog.h"

#include <stdio.h>
#include <string.h>

#include "adapters/text.h"
#include "base/clock.h"

#define DAY_S 86400
#define YEARS_BACK 8            /* to the last 29 February, over 2100 too */

/* The text up to a blank, which goes with those behind it. */
static struct tl_str
take_word(struct tl_str *rest)
{
    size_t len = 0;
    struct tl_str word;

    while (len < rest->len && rest->ptr[len] != ' ')
        len++;
    word = (struct tl_str){rest->ptr, len};
    while (len < rest->len && rest->ptr[len] == ' ')
        len++;
    rest->ptr += len;
    rest->len -= len;
    return word;
}

static void
drop_priority(struct tl_str *rest)
{
    const char *end = rest->len > 0 && rest->ptr[0] == '<' ? memchr(rest->ptr, '>', rest->len)
                                                           : NULL;

    if (end == NULL || end - rest->ptr > 4)
        return;
    rest->len -= (size_t)(end + 1 - rest->ptr);
    rest->ptr = end + 1;
}

static bool
is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Of a date without a year, the latest that is not after `latest` and a day. */
static int64_t
with_year(int month, int day, int second, int64_t latest, const struct zone *zone)
{
    int year, m, d;

    if (latest <= 0)
        return 0;
    clock_date(latest / CLOCK_SECOND / DAY_S, &year, &m, &d);
    for (int i = -1; i < YEARS_BACK; i++) {
        int64_t utc;

        if (month == 2 && day == 29 && !is_leap(year - i))
            continue;
        utc = zone_to_utc(zone, clock_days(year - i, month, day) * DAY_S + second);
        if (utc > 0 && utc <= latest / CLOCK_SECOND + DAY_S)
            return utc * CLOCK_SECOND;
    }
    return 0;
}

/* `Nov 21 20:13:50`, `Nov  1 ...` */
static bool
read_classic(struct syslog_line *out, struct tl_str *rest, int64_t latest,
             const struct zone *zone)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    char copy[16] = "", name[4] = "";
    int day, hour, minute, second, used = 0;
    const char *month;

    if (rest->len < sizeof copy || rest->ptr[15] != ' ')
        return false;
    memcpy(copy, rest->ptr, 15);
    if (sscanf(copy, "%3[A-Za-z] %2d %2d:%2d:%2d%n", name, &day, &hour, &minute, &second, &used)
            != 5
        || used != 15 || strlen(name) != 3 || (month = strstr(months, name)) == NULL
        || (month - months) % 3 != 0)
        return false;
    if (day < 1 || day > days[(month - months) / 3] || hour < 0 || hour > 23 || minute < 0
        || minute > 59 || second < 0 || second > 60)
        return false;
    out->stamp = (struct tl_str){rest->ptr, 15};
    out->time = with_year((int)(month - months) / 3 + 1, day, (hour * 60 + minute) * 60 + second,
                          latest, zone);
    rest->ptr += 16;
    rest->len -= 16;
    return true;
}

static bool
read_rfc3339(struct syslog_line *out, struct tl_str *rest)
{
    struct tl_str after = *rest;

    out->stamp = take_word(&after);
    if (out->stamp.len < 20 || clock_parse(&out->time, out->stamp.ptr, out->stamp.len) != 0
        || out->time <= 0)
        return false;
    *rest = after;
    return true;
}

/* `postfix/smtp[5107]:` */
static bool
read_program(struct syslog_line *out, struct tl_str *rest)
{
    const char *colon = text_find(*rest, ": ");
    const char *pid;

    if (colon == NULL)
        return false;
    out->program = (struct tl_str){rest->ptr, (size_t)(colon - rest->ptr)};
    if (memchr(out->program.ptr, ' ', out->program.len) != NULL)
        return false;
    pid = memchr(out->program.ptr, '[', out->program.len);
    if (pid != NULL)
        out->program.len = (size_t)(pid - out->program.ptr);
    rest->len -= (size_t)(colon + 2 - rest->ptr);
    rest->ptr = colon + 2;
    return out->program.len > 0;
}

/* RFC 5424: behind the program its pid, the message's name, and structured data, of
 * which mail logs have none. */
static bool
read_program_5424(struct syslog_line *out, struct tl_str *rest)
{
    struct tl_str data;

    out->program = take_word(rest);
    take_word(rest);
    take_word(rest);
    data = take_word(rest);
    return out->program.len > 0 && data.len == 1 && data.ptr[0] == '-';
}

bool
syslog_read(struct syslog_line *out, struct tl_str line, int64_t latest, const struct zone *zone)
{
    bool rfc5424;

    *out = (struct syslog_line){0};
    drop_priority(&line);
    rfc5424 = line.len > 2 && line.ptr[0] == '1' && line.ptr[1] == ' ';
    if (rfc5424)
        take_word(&line);
    if (!read_rfc3339(out, &line) && (rfc5424 || !read_classic(out, &line, latest, zone)))
        return false;
    out->host = take_word(&line);
    if (!(rfc5424 ? read_program_5424(out, &line) : read_program(out, &line)))
        return false;
    out->text = line;
    return out->host.len > 0;
}
