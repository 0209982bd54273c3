/* value.h -- JSON as a tree of values.
 *
 * All values of a body are in one store and go together, with the text they hold; none
 * is freed alone.  A value that is NULL, or of another kind than it is asked as, is
 * empty: a path of members can be asked for without checks. */

#ifndef ADAPTERS_VALUE_H
#define ADAPTERS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "client/touchline.h"

#define VALUE_DEPTH_MAX 2048
#define VALUES_BYTES_MAX ((size_t)2 << 30)

enum value_kind {
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_INTEGER,
    VALUE_REAL,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

struct value {
    enum value_kind kind;
    uint32_t count;             /* of an array's or object's values */
    struct tl_str name;         /* of a member; NUL ends it too */
    union {
        struct tl_str text;     /* a string's; NUL ends it too, and may be in it */
        int64_t integer;
        double real;
        struct {
            struct value *first, *last;
        } in;                   /* of an array or object */
    };
    struct value *next;         /* in the array or object it is in */
};

struct values {
    struct arena arena;
    struct value *spare;        /* values taken and not yet used */
    size_t spares;
};

#ifdef __cplusplus
extern "C" {
#endif

void values_init(struct values *in);
void values_clear(struct values *in);       /* every value of it is gone */
void values_fini(struct values *in);

/* Memory that goes with them, 16-byte aligned; NULL when out of it. */
void *values_room(struct values *in, size_t bytes);

/* ------------------------------------------------------------------ asking */

static inline bool
value_is(const struct value *v, enum value_kind kind)
{
    return v != NULL && v->kind == kind;
}

static inline bool value_is_null(const struct value *v) { return value_is(v, VALUE_NULL); }
static inline bool value_is_true(const struct value *v) { return value_is(v, VALUE_TRUE); }
static inline bool value_is_string(const struct value *v) { return value_is(v, VALUE_STRING); }
static inline bool value_is_array(const struct value *v) { return value_is(v, VALUE_ARRAY); }
static inline bool value_is_object(const struct value *v) { return value_is(v, VALUE_OBJECT); }

static inline bool
value_is_boolean(const struct value *v)
{
    return value_is(v, VALUE_TRUE) || value_is(v, VALUE_FALSE);
}

static inline bool
value_is_number(const struct value *v)
{
    return value_is(v, VALUE_INTEGER) || value_is(v, VALUE_REAL);
}

static inline struct tl_str
value_str(const struct value *v)
{
    return value_is_string(v) ? v->text : (struct tl_str){NULL, 0};
}

/* NULL when it is no string. */
static inline const char *
value_text(const struct value *v)
{
    return value_is_string(v) ? v->text.ptr : NULL;
}

static inline int64_t
value_integer(const struct value *v)
{
    return value_is(v, VALUE_INTEGER) ? v->integer : 0;
}

double value_number(const struct value *v);

/* Of an array. */
static inline size_t
value_count(const struct value *array)
{
    return value_is_array(array) ? array->count : 0;
}

struct value *value_at(const struct value *array, size_t i);

static inline struct value *
value_first(const struct value *of, enum value_kind kind)
{
    return value_is(of, kind) ? of->in.first : NULL;
}

#define value_each(array, v) \
    for ((v) = value_first((array), VALUE_ARRAY); (v) != NULL; (v) = (v)->next)

/* Of an object. */
static inline size_t
value_members(const struct value *object)
{
    return value_is_object(object) ? object->count : 0;
}

#define value_each_member(object, v) \
    for ((v) = value_first((object), VALUE_OBJECT); (v) != NULL; (v) = (v)->next)

struct value *value_find(const struct value *object, struct tl_str name);

/* No name, NULL, is no member's: tables of names have gaps. */
static inline struct value *
value_get(const struct value *object, const char *name)
{
    if (name == NULL)
        return NULL;
    return value_find(object, (struct tl_str){name, strlen(name)});
}

/* A member is no longer in its object, if it was; not while the object is walked. */
void value_drop(struct value *object, const char *name);

/* ------------------------------------------------------------------ making */

/* NULL when out of memory; so are text that is no UTF-8 and what could not be made
 * for them: a chain of these is checked once. */
struct value *values_make(struct values *in, enum value_kind kind);     /* empty */
struct value *values_null(struct values *in);
struct value *values_boolean(struct values *in, bool is);
struct value *values_integer(struct values *in, int64_t number);
struct value *values_real(struct values *in, double number);
struct value *values_string(struct values *in, struct tl_str text);     /* copied */
struct value *values_array(struct values *in);
struct value *values_object(struct values *in);

/* The same value for another place: its members or elements can be dropped and added
 * without a change to the first; theirs are shared.  NULL of NULL. */
struct value *values_copy(struct values *in, const struct value *of);

/* Adds a value, which is in no other array or object; a member of that name gives it its
 * place.  False, and nothing is added, when the value or the memory is missing or the
 * name is no UTF-8. */
bool value_append(struct value *array, struct value *value);
bool value_put(struct values *in, struct value *object, struct tl_str name, struct value *value);

/* ----------------------------------------------------------------- writing */

enum value_order { VALUE_AS_IT_IS, VALUE_SORTED };

/* In one line without blanks, members as they came or by name. */
void value_write(struct buf *out, const struct value *v, enum value_order order);

#ifdef __cplusplus
}
#endif

#endif
