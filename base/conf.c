#include "base/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct reading {
    const char *path;
    FILE *file;
    int line;
    int (*take)(void *arg, const char *section, const char *name, const char *value,
                char why[CONF_WHY_BYTES]);
    void *arg;
    char *error;    /* the first one; empty while there is none */
    int error_line;
};

struct table {
    const struct conf_setting *settings;
    size_t count;
    bool *seen;     /* per setting: this file has it already */
};

static const struct unit {
    enum conf_kind kind;
    const char *name;
    int64_t factor;
} units[] = {
    {CONF_NUMBER, "", 1},
    {CONF_BYTES, "B", 1},
    {CONF_BYTES, "KiB", 1LL << 10},
    {CONF_BYTES, "MiB", 1LL << 20},
    {CONF_BYTES, "GiB", 1LL << 30},
    {CONF_DURATION_MS, "ms", 1},
    {CONF_DURATION_MS, "s", 1000},
    {CONF_DURATION_MS, "min", 60 * 1000},
    {CONF_DURATION_MS, "h", 60 * 60 * 1000},
    {CONF_DURATION_MS, "d", 24 * 60 * 60 * 1000},
};

static const char *const wants[] = {
    [CONF_TEXT] = "a text",
    [CONF_NUMBER] = "a whole number",
    [CONF_BYTES] = "a number of B, KiB, MiB or GiB",
    [CONF_DURATION_MS] = "a number of ms, s, min, h or d",
    [CONF_FLAG] = "yes or no",
};

/* Returns 0: what inih wants to hear about a bad line. */
__attribute__((format(printf, 2, 3))) static int
complain(struct reading *r, const char *fmt, ...)
{
    va_list args;
    int head;

    if (r->error[0] != '\0')
        return 0;
    r->error_line = r->line;
    head = r->line == 0 ? snprintf(r->error, CONF_ERROR_BYTES, "%.255s: ", r->path)
                        : snprintf(r->error, CONF_ERROR_BYTES, "%.255s line %d: ", r->path,
                                   r->line);
    va_start(args, fmt);
    vsnprintf(r->error + head, CONF_ERROR_BYTES - (size_t)head, fmt, args);
    va_end(args);
    return 0;
}

static bool
read_quantity(int64_t *out, const char *text, enum conf_kind kind)
{
    char *rest;
    long long number;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    number = strtoll(text, &rest, 10);
    if (errno != 0)
        return false;
    rest += strspn(rest, " \t");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].kind == kind && strcmp(units[i].name, rest) == 0)
            return !__builtin_mul_overflow(number, units[i].factor, out);
    return false;
}

/* The quantity in the largest unit that goes into it. */
static const char *
quantity_text(char out[32], int64_t quantity, enum conf_kind kind)
{
    const struct unit *largest = NULL;

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].kind == kind && (largest == NULL || quantity % units[i].factor == 0))
            largest = &units[i];
    must(largest != NULL);
    snprintf(out, 32, "%lld%s%s", (long long)(quantity / largest->factor),
             largest->name[0] != '\0' ? " " : "", largest->name);
    return out;
}

/* Returns 0, or -1 with a sentence. */
static int
check_range(const struct conf_setting *s, const char *text, char why[CONF_WHY_BYTES])
{
    char min[32], max[32];
    int64_t quantity;

    if (s->kind == CONF_TEXT || s->kind == CONF_FLAG)
        return 0;
    quantity = *(int64_t *)s->where;
    if (quantity >= s->min && (s->max == 0 || quantity <= s->max))
        return 0;
    quantity_text(min, s->min, s->kind);
    quantity_text(max, s->max, s->kind);
    if (s->max == 0)
        snprintf(why, CONF_WHY_BYTES, "`%s` is %s or more, not `%s`", s->name, min, text);
    else if (s->min == 0)
        snprintf(why, CONF_WHY_BYTES, "`%s` is at most %s, not `%s`", s->name, max, text);
    else
        snprintf(why, CONF_WHY_BYTES, "`%s` is %s to %s, not `%s`", s->name, min, max, text);
    return -1;
}

static bool
read_value(const struct conf_setting *s, const char *text)
{
    int64_t quantity;

    switch (s->kind) {
    case CONF_TEXT:
        must((*(char **)s->where = strdup(text)) != NULL);
        return true;
    case CONF_FLAG:
        *(bool *)s->where = strcmp(text, "yes") == 0;
        return strcmp(text, "yes") == 0 || strcmp(text, "no") == 0;
    case CONF_NUMBER:
    case CONF_BYTES:
    case CONF_DURATION_MS:
        if (!read_quantity(&quantity, text, s->kind))
            return false;
        *(int64_t *)s->where = quantity;
        return true;
    }
    must(!"a kind of setting without a reader");
    return false;
}

int
conf_duration(int64_t *ms, const char *text)
{
    return read_quantity(ms, text, CONF_DURATION_MS) ? 0 : -1;
}

/* Takes a setting that is in the table. */
static int
take_known(void *arg, const char *section, const char *name, const char *value,
           char why[CONF_WHY_BYTES])
{
    struct table *t = arg;

    for (size_t i = 0; i < t->count; i++) {
        const struct conf_setting *s = &t->settings[i];

        if (strcmp(s->section, section) != 0 || strcmp(s->name, name) != 0)
            continue;
        /* Also what inih makes of an indented line: a continuation. */
        if (t->seen[i])
            snprintf(why, CONF_WHY_BYTES, "`%s` is set a second time", name);
        else if (!read_value(s, value))
            snprintf(why, CONF_WHY_BYTES, "`%s` wants %s, not `%s`", name, wants[s->kind], value);
        else
            check_range(s, value, why);
        t->seen[i] = true;
        return why[0] == '\0' ? 0 : -1;
    }
    snprintf(why, CONF_WHY_BYTES, "there is no setting `%s` in [%s]", name, section);
    return -1;
}

static int
take_line(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    char why[CONF_WHY_BYTES] = "";

    return r->take(r->arg, section, name, value, why) == 0 || complain(r, "%s", why);
}

/* inih would take the rest of a line that does not fit for a line of its own. */
static char *
next_line(char *text, int size, void *stream)
{
    struct reading *r = stream;
    size_t len;

    if (fgets(text, size, r->file) == NULL) {
        if (ferror(r->file))
            complain(r, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    r->line++;
    len = strlen(text);
    if (len + 1 == (size_t)size && text[len - 1] != '\n' && !feof(r->file)) {
        complain(r, "longer than %d bytes", size - 2);
        return NULL;
    }
    return text;
}

int
conf_walk(const char *path,
          int (*take)(void *arg, const char *section, const char *name, const char *value,
                      char why[CONF_WHY_BYTES]),
          void *arg, char error[CONF_ERROR_BYTES])
{
    struct reading r = {.path = path, .take = take, .arg = arg, .error = error};
    int line;

    error[0] = '\0';
    if ((r.file = fopen(path, "r")) == NULL) {
        snprintf(error, CONF_ERROR_BYTES, "%.255s: %s", path, strerror(errno));
        return -1;
    }
    line = ini_parse_stream(next_line, &r, take_line, &r);
    must(line >= 0);
    /* A line that does not reach take_line: inih goes on behind it, but gives its number. */
    if (line > 0 && line != r.error_line) {
        r.line = line;
        error[0] = '\0';
        complain(&r, "neither `[section]` nor `name = value`");
    }
    fclose(r.file);
    return error[0] == '\0' ? 0 : -1;
}

int
conf_read(const char *path, const struct conf_setting *settings, size_t count,
          char error[CONF_ERROR_BYTES])
{
    struct table t = {.settings = settings, .count = count};
    int err;

    must((t.seen = calloc(count + 1, sizeof t.seen[0])) != NULL);
    err = conf_walk(path, take_known, &t, error);
    free(t.seen);
    return err;
}
