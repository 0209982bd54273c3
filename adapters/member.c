#include "adapters/member.h"

#include <string.h>

#include "adapters/text.h"
#include "base/decimal.h"

#define PATH_BYTES 512

struct tl_str
member_value(struct draft *d, const struct value *value)
{
    if (value == NULL)
        return (struct tl_str){0};
    switch (value->kind) {
    case VALUE_STRING: return text_trim(draft_lent(d, value->text));
    case VALUE_INTEGER: return draft_integer(d, value->integer);
    case VALUE_REAL: return draft_printf(d, "%.15g", value->real);
    case VALUE_FALSE: return TL_STR("false");
    case VALUE_TRUE: return TL_STR("true");
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT: break;
    }
    return (struct tl_str){0};
}

struct tl_str
member_text(struct draft *d, const struct value *object, const char *name)
{
    return member_value(d, value_get(object, name));
}

struct tl_str
member_take(struct draft *d, struct value *object, const char *name)
{
    return member_take_id(d, object, name, SIZE_MAX);
}

struct tl_str
member_take_id(struct draft *d, struct value *object, const char *name, size_t bytes_max)
{
    struct tl_str value = member_text(d, object, name);

    if (value.len > bytes_max)
        return (struct tl_str){0};
    if (value.len > 0)
        value_drop(object, name);
    return value;
}

struct tl_str
member_take_first(struct draft *d, struct value *object, const char *const *names, size_t bytes_max)
{
    struct tl_str value = {0};

    while (value.len == 0 && *names != NULL)
        value = member_take_id(d, object, *names++, bytes_max);
    return value;
}

bool
member_take_minor(struct draft *d, struct value *object, const char *name, struct tl_str currency,
                  int64_t *out)
{
    struct tl_str text = member_text(d, object, name);

    if (text.len == 0
        || decimal_to_minor(out, text.ptr, text.len, tl_currency_decimals(currency)) != 0)
        return false;
    value_drop(object, name);
    return true;
}

/* Until the next. */
static struct tl_str
written(struct draft *d, const struct value *value, enum value_order order)
{
    buf_clear(&d->written);
    value_write(&d->written, value, order);
    if (d->written.failed) {
        d->failed = true;
        return (struct tl_str){0};
    }
    return (struct tl_str){(const char *)d->written.ptr, d->written.len};
}

struct tl_str
member_json(struct draft *d, const struct value *value)
{
    return draft_copy(d, written(d, value, VALUE_AS_IT_IS));
}

/* The names of the objects around, each with a dot behind it. */
struct path {
    char text[PATH_BYTES];
    size_t len;
};

static bool
path_add(struct path *p, struct tl_str name, bool dot)
{
    if (p->len + name.len + dot > sizeof p->text)
        return false;
    memcpy(p->text + p->len, name.ptr, name.len);
    p->len += name.len;
    if (dot)
        p->text[p->len++] = '.';
    return true;
}

/* Objects, and arrays with something in them, are compact JSON. */
static struct tl_str
leaf(struct draft *d, const struct value *value)
{
    bool compact = value_is_object(value) || value_count(value) > 0;

    return compact ? member_json(d, value) : member_value(d, value);
}

static struct tl_str
path_copy(struct draft *d, const struct path *p)
{
    return draft_copy(d, (struct tl_str){p->text, p->len});
}

static void
put_members(struct draft *d, struct value *object, struct path *path, int depth)
{
    size_t len = path->len;
    struct value *value;

    value_each_member(object, value) {
        bool deeper = value_is_object(value) && depth < MEMBER_DEPTH_MAX;

        if (!path_add(path, value->name, deeper))
            d->attributes_more++;
        else if (deeper)
            put_members(d, value, path, depth + 1);
        else
            draft_attribute(d, len == 0 ? draft_lent(d, value->name) : path_copy(d, path),
                            leaf(d, value));
        path->len = len;
    }
}

void
member_attributes(struct draft *d, struct value *object, const char *prefix)
{
    struct path path = {.len = 0};

    if (path_add(&path, text_of(prefix), false))
        put_members(d, object, &path, 1);
}

struct tl_str
member_hash(struct draft *d, const char *what, const struct value *record)
{
    return draft_hash(d, what, written(d, record, VALUE_SORTED));
}
