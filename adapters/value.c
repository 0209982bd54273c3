#include "adapters/value.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/text.h"
#include "base/utf8.h"

#define SPARES 64
#define SORTED_ON_STACK 64
#define REAL_BYTES 32

void
values_init(struct values *in)
{
    *in = (struct values){.spare = NULL};
    arena_init(&in->arena, VALUES_BYTES_MAX);
}

void
values_clear(struct values *in)
{
    arena_reset(&in->arena);
    in->spare = NULL;
    in->spares = 0;
}

void
values_fini(struct values *in)
{
    arena_fini(&in->arena);
    in->spare = NULL;
    in->spares = 0;
}

void *
values_room(struct values *in, size_t bytes)
{
    return arena_take(&in->arena, bytes);
}

/* ------------------------------------------------------------------ asking */

double
value_number(const struct value *v)
{
    return value_is(v, VALUE_REAL) ? v->real : (double)value_integer(v);
}

struct value *
value_at(const struct value *array, size_t i)
{
    struct value *v;

    value_each(array, v)
        if (i-- == 0)
            return v;
    return NULL;
}

struct value *
value_find(const struct value *object, struct tl_str name)
{
    struct value *v;

    value_each_member(object, v)
        if (text_equal(v->name, name))
            return v;
    return NULL;
}

void
value_drop(struct value *object, const char *name)
{
    struct tl_str want = {name, strlen(name)};
    struct value *before = NULL, *v;

    value_each_member(object, v) {
        if (text_equal(v->name, want))
            break;
        before = v;
    }
    if (v == NULL)
        return;
    if (before != NULL)
        before->next = v->next;
    else
        object->in.first = v->next;
    if (object->in.last == v)
        object->in.last = before;
    object->count--;
}

/* ------------------------------------------------------------------ making */

struct value *
values_make(struct values *in, enum value_kind kind)
{
    struct value *v;

    if (in->spares == 0) {
        if ((in->spare = arena_take(&in->arena, SPARES * sizeof *in->spare)) == NULL)
            return NULL;
        in->spares = SPARES;
    }
    v = in->spare++;
    in->spares--;
    *v = (struct value){.kind = kind};
    return v;
}

struct value *
values_null(struct values *in)
{
    return values_make(in, VALUE_NULL);
}

struct value *
values_boolean(struct values *in, bool is)
{
    return values_make(in, is ? VALUE_TRUE : VALUE_FALSE);
}

struct value *
values_integer(struct values *in, int64_t number)
{
    struct value *v = values_make(in, VALUE_INTEGER);

    if (v != NULL)
        v->integer = number;
    return v;
}

struct value *
values_real(struct values *in, double number)
{
    struct value *v = values_make(in, VALUE_REAL);

    if (v != NULL)
        v->real = number;
    return v;
}

/* Control characters are text in JSON: only the coding is looked at. */
static bool
is_utf8(struct tl_str text)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        unsigned char c = (unsigned char)text.ptr[i];

        n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (n > text.len - i || (n > 1 && !utf8_text(text.ptr + i, n)))
            return false;
    }
    return true;
}

static bool
copy(struct values *in, struct tl_str *text)
{
    const char *bytes = is_utf8(*text) ? arena_copy(&in->arena, text->ptr, text->len) : NULL;

    if (bytes != NULL)
        text->ptr = bytes;
    return bytes != NULL;
}

struct value *
values_string(struct values *in, struct tl_str text)
{
    struct value *v = copy(in, &text) ? values_make(in, VALUE_STRING) : NULL;

    if (v != NULL)
        v->text = text;
    return v;
}

struct value *
values_array(struct values *in)
{
    return values_make(in, VALUE_ARRAY);
}

struct value *
values_object(struct values *in)
{
    return values_make(in, VALUE_OBJECT);
}

static void
add(struct value *to, struct value *v)
{
    v->next = NULL;
    if (to->in.last != NULL)
        to->in.last->next = v;
    else
        to->in.first = v;
    to->in.last = v;
    to->count++;
}

bool
value_append(struct value *array, struct value *value)
{
    if (array == NULL || value == NULL)
        return false;
    add(array, value);
    return true;
}

bool
value_put(struct values *in, struct value *object, struct tl_str name, struct value *value)
{
    struct value *there = value_find(object, name), *next;

    if (object == NULL || value == NULL || (there == NULL && !copy(in, &name)))
        return false;
    if (there != NULL) {
        name = there->name;
        next = there->next;
        *there = *value;
        there->name = name;
        there->next = next;
    } else {
        value->name = name;
        add(object, value);
    }
    return true;
}

static struct value *
copy_of_one(struct values *in, const struct value *of)
{
    struct value *v = values_make(in, of->kind);

    if (v != NULL)
        *v = *of;
    return v;
}

struct value *
values_copy(struct values *in, const struct value *of)
{
    struct value *v = of != NULL ? copy_of_one(in, of) : NULL;

    if (v == NULL || (v->kind != VALUE_ARRAY && v->kind != VALUE_OBJECT))
        return v;
    v->in.first = v->in.last = NULL;
    v->count = 0;
    for (const struct value *inner = of->in.first; inner != NULL; inner = inner->next) {
        struct value *one = copy_of_one(in, inner);

        if (one == NULL)
            return NULL;
        add(v, one);
    }
    return v;
}

/* ----------------------------------------------------------------- writing */

/* Eight bytes that are written as they are. */
static bool
plain_word(const char *at)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t w, quote, slash;

    memcpy(&w, at, sizeof w);
    quote = w ^ ones * '"';
    slash = w ^ ones * '\\';
    return (((w - ones * ' ') & ~w) & tops) == 0 && (((quote - ones) & ~quote) & tops) == 0
           && (((slash - ones) & ~slash) & tops) == 0;
}

static void
write_text(struct buf *out, struct tl_str text)
{
    static const char short_forms[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    size_t plain = 0;

    buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (text.len - i >= 8 && plain_word(text.ptr + i)) {
            i += 7;
            continue;
        }
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        buf_append(out, text.ptr + plain, i - plain);
        plain = i + 1;
        if (c >= ' ' || short_forms[c] != '\0') {
            buf_byte(out, '\\');
            buf_byte(out, c >= ' ' ? c : (unsigned char)short_forms[c]);
        } else {
            buf_printf(out, "\\u%04X", c);
        }
    }
    buf_append(out, text.ptr + plain, text.len - plain);
    buf_byte(out, '"');
}

/* Seventeen digits, as ids that are hashes of records have been made of for ever: 1e+07
 * is 1e7, and what looks like an integer gets `.0`. */
static void
write_real(struct buf *out, double number)
{
    char text[REAL_BYTES], *e, *digits;

    snprintf(text, sizeof text, "%.17g", number);
    if ((e = strchr(text, 'e')) == NULL) {
        buf_text(out, text);
        if (strchr(text, '.') == NULL)
            buf_text(out, ".0");
        return;
    }
    for (digits = e + 1 + (e[1] == '-' || e[1] == '+'); *digits == '0'; digits++)
        continue;
    buf_append(out, text, (size_t)(e - text) + 1);
    if (e[1] == '-')
        buf_byte(out, '-');
    buf_text(out, digits);
}

static int
by_name(const void *a, const void *b)
{
    const struct tl_str x = (*(const struct value *const *)a)->name;
    const struct tl_str y = (*(const struct value *const *)b)->name;
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static void
write_member(struct buf *out, const struct value *v, bool first, enum value_order order)
{
    if (!first)
        buf_byte(out, ',');
    write_text(out, v->name);
    buf_byte(out, ':');
    value_write(out, v, order);
}

static void
write_sorted(struct buf *out, const struct value *object)
{
    const struct value *few[SORTED_ON_STACK], **all = few, *v;
    size_t count = 0;

    if (object->count > SORTED_ON_STACK
        && (all = malloc(object->count * sizeof(*all))) == NULL) {
        out->failed = true;
        return;
    }
    value_each_member(object, v)
        all[count++] = v;
    qsort(all, count, sizeof *all, by_name);
    for (size_t i = 0; i < count; i++)
        write_member(out, all[i], i == 0, VALUE_SORTED);
    if (all != few)
        free(all);
}

static void
write_object(struct buf *out, const struct value *object, enum value_order order)
{
    const struct value *v;

    buf_byte(out, '{');
    if (order == VALUE_SORTED)
        write_sorted(out, object);
    else
        value_each_member(object, v)
            write_member(out, v, v == object->in.first, order);
    buf_byte(out, '}');
}

static void
write_array(struct buf *out, const struct value *array, enum value_order order)
{
    const struct value *v;

    buf_byte(out, '[');
    value_each(array, v) {
        if (v != array->in.first)
            buf_byte(out, ',');
        value_write(out, v, order);
    }
    buf_byte(out, ']');
}

void
value_write(struct buf *out, const struct value *v, enum value_order order)
{
    switch (v->kind) {
    case VALUE_NULL: buf_text(out, "null"); break;
    case VALUE_FALSE: buf_text(out, "false"); break;
    case VALUE_TRUE: buf_text(out, "true"); break;
    case VALUE_INTEGER: buf_printf(out, "%lld", (long long)v->integer); break;
    case VALUE_REAL: write_real(out, v->real); break;
    case VALUE_STRING: write_text(out, v->text); break;
    case VALUE_ARRAY: write_array(out, v, order); break;
    case VALUE_OBJECT: write_object(out, v, order); break;
    }
}
