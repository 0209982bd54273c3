#include "adapters/email/report.h"

#include <string.h>
#include <strings.h>

#include "adapters/text.h"

static void
add_field(struct report_group *g, struct tl_str line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    struct report_field *f;

    if (colon == NULL)
        return;
    if (g->count == REPORT_FIELDS_MAX) {
        g->more++;
        return;
    }
    f = &g->fields[g->count++];
    f->name = text_trim((struct tl_str){line.ptr, (size_t)(colon - line.ptr)});
    f->value = (struct tl_str){colon + 1, (size_t)(line.ptr + line.len - colon - 1)};
}

bool
report_next(struct report_group *out, struct tl_str *rest)
{
    out->count = out->more = 0;
    while (rest->len > 0) {
        struct tl_str line = text_line(rest);

        if (text_trim(line).len == 0) {
            if (out->count > 0)
                break;
        } else if ((line.ptr[0] == ' ' || line.ptr[0] == '\t') && out->count > 0) {
            struct report_field *f = &out->fields[out->count - 1];

            if (out->more == 0)
                f->value.len = (size_t)(line.ptr + line.len - f->value.ptr);
        } else {
            add_field(out, line);
        }
    }
    for (size_t i = 0; i < out->count; i++)
        out->fields[i].value = text_trim(out->fields[i].value);
    return out->count > 0;
}

static bool
named(struct tl_str name, const char *want)
{
    return name.len == strlen(want) && strncasecmp(name.ptr, want, name.len) == 0;
}

struct tl_str
report_value(const struct report_group *g, const char *name)
{
    for (size_t i = 0; i < g->count; i++)
        if (named(g->fields[i].name, name))
            return g->fields[i].value;
    return (struct tl_str){0};
}

static bool
hidden(struct tl_str address)
{
    return text_find(address, "redacted") != NULL || text_find(address, "undisclosed") != NULL;
}

struct tl_str
report_address(struct tl_str value)
{
    const char *semicolon = value.len > 0 ? memchr(value.ptr, ';', value.len) : NULL, *at;
    size_t len = 0;

    if (semicolon != NULL) {
        value.len = (size_t)(value.ptr + value.len - semicolon - 1);
        value.ptr = semicolon + 1;
    }
    value = text_unbracket(text_trim(value));
    while (len < value.len && strchr(" \t\r\n(,", value.ptr[len]) == NULL)
        len++;
    value.len = len;
    at = len > 0 ? memrchr(value.ptr, '@', len) : NULL;
    if (at == NULL || at == value.ptr || at + 1 == value.ptr + len || hidden(value))
        return (struct tl_str){0};
    return value;
}

struct tl_str
report_line(struct draft *d, struct tl_str value)
{
    char line[2048];
    size_t len = 0;

    for (size_t i = 0; i < value.len && len < sizeof line; i++) {
        bool blank = strchr(" \t\r\n", value.ptr[i]) != NULL && value.ptr[i] != '\0';

        if (!blank)
            line[len++] = value.ptr[i];
        else if (len > 0 && line[len - 1] != ' ')
            line[len++] = ' ';
    }
    return text_trim(draft_copy(d, (struct tl_str){line, len}));
}

void
report_attributes(const struct report_group *g, const char *const *but, struct draft *d)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct report_field *f = &g->fields[i];
        const char *const *name = but;

        while (*name != NULL && !named(f->name, *name))
            name++;
        if (*name == NULL)
            draft_attribute(d, draft_copy(d, f->name), report_line(d, f->value));
    }
    if (g->more > 0)
        draft_attribute(d, TL_STR("fields_more"), draft_printf(d, "%zu", g->more));
}

static bool
is_digit(struct tl_str s, size_t i)
{
    return i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
}

/* Digits from `at`, at most three. */
static size_t
digits(struct tl_str s, size_t at)
{
    size_t n = 0;

    while (n < 4 && is_digit(s, at + n))
        n++;
    return n <= 3 ? n : 0;
}

struct tl_str
report_code(struct tl_str text)
{
    for (size_t i = 0; i + 4 < text.len; i++) {
        size_t subject, detail;
        bool starts = i == 0 || (!is_digit(text, i - 1) && text.ptr[i - 1] != '.');

        if (!starts || strchr("245", text.ptr[i]) == NULL || text.ptr[i] == '\0'
            || text.ptr[i + 1] != '.')
            continue;
        subject = digits(text, i + 2);
        if (subject == 0 || i + 2 + subject >= text.len || text.ptr[i + 2 + subject] != '.')
            continue;
        detail = digits(text, i + 3 + subject);
        if (detail > 0 && !is_digit(text, i + 3 + subject + detail)
            && !(i + 3 + subject + detail + 1 < text.len
                 && text.ptr[i + 3 + subject + detail] == '.'
                 && is_digit(text, i + 4 + subject + detail)))
            return (struct tl_str){text.ptr + i, 3 + subject + detail};
    }
    return (struct tl_str){0};
}
