/* member.h -- members of JSON objects, into a draft.
 *
 * A decoder takes what it knows out of the object; whatever it leaves becomes
 * attributes (member_attributes), so nothing is lost by being forgotten.  Text
 * is lent by the values it is in, or copied into the draft. */

#ifndef ADAPTERS_MEMBER_H
#define ADAPTERS_MEMBER_H

#include "adapters/draft.h"
#include "adapters/value.h"

#define MEMBER_DEPTH_MAX 6      /* objects in objects that become attributes of their own */

/* A string without blanks around, a number or truth value written out; else
 * empty. */
struct tl_str member_value(struct draft *d, const struct value *value);

/* The member's, which stays. */
struct tl_str member_text(struct draft *d, const struct value *object, const char *name);

/* The member's, which goes if it has one. */
struct tl_str member_take(struct draft *d, struct value *object, const char *name);

/* The same for an id or a name: one of more than bytes_max stays, to become an
 * attribute. */
struct tl_str member_take_id(struct draft *d, struct value *object, const char *name,
                             size_t bytes_max);

/* Of the first of the names, ended by NULL, that has one. */
struct tl_str member_take_first(struct draft *d, struct value *object, const char *const *names,
                                size_t bytes_max);

/* An amount of money, number or text, in minor units; false when it is none, and
 * then it stays. */
bool member_take_minor(struct draft *d, struct value *object, const char *name,
                       struct tl_str currency, int64_t *out);

/* In one line; empty when out of memory, and the draft failed. */
struct tl_str member_json(struct draft *d, const struct value *value);

/* Every leaf of what is left, named by its path: `context.library.name`; arrays
 * and what lies deeper are compact JSON.  `prefix` is empty or ends in a dot. */
void member_attributes(struct draft *d, struct value *object, const char *prefix);

/* An id for a record that has none: 24 digits, the same for the same members,
 * in whatever order they came.  `what` keeps formats apart. */
struct tl_str member_hash(struct draft *d, const char *what, const struct value *record);

#endif
