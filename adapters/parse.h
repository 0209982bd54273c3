/* parse.h -- JSON text into jansson's values.
 *
 * simdjson reads what is in order, in a fraction of jansson's time; what it does not
 * take is given to jansson, whose rules and sentences count. */

#ifndef ADAPTERS_PARSE_H
#define ADAPTERS_PARSE_H

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longer texts are jansson's alone: simdjson keeps some 15 times the longest. */
#define PARSE_BYTES_MAX (256u << 10)

/* An array or an object (RFC 8259), the caller's; NULL with `error`, which may be NULL
 * itself, when it is none, names a member twice, has an integer beyond 64 bits or
 * nests deeper than 2048, or out of memory.  Text may hold NUL.  With `taken` more may
 * stand behind the value, which ends there; without, only blanks.  Any thread. */
json_t *parse_json(const char *text, size_t len, size_t *taken, json_error_t *error);

#ifdef __cplusplus
}
#endif

#endif
