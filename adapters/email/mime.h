/* mime.h -- a message taken apart (GMime lives here).
 *
 * Text comes out as GMime reads it: header fields unfolded and decoded (RFC 2047),
 * bodies without their transfer encoding.  It lives until the message is closed. */

#ifndef ADAPTERS_MIME_H
#define ADAPTERS_MIME_H

#include "client/touchline.h"

struct mime;

/* NULL when out of memory; any bytes are a message of some kind. */
struct mime *mime_open(struct tl_str bytes);
void mime_close(struct mime **m);

/* The first field of that name; empty when there is none. */
struct tl_str mime_header(struct mime *m, const char *name);

/* All fields in their order; false past the last. */
bool mime_field(struct mime *m, size_t i, struct tl_str *name, struct tl_str *value);

/* The addresses in a field, without names: `out` has room for `max`.  Returns how
 * many there are, perhaps more. */
size_t mime_addresses(struct mime *m, const char *name, struct tl_str *out, size_t max);

/* The content of the first part of that type; empty when there is none.  Does not
 * look into attached messages. */
struct tl_str mime_part(struct mime *m, const char *type, const char *subtype);

/* The first plain text for people to read, in UTF-8; of HTML when there is no other. */
struct tl_str mime_text(struct mime *m);

/* The message attached, or made of its header in a part text/rfc822-headers; NULL
 * when there is none.  Belongs to `m`. */
struct mime *mime_attached(struct mime *m);

/* A date of RFC 5322, and as sloppy as they come; ns since 1970, 0 when it is none
 * between 1970 and 2100. */
int64_t mime_date(struct tl_str text);

#endif
