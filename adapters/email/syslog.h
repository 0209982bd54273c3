/* syslog.h -- the beginning of a line of a log: when, where, who.
 *
 * `Nov 21 20:13:50 host program[pid]: text` (RFC 3164), the same with a time of
 * RFC 3339, or RFC 5424's `1 time host program pid - - text`; a priority in <> may
 * stand before. */

#ifndef ADAPTERS_SYSLOG_H
#define ADAPTERS_SYSLOG_H

#include <stdbool.h>

#include "base/zone.h"
#include "client/touchline.h"

struct syslog_line {
    int64_t time;               /* ns since 1970; 0: the year is not known */
    struct tl_str stamp;        /* as it was written */
    struct tl_str host;
    struct tl_str program;      /* without its pid */
    struct tl_str text;
};

/* `latest`: no line is from later than a day after it, ns; 0: not known.  `zone` is
 * for times without one.  Returns false when it is no such line. */
bool syslog_read(struct syslog_line *out, struct tl_str line, int64_t latest,
                 const struct zone *zone);

#endif
