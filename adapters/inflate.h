/* inflate.h -- compressed bodies, within a bound. */

#ifndef ADAPTERS_INFLATE_H
#define ADAPTERS_INFLATE_H

#include "base/buf.h"
#include "client/touchline.h"

/* Appends what gzip (RFC 1952; several members are one) or zlib (RFC 1950)
 * bytes unfold to.
 * Returns 0; TL_TOO_LARGE: more than bytes_max, whatever it would have become;
 * TL_MALFORMED: damaged, cut off, or followed by something else; TL_ENOMEM. */
int inflate_bytes(struct buf *out, struct tl_str bytes, size_t bytes_max);

#endif
