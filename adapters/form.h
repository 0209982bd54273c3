/* form.h -- application/x-www-form-urlencoded, as webhooks post it and query
 * strings have it.
 *
 * Read as the WHATWG URL standard (5.1) reads it: `+` is a blank, %XX a byte, a
 * percent sign before anything else itself, and a name without `=` has an empty
 * value. */

#ifndef ADAPTERS_FORM_H
#define ADAPTERS_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "client/touchline.h"

#define FORM_FIELDS_MAX 1000

struct form_field {
    struct tl_str name;
    struct tl_str value;
};

/* In the order of the text; a name may come more than once. */
struct form {
    struct form_field *fields;
    size_t count;
    char *text;                 /* of names and values */
};

/* Returns 0, or TL_EARGUMENT: more than FORM_FIELDS_MAX fields, or TL_ENOMEM.
 * form_free it in any case. */
int form_read(struct form *out, struct tl_str text);
void form_free(struct form *f);

/* The first of that name; NULL when there is none. */
const struct form_field *form_find(const struct form *f, const char *name);

/* By name, then by value, bytewise: what several vendors sign. */
void form_sort(struct form *f);

#endif
