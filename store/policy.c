#include "store/policy.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "proto/str.h"
#include "store/contact.h"

#define DAY_MS (24 * 3600 * 1000LL)

/* The same as in the sample, policy.conf. */
static const struct {
    const char *section, *name, *value;
} built_in[] = {
    {"policy", "lease", "15 min"},
    {"policy", "timezone", "UTC"},
    {"exempt", "transactional", "yes"},
    {"consent", "marketing", "unless refused"},
    {"consent", "research", "unless refused"},
    {"consent", "service", "unless refused"},
    {"complaint", "marketing", "pause"},
    {"complaint", "research", "pause"},
    {"cool-off", "marketing", "3 d"},
    {"caps", "marketing email", "3 in 7 d"},
    {"caps", "marketing sms", "2 in 7 d"},
    {"caps", "marketing push", "3 in 7 d"},
    {"caps", "marketing call", "1 in 7 d"},
    {"caps", "marketing mail", "4 in 30 d"},
    {"caps", "marketing", "6 in 7 d"},
    {"caps", "research", "1 in 30 d"},
    {"quiet hours", "marketing call", "20:00-09:00"},
    {"quiet hours", "marketing sms", "20:00-08:00"},
    {"quiet hours", "marketing push", "21:00-08:00"},
    {"quiet hours", "research call", "20:00-09:00"},
};

/* ---------------------------------------------------------------- values */

__attribute__((format(printf, 2, 3))) static int
complain(char why[CONF_WHY_BYTES], const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, CONF_WHY_BYTES, fmt, args);
    va_end(args);
    return -1;
}

static int
choose(bool *flag, const char *value, const char *yes, const char *no, char why[CONF_WHY_BYTES])
{
    *flag = strcmp(value, yes) == 0;
    if (*flag || strcmp(value, no) == 0)
        return 0;
    return complain(why, "it is `%s` or `%s`, not `%s`", yes, no, value);
}

static int
read_exempt(struct policy_rule *r, const char *value, char why[CONF_WHY_BYTES])
{
    if (r->channel.len > 0)
        return complain(why, "a purpose is exempt in every channel: leave out `%s`",
                        r->channel.ptr);
    if (strcmp(value, "yes") != 0)
        return complain(why, "it is `yes`, or the line is left out");
    return 0;
}

static int
read_consent(struct policy_rule *r, const char *value, char why[CONF_WHY_BYTES])
{
    return choose(&r->flag, value, "required", "unless refused", why);
}

static int
read_complaint(struct policy_rule *r, const char *value, char why[CONF_WHY_BYTES])
{
    return choose(&r->flag, value, "pause", "go on", why);
}

static int
read_within(struct policy_rule *r, const char *text, char why[CONF_WHY_BYTES])
{
    int64_t ms;

    if (conf_duration(&ms, text) != 0 || ms == 0 || ms > POLICY_DAYS_MAX * DAY_MS)
        return complain(why, "`%s` is no time such as 12 h or 7 d, at most %d d", text,
                        POLICY_DAYS_MAX);
    r->within_ns = ms * CLOCK_MS;
    return 0;
}

static int
read_cool_off(struct policy_rule *r, const char *value, char why[CONF_WHY_BYTES])
{
    return strcmp(value, "none") == 0 ? 0 : read_within(r, value, why);
}

/* `3 in 7 d`, `6 in 7 d per household` */
static int
read_cap(struct policy_rule *r, const char *value, char why[CONF_WHY_BYTES])
{
    static const char scope[] = " per household";
    char within[CONF_WHY_BYTES], *rest;
    size_t len;

    r->count = isdigit((unsigned char)value[0]) ? strtoll(value, &rest, 10) : 0;
    if (r->count < 1 || r->count > CONTACTS_KEPT_MAX || strncmp(rest, " in ", 4) != 0)
        return complain(why, "a cap is 1 to %d contacts in a time, `3 in 7 d`, not `%s`",
                        CONTACTS_KEPT_MAX, value);
    snprintf(within, sizeof within, "%s", rest + 4);
    len = strlen(within);
    r->household = len > strlen(scope) && strcmp(within + len - strlen(scope), scope) == 0;
    if (r->household)
        within[len - strlen(scope)] = '\0';
    return read_within(r, within, why);
}

/* Returns minutes and goes on behind them, or -1. */
static int
read_minutes(const char **at)
{
    const char *t = *at;
    int hours, minutes;

    if (strlen(t) < 5 || !isdigit((unsigned char)t[0]) || !isdigit((unsigned char)t[1]) ||
        t[2] != ':' || !isdigit((unsigned char)t[3]) || !isdigit((unsigned char)t[4]))
        return -1;
    hours = (t[0] - '0') * 10 + t[1] - '0';
    minutes = (t[3] - '0') * 10 + t[4] - '0';
    *at += 5;
    return hours < 24 && minutes < 60 ? hours * 60 + minutes : -1;
}

static int
read_quiet(struct policy_rule *r, const char *value, char why[CONF_WHY_BYTES])
{
    const char *at = value;

    if (strcmp(value, "none") == 0)
        return 0;
    r->flag = true;
    if ((r->from_min = read_minutes(&at)) < 0 || *at++ != '-' ||
        (r->to_min = read_minutes(&at)) < 0 || *at != '\0' || r->from_min == r->to_min)
        return complain(why, "quiet hours are `20:00-08:00` or `none`, not `%s`", value);
    return 0;
}

static const struct {
    const char *section;
    enum policy_kind kind;
    int (*read)(struct policy_rule *r, const char *value, char why[CONF_WHY_BYTES]);
} sections[] = {
    {"exempt", POLICY_EXEMPT, read_exempt},
    {"consent", POLICY_CONSENT, read_consent},
    {"complaint", POLICY_COMPLAINT, read_complaint},
    {"cool-off", POLICY_COOL_OFF, read_cool_off},
    {"caps", POLICY_CAP, read_cap},
    {"quiet hours", POLICY_QUIET, read_quiet},
};

#define SECTIONS (sizeof sections / sizeof sections[0])

/* ----------------------------------------------------------------- lines */

/* `marketing email` */
static int
read_name(struct policy_rule *r, const char *name, char why[CONF_WHY_BYTES])
{
    struct tl_str purpose = {name, strcspn(name, " \t")};
    const char *rest = name + purpose.len + strspn(name + purpose.len, " \t");
    struct tl_str channel = {rest, strlen(rest)};

    if (!valid_word(purpose) || (channel.len > 0 && !valid_word(channel)))
        return complain(why, "`%s` is no purpose, or purpose and channel, in lower-case words",
                        name);
    snprintf(r->words, sizeof r->words, "%.*s %s", (int)purpose.len, purpose.ptr, channel.ptr);
    r->purpose = (struct tl_str){r->words, purpose.len};
    r->channel = (struct tl_str){r->words + purpose.len + 1, channel.len};
    return 0;
}

static bool
is_known(const struct policy *p, const struct policy_rule *r)
{
    for (size_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].kind == r->kind && str_equal(p->rules[i].purpose, r->purpose) &&
            str_equal(p->rules[i].channel, r->channel))
            return true;
    return false;
}

static int
take_rule(struct policy *p, size_t section, const char *name, const char *value,
          char why[CONF_WHY_BYTES])
{
    struct policy_rule *r = &p->rules[p->rules_count];

    if (p->rules_count == POLICY_RULES_MAX)
        return complain(why, "a policy has at most %d lines", POLICY_RULES_MAX);
    *r = (struct policy_rule){.kind = sections[section].kind};
    if (read_name(r, name, why) != 0 || sections[section].read(r, value, why) != 0)
        return -1;
    if (r->kind != POLICY_CAP && is_known(p, r))
        return complain(why, "`%s` is set a second time", name);
    snprintf(r->text, sizeof r->text, "%s: %.66s = %.40s", sections[section].section, name, value);
    p->rules_count++;
    return 0;
}

static int
take_setting(struct policy *p, const char *name, const char *value, char why[CONF_WHY_BYTES])
{
    char zone_why[ZONE_WHY_BYTES];
    struct zone *zone;

    if (strcmp(name, "lease") == 0) {
        if (conf_duration(&p->lease_ms, value) != 0 || p->lease_ms == 0 ||
            p->lease_ms > POLICY_LEASE_MS_MAX)
            return complain(why, "`lease` is a time such as 15 min, at most 24 h, not `%s`", value);
        return 0;
    }
    if (strcmp(name, "timezone") != 0)
        return complain(why, "there is no setting `%s` in [policy]", name);
    if (strlen(value) > POLICY_ZONE_NAME_MAX)
        return complain(why, "`%s` is no time zone", value);
    if (zone_open(&zone, value, zone_why) != 0)
        return complain(why, "%.200s", zone_why);
    zone_close(&zone);
    snprintf(p->timezone, sizeof p->timezone, "%s", value);
    return 0;
}

static int
take_line(void *arg, const char *section, const char *name, const char *value,
          char why[CONF_WHY_BYTES])
{
    struct policy *p = arg;

    if (strcmp(section, "policy") == 0)
        return take_setting(p, name, value, why);
    for (size_t i = 0; i < SECTIONS; i++)
        if (strcmp(section, sections[i].section) == 0)
            return take_rule(p, i, name, value, why);
    return complain(why, "there is no section [%s] in a policy: policy exempt consent complaint "
                         "cool-off caps quiet hours", section);
}

int
policy_read(struct policy **out, const char *path, char error[CONF_ERROR_BYTES])
{
    struct policy *p = calloc(1, sizeof *p);
    int err = 0;

    must(p != NULL);
    error[0] = '\0';
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++)
        if (path == NULL || strcmp(built_in[i].section, "policy") == 0)
            must(take_line(p, built_in[i].section, built_in[i].name, built_in[i].value,
                           error) == 0);
    if (path != NULL && (err = conf_walk(path, take_line, p, error)) != 0)
        policy_free(&p);
    *out = p;
    return err;
}

static void
close_zones(struct policy *p)
{
    for (size_t i = 0; i < p->zones_count; i++)
        zone_close(&p->zones[i].zone);
    p->zones_count = 0;
}

void
policy_free(struct policy **p)
{
    if (*p == NULL)
        return;
    close_zones(*p);
    free(*p);
    *p = NULL;
}

void
policy_write(const struct policy *p, struct buf *out)
{
    buf_printf(out, "[policy]\nlease = %lld ms\ntimezone = %s\n", (long long)p->lease_ms,
               p->timezone);
    for (size_t i = 0; i < p->rules_count; i++) {
        const char *text = p->rules[i].text, *line = strstr(text, ": ");

        buf_printf(out, "[%.*s]\n%s\n", (int)(line - text), text, line + 2);
    }
}

/* ---------------------------------------------------------------- asking */

bool
policy_knows(const struct policy *p, struct tl_str purpose)
{
    for (size_t i = 0; i < p->rules_count; i++)
        if (str_equal(purpose, p->rules[i].purpose))
            return true;
    return false;
}

bool
policy_counts_household(const struct policy *p, struct tl_str purpose)
{
    for (size_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].household && str_equal(purpose, p->rules[i].purpose))
            return true;
    return false;
}

void
policy_find(const struct policy *p, struct tl_str purpose, struct tl_str channel,
            struct policy_lines *out)
{
    memset(out->one, 0, sizeof out->one);
    out->caps_count = 0;
    for (size_t i = 0; i < p->rules_count; i++) {
        const struct policy_rule *r = &p->rules[i];

        if ((r->channel.len > 0 && !str_equal(r->channel, channel)) ||
            !str_equal(r->purpose, purpose))
            continue;
        if (r->kind == POLICY_CAP)
            out->caps[out->caps_count++] = r;
        else if (out->one[r->kind] == NULL || r->channel.len > 0)
            out->one[r->kind] = r;
    }
}

static const struct policy_zone *
open_zone(struct policy *p, const char *name)
{
    struct policy_zone *z;
    char why[ZONE_WHY_BYTES];

    for (size_t i = 0; i < p->zones_count; i++)
        if (strcmp(p->zones[i].name, name) == 0)
            return &p->zones[i];
    if (p->zones_count == POLICY_ZONES_MAX)
        close_zones(p);
    z = &p->zones[p->zones_count];
    if (zone_open(&z->zone, name, why) != 0)
        return NULL;
    snprintf(z->name, sizeof z->name, "%s", name);
    p->zones_count++;
    return z;
}

const struct policy_zone *
policy_zone(struct policy *p, struct tl_str name)
{
    char text[POLICY_ZONE_NAME_MAX + 1];
    const struct policy_zone *zone = NULL;

    if (name.len > 0 && name.len <= POLICY_ZONE_NAME_MAX) {
        snprintf(text, sizeof text, "%.*s", (int)name.len, name.ptr);
        zone = open_zone(p, text);
    }
    return zone != NULL ? zone : open_zone(p, p->timezone);
}
