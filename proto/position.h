/* position.h -- a place in a log: log id + event number, fixed width, ordered
 * as text: `68f0a1b20000-0000000000000001`.  Opaque to clients. */

#ifndef POSITION_H
#define POSITION_H

#include "proto/event.h"

#define POSITION_BYTES 29
#define LOG_ID_BYTES 12

struct position {
    uint64_t log;       /* 48 bits: seconds since 1970 when the log began, then 16 random bits */
    uint64_t number;    /* of the event; 0 is before the first */
};

char *position_format(char out[POSITION_BYTES + 1], struct position p);
int position_parse(struct position *p, struct tl_str text);     /* 0, or TL_BAD_POSITION */

#endif
