/* measure.h -- what `touchline bench` measures, one function a row. */

#ifndef TOOLS_MEASURE_H
#define TOOLS_MEASURE_H

#include "tools/workload.h"

#define MEASURE_PATIENCE_MS 30000   /* a broker silent for so long has failed */

/* Nanoseconds, as they were measured. */
struct samples {
    int64_t *ns;
    size_t count;
    size_t cap;
};

struct row {
    const char *name;
    double value;
    const char *unit;
    double p50_us;
    double p99_us;
};

struct bench {
    const char *endpoint;
    uint64_t events;            /* stored to begin with, and again to measure it */
    struct workload workload;
    struct workload_run run;    /* the events in work */
    struct tl_client *client;
    struct samples samples;
    uint64_t stored;
    int64_t *batch_sent;        /* when each batch of the run was; NULL: not measured */
    int refused;                /* why an event was, if one was */
};

/* The client's `answered`, with the bench as its argument. */
void measure_answered(void *arg, const struct tl_answer *answer);

/* Stores events to begin with.  Each of these returns 0 or a code. */
int measure_fill(struct bench *b);

/* Batches of 100, as many in flight as the broker allows.  p50 and p99: from
 * handing over a batch to its acknowledgement. */
int measure_ingest(struct bench *b, struct row *row);

/* One event after the other: publish to acknowledgement. */
int measure_ack(struct bench *b, struct row *row);

/* One context after the other, of customers as often as they have events: who
 * writes much, calls much. */
int measure_context(struct bench *b, struct row *row);

/* 1000 events a second by one publisher: publish to delivery at a subscriber. */
int measure_live(struct bench *b, struct row *row);

/* Everything from the start.  p50 and p99: what 1000 events took. */
int measure_replay(struct bench *b, struct row *row);

#endif
