#include "base/zone.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define ZONE_NAME_MAX 64
#define ZONE_FILE_BYTES_MAX (1u << 20)
#define HEADER_BYTES 44
#define DAY_S 86400

/* When summer time begins or ends: `M3.2.0/2`, `J60`, `59`. */
struct rule {
    char kind;                  /* M, J, or 0 for a day of the year counted from 0 */
    int month, week, day;
    int64_t time_s;             /* after midnight, by the clock before the change */
};

struct zone {
    int64_t *changes;           /* UTC seconds, ascending */
    int32_t *offsets;           /* from each change on, east of UTC */
    size_t count;
    int32_t first_offset;       /* before the first change */
    bool has_rule;              /* after the last change: the file's footer */
    bool has_summer;
    int32_t offset, summer_offset;
    struct rule begin, end;
};

/* ------------------------------------------------------------ the footer */

static bool
read_number(const char **at, int *out)
{
    int n = 0, digits = 0;

    for (; isdigit((unsigned char)**at) && digits < 4; digits++)
        n = n * 10 + (*(*at)++ - '0');
    *out = n;
    return digits > 0;
}

/* [+-]hh[:mm[:ss]] */
static bool
read_hours(const char **at, int64_t *seconds)
{
    bool negative = **at == '-';
    int h, m = 0, s = 0;

    if (**at == '-' || **at == '+')
        (*at)++;
    if (!read_number(at, &h))
        return false;
    if (**at == ':' && ((*at)++, !read_number(at, &m)))
        return false;
    if (**at == ':' && ((*at)++, !read_number(at, &s)))
        return false;
    *seconds = (negative ? -1 : 1) * ((int64_t)h * 3600 + m * 60 + s);
    return true;
}

static bool
skip_name(const char **at)
{
    const char *from = *at;

    if (**at == '<') {
        *at += strcspn(*at, ">");
        return *(*at)++ == '>';
    }
    while (isalpha((unsigned char)**at))
        (*at)++;
    return *at > from;
}

static bool
read_rule(const char **at, struct rule *r)
{
    *r = (struct rule){.time_s = 7200};
    if (*(*at)++ != ',')
        return false;
    if (**at == 'M') {
        r->kind = *(*at)++;
        if (!read_number(at, &r->month) || *(*at)++ != '.' || !read_number(at, &r->week)
            || *(*at)++ != '.' || !read_number(at, &r->day))
            return false;
        if (r->month < 1 || r->month > 12 || r->week < 1 || r->week > 5 || r->day > 6)
            return false;
    } else {
        if (**at == 'J')
            r->kind = *(*at)++;
        if (!read_number(at, &r->day) || r->day > 366)
            return false;
    }
    if (**at != '/')
        return true;
    (*at)++;
    return read_hours(at, &r->time_s);
}

/* `EST5EDT,M3.2.0,M11.1.0`: hours count west of Greenwich. */
static bool
read_footer(struct zone *z, const char *at)
{
    int64_t west, summer_west;

    if (*at == '\0')
        return true;
    if (!skip_name(&at) || !read_hours(&at, &west))
        return false;
    z->has_rule = true;
    z->offset = (int32_t)-west;
    if (*at == '\0')
        return true;
    if (!skip_name(&at))
        return false;
    summer_west = west - 3600;
    if (*at != ',' && !read_hours(&at, &summer_west))
        return false;
    z->summer_offset = (int32_t)-summer_west;
    z->has_summer = true;
    return read_rule(&at, &z->begin) && read_rule(&at, &z->end) && *at == '\0';
}

static bool
leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Local seconds at which the rule applies in `year`. */
static int64_t
rule_time(const struct rule *r, int year)
{
    int64_t day = clock_days(year, 1, 1);

    if (r->kind == 'M') {
        int64_t first = clock_days(year, r->month, 1);
        int64_t next = r->month == 12 ? clock_days(year + 1, 1, 1)
                                      : clock_days(year, r->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7;    /* 1970-01-01 was a Thursday */

        day = first + (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
        if (day >= next)
            day -= 7;
    } else if (r->kind == 'J') {
        day += r->day - 1 + (leap(year) && r->day >= 60);
    } else {
        day += r->day;
    }
    return day * DAY_S + r->time_s;
}

static int32_t
offset_by_rule(const struct zone *z, int64_t utc_s)
{
    int64_t begin, end, local = utc_s + z->offset;
    int year, month, day;

    if (!z->has_summer)
        return z->offset;
    clock_date((local - ((local % DAY_S) + DAY_S) % DAY_S) / DAY_S, &year, &month, &day);
    begin = rule_time(&z->begin, year) - z->offset;
    end = rule_time(&z->end, year) - z->summer_offset;
    if (begin < end)
        return utc_s >= begin && utc_s < end ? z->summer_offset : z->offset;
    return utc_s >= end && utc_s < begin ? z->offset : z->summer_offset;
}

/* -------------------------------------------------------------- the file */

static uint64_t
read_be(const unsigned char *at, size_t bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | *at++;
    return v;
}

struct header {
    size_t isut, isstd, leaps, times, types, chars;
};

static bool
read_header(struct header *h, const unsigned char *at, size_t left)
{
    if (left < HEADER_BYTES || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
        return false;
    *h = (struct header){read_be(at + 20, 4), read_be(at + 24, 4), read_be(at + 28, 4),
                         read_be(at + 32, 4), read_be(at + 36, 4), read_be(at + 40, 4)};
    return h->types > 0 && h->types <= 256;
}

static size_t
body_bytes(const struct header *h, size_t time_bytes)
{
    return h->times * (time_bytes + 1) + h->types * 6 + h->chars + h->leaps * (time_bytes + 4)
           + h->isstd + h->isut;
}

static int32_t
type_offset(const unsigned char *types, size_t i)
{
    return (int32_t)(uint32_t)read_be(types + i * 6, 4);
}

static bool
read_changes(struct zone *z, const struct header *h, const unsigned char *at)
{
    const unsigned char *indexes = at + h->times * 8;
    const unsigned char *types = indexes + h->times;

    z->changes = calloc(h->times + 1, sizeof *z->changes);
    z->offsets = calloc(h->times + 1, sizeof *z->offsets);
    if (z->changes == NULL || z->offsets == NULL)
        return false;
    z->first_offset = type_offset(types, 0);
    for (size_t i = 0; i < h->times; i++) {
        if (indexes[i] >= h->types)
            return false;
        z->changes[i] = (int64_t)read_be(at + i * 8, 8);
        z->offsets[i] = type_offset(types, indexes[i]);
    }
    z->count = h->times;
    return true;
}

static bool
read_footer_line(struct zone *z, const unsigned char *at, size_t left)
{
    const unsigned char *end;
    char line[128];
    size_t len;

    if (left < 2 || *at != '\n' || (end = memchr(at + 1, '\n', left - 1)) == NULL)
        return false;
    len = (size_t)(end - at) - 1;
    if (len >= sizeof line)
        return false;
    memcpy(line, at + 1, len);
    line[len] = '\0';
    return read_footer(z, line);
}

static bool
read_file(struct zone *z, const struct buf *file)
{
    const unsigned char *at = file->ptr;
    size_t left = file->len;
    struct header h;

    /* The first block is the same in 32 bits, for readers of the last century. */
    if (!read_header(&h, at, left) || body_bytes(&h, 4) > left - HEADER_BYTES)
        return false;
    at += HEADER_BYTES + body_bytes(&h, 4);
    left -= HEADER_BYTES + body_bytes(&h, 4);
    if (!read_header(&h, at, left) || body_bytes(&h, 8) > left - HEADER_BYTES)
        return false;
    at += HEADER_BYTES;
    left -= HEADER_BYTES + body_bytes(&h, 8);
    return read_changes(z, &h, at) && read_footer_line(z, at + body_bytes(&h, 8), left);
}

static bool
safe_name(const char *name)
{
    return name[0] != '\0' && name[0] != '/' && strlen(name) <= ZONE_NAME_MAX
           && strstr(name, "..") == NULL
           && name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_+-/")] == '\0';
}

static int
load(struct buf *file, const char *name, char why[ZONE_WHY_BYTES])
{
    char path[sizeof ZONE_DIR + ZONE_NAME_MAX];
    size_t got;
    FILE *f;

    snprintf(path, sizeof path, "%s%s", ZONE_DIR, name);
    if ((f = fopen(path, "rbe")) == NULL) {
        snprintf(why, ZONE_WHY_BYTES, "no time zone %s: %s: %s", name, path, strerror(errno));
        return -1;
    }
    do {
        unsigned char piece[4096];

        got = fread(piece, 1, sizeof piece, f);
        buf_append(file, piece, got);
    } while (got > 0 && file->len <= ZONE_FILE_BYTES_MAX);
    fclose(f);
    return 0;
}

static int
open_file(struct zone *z, const char *name, char why[ZONE_WHY_BYTES])
{
    struct buf file = {0};
    int err = 0;

    if (!safe_name(name)) {
        snprintf(why, ZONE_WHY_BYTES, "%.*s is no name of a time zone", ZONE_NAME_MAX, name);
        return -1;
    }
    if (load(&file, name, why) != 0) {
        err = -1;
    } else if (file.failed || file.len > ZONE_FILE_BYTES_MAX || !read_file(z, &file)) {
        snprintf(why, ZONE_WHY_BYTES, ZONE_DIR "%s is no time zone file this program reads", name);
        err = -1;
    }
    buf_free(&file);
    return err;
}

/* UTC, Z, or [+-]hh:mm.  Returns false when it is something else. */
static bool
fixed(struct zone *z, const char *name)
{
    z->has_rule = true;
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0)
        return true;
    if ((name[0] != '+' && name[0] != '-') || strlen(name) != 6 || name[3] != ':'
        || !isdigit((unsigned char)name[1]) || !isdigit((unsigned char)name[2])
        || !isdigit((unsigned char)name[4]) || !isdigit((unsigned char)name[5]))
        return z->has_rule = false;
    z->offset = ((name[1] - '0') * 10 + name[2] - '0') * 3600
                + ((name[4] - '0') * 10 + name[5] - '0') * 60;
    if (name[0] == '-')
        z->offset = -z->offset;
    return true;
}

int
zone_open(struct zone **out, const char *name, char why[ZONE_WHY_BYTES])
{
    struct zone *z = calloc(1, sizeof *z);

    if (z == NULL) {
        snprintf(why, ZONE_WHY_BYTES, "out of memory");
        return -1;
    }
    if (!fixed(z, name) && open_file(z, name, why) != 0) {
        zone_close(&z);
        return -1;
    }
    *out = z;
    return 0;
}

void
zone_close(struct zone **z)
{
    if (*z == NULL)
        return;
    free((*z)->changes);
    free((*z)->offsets);
    free(*z);
    *z = NULL;
}

/* ---------------------------------------------------------------- asking */

static int32_t
offset_at(const struct zone *z, int64_t utc_s)
{
    size_t low = 0, high = z->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (z->changes[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->count && z->has_rule)
        return offset_by_rule(z, utc_s);
    return low == 0 ? z->first_offset : z->offsets[low - 1];
}

int64_t
zone_to_utc(const struct zone *z, int64_t local_s)
{
    int32_t before = offset_at(z, local_s - DAY_S);
    int32_t after = offset_at(z, local_s + DAY_S);

    if (before == after || offset_at(z, local_s - before) == before)
        return local_s - before;
    if (offset_at(z, local_s - after) == after)
        return local_s - after;
    return local_s - before;
}

int64_t
zone_to_local(const struct zone *z, int64_t utc_s)
{
    return utc_s + offset_at(z, utc_s);
}
