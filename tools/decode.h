/* decode.h -- what `touchline bench --decode` measures: how fast the decoders are. */

#ifndef TOOLS_DECODE_H
#define TOOLS_DECODE_H

#include "tools/measure.h"

#define DECODE_ROWS_MAX 96
#define DECODE_NAME_BYTES 48

struct decode_rows {
    struct row rows[DECODE_ROWS_MAX];
    char names[DECODE_ROWS_MAX][DECODE_NAME_BYTES];
    size_t count;
};

/* Bodies recorded of each format (of those named, when `count` is not 0) that events
 * come of, which lie in `dir` as in tests/data, are given to a decoder each, as an
 * adapter does, over and over for half a second of one core: events a second of CPU,
 * and MB.  A table's rows are repeated under its header until it is a MiB.  Returns 0,
 * or VERB_USAGE after saying what is not there. */
int decode_measure(struct decode_rows *out, const char *dir, char *const *names, size_t count);

#endif
