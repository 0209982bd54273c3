/* text.h -- what decoders do with text that lies elsewhere. */

#ifndef ADAPTERS_TEXT_H
#define ADAPTERS_TEXT_H

#include <stdbool.h>
#include <string.h>

#include "client/touchline.h"

struct tl_str text_of(const char *text);                     /* NULL is empty */
bool text_is(struct tl_str s, const char *text);
struct tl_str text_trim(struct tl_str s);                    /* without blanks around */
bool text_holds(struct tl_str s, const char *word);          /* in capitals or not */

static inline bool
text_equal(struct tl_str a, struct tl_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Where it is in the text, or NULL; of an empty text too. */
const char *text_find(struct tl_str s, const char *what);

/* What is inside of the last <>, or the text as it is: an address, a Message-ID. */
struct tl_str text_unbracket(struct tl_str text);

/* Takes a line off the front, without its \n; the last one may have none. */
struct tl_str text_line(struct tl_str *rest);

/* Writes %XX as the byte it is, and a + as `plus`; never more than there was, and `to`
 * may be where the text lies.  Returns how much. */
size_t text_unescape(char *to, struct tl_str text, char plus);

#endif
