/* parse.h -- JSON text into values.
 *
 * simdjson reads it; what is wrong with a text it does not take jansson says.  Refused
 * are a member named twice or holding NUL in its name, an integer beyond 64 bits, text that
 * is no UTF-8, and what nests deeper than VALUE_DEPTH_MAX.  Any thread. */

#ifndef ADAPTERS_PARSE_H
#define ADAPTERS_PARSE_H

#include "adapters/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* So much of the memory simdjson reads with, some 15 times the text, is kept. */
#define PARSE_BYTES_KEPT (256u << 10)

struct parse_error {
    char text[160];
    int line;
};

/* An array or an object, blanks around; NULL with `error`, which may be NULL itself,
 * when it is none or memory is out. */
struct value *parse_json(struct values *in, struct tl_str text, struct parse_error *error);

/* Any value. */
struct value *parse_json_any(struct values *in, struct tl_str text);

/* The array or object `text` begins with; `taken` bytes are its.  Whatever stands
 * behind it is not looked at. */
struct value *parse_json_first(struct values *in, struct tl_str text, size_t *taken,
                               struct parse_error *error);

#ifdef __cplusplus
}
#endif

#endif
