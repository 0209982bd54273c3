/* timeformat.h -- dates and times as tables write them.
 *
 * %Y %m %d %H %M %S as in strptime (digits, leading zeros optional), %f a
 * fraction of a second, %z an offset (Z, +02:00, +0200), %s seconds since 1970,
 * %% a percent sign; anything else stands for itself. */

#ifndef ADAPTERS_TIMEFORMAT_H
#define ADAPTERS_TIMEFORMAT_H

#include <stdbool.h>

#include "base/zone.h"
#include "client/touchline.h"

/* What is wrong with the format, or NULL. */
const char *timeformat_check(struct tl_str format);

struct timeformat_time {
    int64_t ns;                 /* UTC */
    bool local;                 /* by `zone`: the text had no offset of its own */
};

/* `end_of_day`: the last second of that local day.  Returns false when the text
 * is not of that format, or no date between 1970 and 2100. */
bool timeformat_read(struct timeformat_time *out, struct tl_str text, struct tl_str format,
                     const struct zone *zone, bool end_of_day);

/* What people write as ISO 8601: a date, or a date and a time, with or without
 * a fraction and an offset.  Returns false as timeformat_read does. */
bool timeformat_iso(struct timeformat_time *out, struct tl_str text, const struct zone *zone);

/* What mail and RSS write (RFC 822, RFC 5322), as sloppily as they do: the day of
 * the week, the seconds and the zone may be missing, the year may have two
 * digits, and the zone may be one of the names of RFC 822. */
bool timeformat_mail(struct timeformat_time *out, struct tl_str text, const struct zone *zone);

#endif
