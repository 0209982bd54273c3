/* base64.h -- bytes as JSON carries them (RFC 4648). */

#ifndef BASE64_H
#define BASE64_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/event.h"

/* Appends the standard alphabet with padding. */
void base64_write(struct buf *out, struct tl_str bytes);

/* Reads either alphabet, with or without padding; the bytes are the arena's.
 * Returns 0, TL_MALFORMED, TL_TOO_MANY (arena). */
int base64_read(struct tl_str *bytes, struct tl_str text, struct arena *arena);

#endif
