/* fields.h -- `Name: value` lines, as the manager of Asterisk and the event
 * socket of FreeSWITCH write them.
 *
 * What is read is marked, so that what nobody read can be kept. */

#ifndef ADAPTERS_CALL_FIELDS_H
#define ADAPTERS_CALL_FIELDS_H

#include "adapters/draft.h"

#define FIELDS_MAX 512          /* FreeSWITCH writes two hundred */

struct field {
    struct tl_str name;
    struct tl_str value;
    bool used;
};

struct fields {
    struct field all[FIELDS_MAX];
    size_t count;
    size_t more;                /* that found no room */
};

/* Reads lines up to the text's end.  Values borrow from `text`; lines that are
 * none go to `more`. */
void fields_read(struct fields *f, struct tl_str text);

/* The first of that name in any case, marked as read; empty when there is none. */
struct tl_str fields_get(struct fields *f, const char *name);

/* The first of them that is not empty; the list ends with NULL. */
struct tl_str fields_first(struct fields *f, const char *const *names);

/* Marks those of a list that ends with NULL: another field says the same. */
void fields_pass(struct fields *f, const char *const *names);

/* What was not read becomes attributes. */
void fields_keep(struct fields *f, struct draft *d);

#endif
