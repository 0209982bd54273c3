/* stats.h -- what the broker counts, beside what the store knows. */

#ifndef STATS_H
#define STATS_H

#include "base/arena.h"
#include "proto/answer.h"
#include "proto/code.h"

struct broker;

struct stats {
    int64_t started;            /* monotonic */
    uint64_t duplicates;
    uint64_t refused;
    uint64_t refused_by_code[TL_STALE_GROUP + 1];
    size_t garbage;             /* messages that could not be read */
};

void stats_refused(struct stats *s, int code);

/* Returns 0 or what the store said. */
int stats_fill(struct broker *b, struct tl_stat *out, struct arena *arena);

#endif
