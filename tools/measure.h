/* measure.h -- what `touchline bench` measures, one function a row.
 *
 * Events are made and encoded before they are measured. */

#ifndef TOOLS_MEASURE_H
#define TOOLS_MEASURE_H

#include <stdbool.h>

#include "tools/sandbox.h"
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
    bool timed;                 /* there are p50 and p99 */
    double p50_us;
    double p99_us;
    double broker_cpu_s;        /* what the row cost on either side; making events is not in it */
    double client_cpu_s;
};

struct bench {
    struct sandbox *sandbox;
    const char *parent;         /* where the sandboxes are */
    uint64_t events;            /* stored to begin with, and again to measure it */
    uint64_t sustained_s;       /* how long the last row takes */
    struct workload workload;
    struct workload_run run;    /* the events in work */
    struct tl_client *client;
    struct samples samples;
    uint64_t stored;
    int64_t *batch_sent;        /* when each batch of the run was; NULL: not measured */
    size_t batch;
    int refused;                /* why an event was, if one was */
    int64_t making_ns;          /* CPU that making events took */
    uint64_t anonymous_most;    /* bytes of anonymous memory of the broker seen */
    double profile_bytes;
    char why[SANDBOX_WHY_BYTES];    /* more about a failure, when there is */
};

/* A row's value for eyes: 312,345 or 0.42. */
char *measure_text(char out[32], double value);

/* Opens the client of the bench, and closes it.  0 or a code. */
int measure_open(struct bench *b);
void measure_close(struct bench *b);

/* Stores events to begin with.  This and the rows return 0 or a code. */
int measure_fill(struct bench *b);

/* Batches of 100, as many in flight as the broker allows, and of 1000, 8 in
 * flight.  p50 and p99: from handing over a batch to its acknowledgement. */
int measure_batch100(struct bench *b, struct row *row);
int measure_batch1000(struct bench *b, struct row *row);

/* 32 clients with one event each in flight: publish to acknowledgement. */
int measure_clients(struct bench *b, struct row *row);

/* One event after the other: publish to acknowledgement. */
int measure_ack(struct bench *b, struct row *row);

/* Contexts of customers as often as they have events (who writes much, calls
 * much): one after the other, and 32 in flight. */
int measure_context(struct bench *b, struct row *row);
int measure_contexts(struct bench *b, struct row *row);

/* Contexts as of half of what there is, of customers as often as they have events,
 * one after the other. */
int measure_as_of(struct bench *b, struct row *row);

/* How many times as long as the context of a customer of ten events takes that of
 * one with a million events and 10,000 offers (with fewer events to begin with, as
 * many as those and a hundredth of it), and of one who is 64 profiles: asked for
 * in turns.  p50 and p99 are theirs. */
int measure_hot_customer(struct bench *b, struct row *row);
int measure_64_profiles(struct bench *b, struct row *row);

/* 1000 events a second by one publisher: publish to delivery at a subscriber. */
int measure_live(struct bench *b, struct row *row);

/* Everything from the start.  p50 and p99: what 1000 events took. */
int measure_replay(struct bench *b, struct row *row);

/* The bytes on disk of a broker that was stopped are taken as
 *     events * bytes_per_event + profiles * bytes_per_profile,
 * which two brokers solve: this one, and one with as many events of a thousand
 * customers.  All counts (log, seen, views with their free pages) but the part of
 * the log that is preallocated and not written.  The second row is from the
 * measurement of the first. */
int measure_event_bytes(struct bench *b, struct row *row);
int measure_profile_bytes(struct bench *b, struct row *row);

/* The most anonymous memory the broker was seen with. */
int measure_anonymous(struct bench *b, struct row *row);

/* kill -9 after a load, until `stat` is answered again. */
int measure_recovery(struct bench *b, struct row *row);

/* Minutes of events, a third of them of new cookies, with a tenth of the
 * memory that the views take.  p50 and p99: of contexts asked for meanwhile. */
int measure_sustained(struct bench *b, struct row *row);

/* ------------------------------------------------- what the rows share */

/* Replaces what is in the run by `count` new events. */
void measure_make(struct bench *b, size_t count);

/* Publishes the run in batches, `window` of them in flight (0: as many as the
 * broker lets), and waits for the last answer. */
int measure_publish(struct bench *b, size_t batch, size_t window);

/* Makes and publishes `count` events, a run at a time. */
int measure_publish_many(struct bench *b, uint64_t count);

void measure_sample(struct bench *b, int64_t ns);

/* Ends a row: `count` things in `ns`, and the samples taken meanwhile. */
void measure_finish(struct bench *b, struct row *row, uint64_t count, int64_t ns,
                    const char *unit);

/* How often to measure what is done one by one: a share of the events. */
size_t measure_rounds(const struct bench *b, size_t share, size_t most);

/* CPU time so far.  -1 of a process that is not there. */
int64_t measure_cpu_ns(pid_t pid);
void measure_watch_memory(struct bench *b);

#endif
