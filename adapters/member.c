#include "adapters/member.h"

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

#define PATH_BYTES 512

struct tl_str
member_value(struct draft *d, const json_t *value)
{
    if (json_is_string(value))
        return text_trim(draft_copy(
            d, (struct tl_str){json_string_value(value), json_string_length(value)}));
    if (json_is_integer(value))
        return draft_printf(d, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (json_is_real(value))
        return draft_printf(d, "%.15g", json_real_value(value));
    if (json_is_boolean(value))
        return text_of(json_is_true(value) ? "true" : "false");
    return (struct tl_str){0};
}

struct tl_str
member_text(struct draft *d, const json_t *object, const char *name)
{
    return member_value(d, json_object_get(object, name));
}

struct tl_str
member_take(struct draft *d, json_t *object, const char *name)
{
    return member_take_id(d, object, name, SIZE_MAX);
}

struct tl_str
member_take_id(struct draft *d, json_t *object, const char *name, size_t bytes_max)
{
    struct tl_str value = member_text(d, object, name);

    if (value.len > bytes_max)
        return (struct tl_str){0};
    if (value.len > 0)
        json_object_del(object, name);
    return value;
}

struct tl_str
member_take_first(struct draft *d, json_t *object, const char *const *names, size_t bytes_max)
{
    struct tl_str value = {0};

    while (value.len == 0 && *names != NULL)
        value = member_take_id(d, object, *names++, bytes_max);
    return value;
}

bool
member_take_minor(struct draft *d, json_t *object, const char *name, struct tl_str currency,
                  int64_t *out)
{
    struct tl_str text = member_text(d, object, name);

    if (text.len == 0
        || decimal_to_minor(out, text.ptr, text.len, currency_digits(currency)) != 0)
        return false;
    json_object_del(object, name);
    return true;
}

struct tl_str
member_json(struct draft *d, const json_t *value, size_t flags)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | flags);
    struct tl_str copy = {0};

    if (text == NULL)
        d->failed = true;
    else
        copy = draft_copy(d, text_of(text));
    free(text);
    return copy;
}

/* The names of the objects around, each with a dot behind it. */
struct path {
    char text[PATH_BYTES];
    size_t len;
};

static bool
path_add(struct path *p, const char *name, bool dot)
{
    size_t len = strlen(name);

    if (p->len + len + dot > sizeof p->text)
        return false;
    memcpy(p->text + p->len, name, len);
    p->len += len;
    if (dot)
        p->text[p->len++] = '.';
    return true;
}

static void
put_members(struct draft *d, json_t *object, struct path *path, int depth)
{
    size_t len = path->len;
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value) {
        bool deeper = json_is_object(value) && depth < MEMBER_DEPTH_MAX;
        bool compact = json_is_object(value) || json_array_size(value) > 0;

        if (!path_add(path, name, deeper))
            d->attributes_more++;
        else if (deeper)
            put_members(d, value, path, depth + 1);
        else
            draft_attribute(d, draft_copy(d, (struct tl_str){path->text, path->len}),
                            compact ? member_json(d, value, 0) : member_value(d, value));
        path->len = len;
    }
}

void
member_attributes(struct draft *d, json_t *object, const char *prefix)
{
    struct path path = {.len = 0};

    if (path_add(&path, prefix, false))
        put_members(d, object, &path, 1);
}

struct tl_str
member_hash(struct draft *d, const char *what, const json_t *record)
{
    return draft_hash(d, what, member_json(d, record, JSON_SORT_KEYS));
}
