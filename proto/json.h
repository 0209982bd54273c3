/* json.h -- protobuf bytes to JSON and back: the proto3 mapping with the
 * original field names, from the descriptors; nothing per message.
 *
 * 64-bit integers are strings, times RFC 3339, bytes base64, enums names, maps
 * objects; fields at their default are left out, unless `whole` asks for every
 * field of the outermost message and its sub-messages. */

#ifndef JSON_H
#define JSON_H

#include "proto/codec.h"

/* Appends one line of JSON without a newline.
 * Returns 0, TL_MALFORMED, TL_TOO_MANY (over CODEC_BUDGET_BYTES), TL_ENOMEM. */
int json_from_bytes(enum codec_message what, struct tl_str bytes, bool whole, struct buf *out);

/* Appends the protobuf bytes of a JSON text.  Accepts both field names (snake
 * and lowerCamel), numbers or strings for integers.  `why` (size why_bytes)
 * names the field and line at fault.
 * Returns 0, TL_MALFORMED (no JSON, a duplicate key, too deep, a wrong kind of
 * value, an unknown field), TL_BAD_UTF8, TL_BAD_TIME, TL_ENOMEM. */
int json_to_bytes(enum codec_message what, struct tl_str json, struct buf *out, char *why,
                  size_t why_bytes);

#endif
