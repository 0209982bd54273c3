/* json.c -- the tables walked in JSON. */

#include "proto/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "proto/base64.h"
#include "proto/code.h"
#include "proto/table.h"

/* Where a field lies in its struct.  Both forms of the pointer are one: the
 * tables know the type. */
static const void *
at(const struct table_field *f, const void *in)
{
    return (const char *)in + f->offset;
}

static size_t
count_of(const struct table_field *f, const void *in)
{
    return *(const size_t *)(const void *)((const char *)in + f->count_offset);
}

/* ------------------------------------------------------------------ writing */

static void
write_text(struct buf *b, struct tl_str s)
{
    size_t from = 0;

    buf_byte(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (c != '"' && c != '\\' && c != '\n' && c != '\t')
            continue;
        buf_append(b, s.ptr + from, i - from);
        from = i + 1;
        buf_byte(b, '\\');
        buf_byte(b, (unsigned char)(c == '\n' ? 'n' : c == '\t' ? 't' : c));
    }
    buf_append(b, s.len > 0 ? s.ptr + from : "", s.len - from);
    buf_byte(b, '"');
}

static void
write_unsigned(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t i = sizeof digits;

    do
        digits[--i] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    buf_append(b, digits + i, sizeof digits - i);
}

static void
write_signed(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_byte(b, '-');
    write_unsigned(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void
write_word(struct buf *b, const struct table_field *f, uint32_t value)
{
    const char *word = table_word(f, value);

    if (word != NULL)
        write_text(b, (struct tl_str){word, strlen(word)});
    else
        write_signed(b, (int32_t)value);
}

static void
write_time(struct buf *b, int64_t ns)
{
    char text[CLOCK_TEXT_BYTES];

    buf_byte(b, '"');
    buf_text(b, clock_format(text, ns));
    buf_byte(b, '"');
}

static void
write_bytes(struct buf *b, struct tl_str bytes)
{
    buf_byte(b, '"');
    base64_write(b, bytes);
    buf_byte(b, '"');
}

static bool
is_given(const struct table_field *f, const void *in)
{
    if (f->repeated)
        return count_of(f, in) > 0;
    switch ((enum table_kind)f->kind) {
    case TABLE_TEXT:
    case TABLE_BYTES:
        return ((const struct tl_str *)at(f, in))->len > 0;
    case TABLE_BOOL:
        return *(const bool *)at(f, in);
    case TABLE_U32:
    case TABLE_ENUM:
        return *(const uint32_t *)at(f, in) != 0;
    case TABLE_U64:
    case TABLE_I64:
    case TABLE_TIME:
        return *(const uint64_t *)at(f, in) != 0;
    case TABLE_MESSAGE:
        return *(void *const *)at(f, in) != NULL;
    }
    return false;
}

static void write_object(struct buf *b, const struct table *t, const void *in, bool whole);

static void
write_value(struct buf *b, const struct table_field *f, const void *value, bool whole)
{
    switch ((enum table_kind)f->kind) {
    case TABLE_TEXT:
        write_text(b, *(const struct tl_str *)value);
        return;
    case TABLE_BYTES:
        write_bytes(b, *(const struct tl_str *)value);
        return;
    case TABLE_BOOL:
        buf_text(b, *(const bool *)value ? "true" : "false");
        return;
    case TABLE_U32:
        write_unsigned(b, *(const uint32_t *)value);
        return;
    case TABLE_ENUM:
        write_word(b, f, *(const uint32_t *)value);
        return;
    case TABLE_U64:
        buf_byte(b, '"');
        write_unsigned(b, *(const uint64_t *)value);
        buf_byte(b, '"');
        return;
    case TABLE_I64:
        buf_byte(b, '"');
        write_signed(b, *(const int64_t *)value);
        buf_byte(b, '"');
        return;
    case TABLE_TIME:
        write_time(b, *(const int64_t *)value);
        return;
    case TABLE_MESSAGE:
        write_object(b, f->sub, value, whole);
        return;
    }
}

static bool
comes_again(const struct tl_attribute *a, size_t left)
{
    for (size_t i = 1; i < left; i++) {
        if (a[i].key.len == a->key.len &&
            (a->key.len == 0 || memcmp(a[i].key.ptr, a->key.ptr, a->key.len) == 0))
            return true;
    }
    return false;
}

/* On the wire a map's key may come twice, and the last counts. */
static void
write_map(struct buf *b, const struct tl_attribute *a, size_t count)
{
    bool first = true;

    buf_byte(b, '{');
    for (; count > 0; a++, count--) {
        if (comes_again(a, count))
            continue;
        if (!first)
            buf_byte(b, ',');
        first = false;
        write_text(b, a->key);
        buf_byte(b, ':');
        write_text(b, a->value);
    }
    buf_byte(b, '}');
}

static void
write_array(struct buf *b, const struct table_field *f, const void *in, bool whole)
{
    const char *element = *(char *const *)at(f, in);
    size_t count = count_of(f, in);

    buf_byte(b, '[');
    for (size_t i = 0; i < count; i++, element += f->size) {
        if (i > 0)
            buf_byte(b, ',');
        write_value(b, f, element, whole);
    }
    buf_byte(b, ']');
}

static void
write_field(struct buf *b, const struct table_field *f, const void *in, bool whole)
{
    if (f->map)
        write_map(b, *(struct tl_attribute *const *)at(f, in), count_of(f, in));
    else if (f->repeated)
        write_array(b, f, in, whole);
    else if (f->kind == TABLE_MESSAGE)
        write_object(b, f->sub, *(void *const *)at(f, in), whole);
    else
        write_value(b, f, at(f, in), whole);
}

static void
write_object(struct buf *b, const struct table *t, const void *in, bool whole)
{
    bool first = true;

    buf_byte(b, '{');
    for (size_t i = 0; i < t->fields_count; i++) {
        const struct table_field *f = &t->fields[i];
        bool optional = f->kind == TABLE_TIME || (f->kind == TABLE_MESSAGE && !f->repeated);

        if ((!whole || optional) && !is_given(f, in))
            continue;
        if (!first)
            buf_byte(b, ',');
        first = false;
        buf_byte(b, '"');
        buf_text(b, f->name);
        buf_append(b, "\":", 2);
        write_field(b, f, in, whole);
    }
    buf_byte(b, '}');
}

int
json_from_bytes(enum codec_message what, struct tl_str bytes, bool whole, struct buf *out)
{
    const struct table *t = table_of(what);
    struct arena arena;
    void *message;
    int err;

    arena_init(&arena, CODEC_BUDGET_BYTES);
    if ((message = arena_alloc(&arena, t->size)) == NULL)
        err = TL_ENOMEM;
    else if ((err = codec_decode(what, message, bytes, &arena)) == 0)
        write_object(out, t, message, whole);
    if (arena.failed)
        err = TL_ENOMEM;
    arena_fini(&arena);
    return err != 0 ? err : out->failed ? TL_ENOMEM : 0;
}

/* ------------------------------------------------------------------ reading */

/* The way to a value, for people: offers[2].price_minor. */
struct place {
    const struct place *up;     /* NULL: the message itself */
    const char *name;
    size_t index;               /* in an array, from 1; 0: not in one */
};

struct reader {
    struct arena arena;
    char *why;
    size_t why_bytes;
    size_t why_len;
};

__attribute__((format(printf, 2, 3))) static void
say(struct reader *r, const char *fmt, ...)
{
    va_list args;
    int len;

    if (r->why_len >= r->why_bytes)
        return;
    va_start(args, fmt);
    len = vsnprintf(r->why + r->why_len, r->why_bytes - r->why_len, fmt, args);
    va_end(args);
    r->why_len += len > 0 ? (size_t)len : 0;
}

static void
say_place(struct reader *r, const struct place *p)
{
    if (p->up != NULL)
        say_place(r, p->up);
    if (p->name != NULL)
        say(r, "%s%.64s", r->why_len > 0 ? "." : "", p->name);
    if (p->index > 0)
        say(r, "[%zu]", p->index - 1);
}

/* Names may be a stranger's, cut anywhere: plain ASCII fits every log and answer. */
static void
make_ascii(struct reader *r)
{
    for (size_t i = 0; i + 1 < r->why_bytes && r->why[i] != '\0'; i++) {
        if (r->why[i] < ' ' || r->why[i] > '~')
            r->why[i] = '?';
    }
}

static int
fail(struct reader *r, const struct place *p, int code, const char *what)
{
    say_place(r, p);
    say(r, "%s%s", r->why_len > 0 ? ": " : "", what);
    make_ascii(r);
    return code;
}

static int
read_text(struct reader *r, const json_t *value, struct tl_str *out, const struct place *p)
{
    if (!json_is_string(value))
        return fail(r, p, TL_MALFORMED, "must be a string");
    *out = (struct tl_str){json_string_value(value), json_string_length(value)};
    if (!utf8_text(out->ptr, out->len))
        return fail(r, p, TL_BAD_UTF8, "control characters");
    return 0;
}

static int
read_bytes(struct reader *r, const json_t *value, struct tl_str *out, const struct place *p)
{
    struct tl_str text;
    int err;

    if ((err = read_text(r, value, &text, p)) != 0)
        return err;
    if ((err = base64_read(out, text, &r->arena)) != 0)
        return fail(r, p, err, err == TL_MALFORMED ? "must be base64" : "too much");
    return 0;
}

static int
read_time(struct reader *r, const json_t *value, int64_t *out, const struct place *p)
{
    struct tl_str text;
    int err;

    if ((err = read_text(r, value, &text, p)) != 0)
        return err;
    if (clock_parse(out, text.ptr, text.len) != 0)
        return fail(r, p, TL_BAD_TIME, "must be a time as in 2017-06-02T10:00:00Z");
    if (*out == 0)
        *out = 1;       /* 0 means "not given" */
    return 0;
}

/* A sign and digits; `negative` and the magnitude. */
static bool
parse_integer(struct tl_str s, bool *negative, uint64_t *magnitude)
{
    size_t i = *negative = s.len > 0 && s.ptr[0] == '-';

    *magnitude = 0;
    if (i == s.len)
        return false;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' ||
            __builtin_mul_overflow(*magnitude, 10u, magnitude) ||
            __builtin_add_overflow(*magnitude, (uint64_t)(s.ptr[i] - '0'), magnitude))
            return false;
    }
    return true;
}

/* As a number, also 3.0 and 3e2, or in a string. */
static bool
get_integer(const json_t *value, bool *negative, uint64_t *magnitude)
{
    const double exact = 9007199254740992.0;    /* 2^53: beyond it doubles have gaps */
    int64_t v;

    if (json_is_string(value))
        return parse_integer(
            (struct tl_str){json_string_value(value), json_string_length(value)}, negative,
            magnitude);
    if (json_is_integer(value)) {
        v = json_integer_value(value);
    } else if (json_is_real(value)) {
        double d = json_real_value(value);

        if (!(d >= -exact && d <= exact) || d != (double)(int64_t)d)
            return false;
        v = (int64_t)d;
    } else {
        return false;
    }
    *negative = v < 0;
    *magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    return true;
}

static int
read_integer(struct reader *r, const struct table_field *f, const json_t *value, void *out,
             const struct place *p)
{
    uint64_t magnitude, most = f->kind == TABLE_U64   ? UINT64_MAX
                               : f->kind == TABLE_I64 ? INT64_MAX
                                                      : UINT32_MAX;
    bool negative, below = f->kind == TABLE_I64;

    if (!get_integer(value, &negative, &magnitude))
        return fail(r, p, TL_MALFORMED, "must be an integer");
    if (magnitude > most + (negative && below) || (negative && !below && magnitude > 0))
        return fail(r, p, TL_MALFORMED, "does not fit its integer");
    if (f->kind == TABLE_U32)
        *(uint32_t *)out = (uint32_t)magnitude;
    else
        *(uint64_t *)out = negative ? 0 - magnitude : magnitude;
    return 0;
}

static int
read_word(struct reader *r, const struct table_field *f, const json_t *value, uint32_t *out,
          const struct place *p)
{
    int64_t v = INT64_MIN;

    if (json_is_string(value))
        v = table_word_value(f, json_string_value(value));
    else if (json_is_integer(value))
        v = json_integer_value(value);
    /* A number without a name comes from a newer program, and is what we write of it. */
    if (v < INT32_MIN || v > INT32_MAX)
        return fail(r, p, TL_MALFORMED, "must be one of its names");
    *out = (uint32_t)v;
    return 0;
}

static int
read_bool(struct reader *r, const json_t *value, bool *out, const struct place *p)
{
    if (!json_is_boolean(value))
        return fail(r, p, TL_MALFORMED, "must be true or false");
    *out = json_is_true(value);
    return 0;
}

static int read_object(struct reader *r, const struct table *t, json_t *value, void *out,
                       const struct place *p);

static int
read_value(struct reader *r, const struct table_field *f, json_t *value, void *out,
           const struct place *p)
{
    switch ((enum table_kind)f->kind) {
    case TABLE_TEXT:
        return read_text(r, value, out, p);
    case TABLE_BYTES:
        return read_bytes(r, value, out, p);
    case TABLE_BOOL:
        return read_bool(r, value, out, p);
    case TABLE_U32:
    case TABLE_U64:
    case TABLE_I64:
        return read_integer(r, f, value, out, p);
    case TABLE_ENUM:
        return read_word(r, f, value, out, p);
    case TABLE_TIME:
        return read_time(r, value, out, p);
    case TABLE_MESSAGE:
        return read_object(r, f->sub, value, out, p);
    }
    return fail(r, p, TL_UNSUPPORTED, "a kind of field this program does not know");
}

/* Room for `count` elements, counted in the struct at `out`. */
static void *
make_array(struct reader *r, const struct table_field *f, void *out, size_t count)
{
    void *array = arena_alloc(&r->arena, count * f->size);

    *(void **)(void *)((char *)out + f->offset) = array;
    *(size_t *)(void *)((char *)out + f->count_offset) = array != NULL ? count : 0;
    return array;
}

static int
read_map(struct reader *r, const struct table_field *f, json_t *value, void *out,
         const struct place *p)
{
    struct tl_attribute *a;
    const char *key;
    json_t *v;
    int err;

    if (!json_is_object(value))
        return fail(r, p, TL_MALFORMED, "must be an object");
    if ((a = make_array(r, f, out, json_object_size(value))) == NULL)
        return fail(r, p, TL_TOO_MANY, "too much");
    json_object_foreach(value, key, v) {
        struct place entry = {.up = p, .name = key};

        a->key = (struct tl_str){key, strlen(key)};
        if (!utf8_text(a->key.ptr, a->key.len))
            return fail(r, &entry, TL_BAD_UTF8, "control characters");
        if ((err = read_text(r, v, &a->value, &entry)) != 0)
            return err;
        a++;
    }
    return 0;
}

static int
read_array(struct reader *r, const struct table_field *f, json_t *value, void *out,
           const struct place *p)
{
    struct place element = *p;
    char *to;
    int err;

    if (!json_is_array(value))
        return fail(r, p, TL_MALFORMED, "must be an array");
    if ((to = make_array(r, f, out, json_array_size(value))) == NULL)
        return fail(r, p, TL_TOO_MANY, "too much");
    for (size_t i = 0; i < json_array_size(value); i++, to += f->size) {
        element.index = i + 1;
        if ((err = read_value(r, f, json_array_get(value, i), to, &element)) != 0)
            return err;
    }
    return 0;
}

static int
read_field(struct reader *r, const struct table_field *f, json_t *value, void *out,
           const struct place *p)
{
    void *to = (char *)out + f->offset;

    if (f->map)
        return read_map(r, f, value, out, p);
    if (f->repeated)
        return read_array(r, f, value, out, p);
    if (f->kind == TABLE_MESSAGE) {
        void *sub = *(void **)to = arena_alloc(&r->arena, f->sub->size);

        if (sub == NULL)
            return fail(r, p, TL_TOO_MANY, "too much");
        to = sub;
    }
    return read_value(r, f, value, to, p);
}

/* recorded_time is also recordedTime. */
static bool
is_name(const char *name, const char *key)
{
    const char *n = name, *k = key;

    if (strcmp(name, key) == 0)
        return true;
    for (; *n != '\0' && *k != '\0'; n++, k++) {
        if (*n == '_' && n[1] >= 'a' && n[1] <= 'z') {
            if (*k != (char)(*++n - 'a' + 'A'))
                return false;
        } else if (*n != *k) {
            return false;
        }
    }
    return *n == *k;
}

static const struct table_field *
find(const struct table *t, const char *key)
{
    for (size_t i = 0; i < t->fields_count; i++) {
        if (is_name(t->fields[i].name, key))
            return &t->fields[i];
    }
    return NULL;
}

static int
read_object(struct reader *r, const struct table *t, json_t *value, void *out,
            const struct place *p)
{
    uint64_t seen = 0;          /* field numbers */
    bool chosen = false;        /* of a oneof */
    const char *key;
    json_t *v;
    int err;

    if (!json_is_object(value))
        return fail(r, p, TL_MALFORMED, "must be an object");
    json_object_foreach(value, key, v) {
        const struct table_field *f = find(t, key);
        struct place field = {.up = p, .name = key};

        if (f == NULL)
            return fail(r, &field, TL_MALFORMED, "no such field");
        if ((seen >> f->number & 1) != 0 || (f->oneof && chosen && !json_is_null(v)))
            return fail(r, &field, TL_MALFORMED, "given twice, or beside another");
        seen |= UINT64_C(1) << f->number;
        if (json_is_null(v))
            continue;
        chosen |= f->oneof;
        if ((err = read_field(r, f, v, out, &field)) != 0)
            return err;
    }
    return 0;
}

static int
fail_syntax(struct reader *r, const json_error_t *error)
{
    say(r, "line %d: %s", error->line, error->text);
    make_ascii(r);
    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        return TL_ENOMEM;
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return TL_BAD_UTF8;
    default:
        return TL_MALFORMED;
    }
}

int
json_to_bytes(enum codec_message what, struct tl_str json, struct buf *out, char *why,
              size_t why_bytes)
{
    const struct table *t = table_of(what);
    struct reader r = {.why = why, .why_bytes = why_bytes};
    json_error_t error;
    json_t *value;
    void *message;
    int err;

    if (why_bytes > 0)
        why[0] = '\0';
    if ((value = json_loadb(json.len > 0 ? json.ptr : "", json.len, JSON_REJECT_DUPLICATES, &error))
        == NULL)
        return fail_syntax(&r, &error);
    arena_init(&r.arena, CODEC_BUDGET_BYTES);
    if ((message = arena_alloc(&r.arena, t->size)) == NULL)
        err = TL_ENOMEM;
    else if ((err = read_object(&r, t, value, message, &(struct place){0})) == 0)
        codec_encode(what, message, out);
    if (r.arena.failed)
        err = TL_ENOMEM;
    arena_fini(&r.arena);
    json_decref(value);
    return err != 0 ? err : out->failed ? TL_ENOMEM : 0;
}
