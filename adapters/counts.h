/* counts.h -- counters for /metrics, made when first counted.
 *
 * A counter is a metric's name and its labels as Prometheus writes them.  Names
 * that outsiders choose are bounded: what is over goes to `other`.  One thread. */

#ifndef ADAPTERS_COUNTS_H
#define ADAPTERS_COUNTS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"

#define COUNTS_MAX 1000

struct counts {
    struct map counters;
    struct ignored *ignored;    /* what the broker is told of; NULL: nothing */
};

/* `metric` is ours: `touchline_ignored_total`.  Labels come in pairs of name and
 * value, ended by NULL. */
__attribute__((sentinel)) void count_add(struct counts *c, uint64_t n, const char *metric, ...);

/* Prometheus text format 0.0.4, sorted, so that a metric's lines are together. */
void counts_write(const struct counts *c, struct buf *out);
void counts_fini(struct counts *c);

#endif
