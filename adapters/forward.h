/* forward.h -- from the spool to the broker, in a thread of its own.
 *
 * An event leaves the spool when the broker has it, or has said that it never
 * will: then it becomes a dead letter.  What the broker cannot take now (away,
 * busy, no space, keys) stays and is sent again.  Now and then it tells the broker
 * what was ignored. */

#ifndef ADAPTERS_FORWARD_H
#define ADAPTERS_FORWARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/ignored.h"
#include "adapters/letter.h"
#include "adapters/spool.h"

struct forward;

/* Read by any thread. */
struct forward_counts {
    atomic_uint_fast64_t stored, duplicates, refused;
    atomic_bool connected;      /* the broker answered lately */
};

/* All of it is borrowed until forward_stop; `endpoint` as in tl_options.
 * Returns 0 or a code of touchline.h. */
int forward_start(struct forward **out, const char *program, const char *endpoint,
                  struct spool *spool, struct letters *letters, struct forward_counts *counts,
                  struct ignored *ignored);

/* Waits up to wait_ms for what is in the spool to be acknowledged. */
void forward_stop(struct forward **forward, int wait_ms);

#endif
