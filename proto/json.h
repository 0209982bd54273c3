/* json.h -- protobuf bytes to JSON and back: the proto3 mapping with the
 * original field names, from the tables; nothing per message.
 *
 * 64-bit integers are strings, times RFC 3339, bytes base64, enums names, maps
 * objects.  Fields at their default are left out; with `whole` every field of
 * the message and its sub-messages is there ("" and 0 and false and []), except
 * times and sub-messages that are not given. */

#ifndef JSON_H
#define JSON_H

#include "proto/codec.h"

/* Appends one line of JSON without a newline.
 * Returns 0, TL_MALFORMED, TL_BAD_UTF8, TL_BAD_TIME, TL_TOO_MANY (over
 * CODEC_BUDGET_BYTES), TL_ENOMEM. */
int json_from_bytes(enum codec_message what, struct tl_str bytes, bool whole, struct buf *out);

/* Appends the protobuf bytes of a JSON text.  Accepts both field names (snake
 * and lowerCamel), numbers or strings for integers, null for what is not given.
 * `why` (size why_bytes) names the field or line at fault, in ASCII; "" when
 * all is well.
 * Returns 0, TL_MALFORMED (no JSON, a duplicate key, too deep, a wrong kind of
 * value, an unknown field), TL_BAD_UTF8, TL_BAD_TIME, TL_TOO_MANY (over
 * CODEC_BUDGET_BYTES), TL_ENOMEM. */
int json_to_bytes(enum codec_message what, struct tl_str json, struct buf *out, char *why,
                  size_t why_bytes);

#endif
