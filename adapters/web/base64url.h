/* base64url.h -- base64 and base64url (RFC 4648), padded or not. */

#ifndef ADAPTERS_WEB_BASE64URL_H
#define ADAPTERS_WEB_BASE64URL_H

#include "base/buf.h"
#include "client/touchline.h"

/* Appends the bytes.  False when the text is none. */
bool base64url_read(struct buf *out, struct tl_str text);

/* Appends the text of bytes, in base64's own alphabet, padded. */
void base64url_write(struct buf *out, struct tl_str bytes);

#endif
