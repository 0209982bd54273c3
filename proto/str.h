/* str.h -- comparing borrowed text. */

#ifndef STR_H
#define STR_H

#include <string.h>

#include "base/short.h"
#include "proto/event.h"

static inline bool
str_equal(struct tl_str a, struct tl_str b)
{
    return a.len == b.len && short_equal(a.ptr, b.ptr, a.len);
}

static inline bool
str_is(struct tl_str a, const char *text)
{
    return str_equal(a, (struct tl_str){text, strlen(text)});
}

static inline bool
str_starts(struct tl_str a, struct tl_str prefix)
{
    return a.len >= prefix.len && short_equal(a.ptr, prefix.ptr, prefix.len);
}

/* As memcmp: bytes first, then the shorter one. */
static inline int
str_compare(struct tl_str a, struct tl_str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Is `a` this text, or does `pattern` end in '*' and `a` begin with what is
 * before it? */
static inline bool
str_matches(struct tl_str a, struct tl_str pattern)
{
    if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
        return str_starts(a, (struct tl_str){pattern.ptr, pattern.len - 1});
    return str_equal(a, pattern);
}

#endif
