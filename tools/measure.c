#include "tools/measure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/must.h"

#define RUN_EVENTS 200000       /* made at a time: 50 MB */
#define FILL_BATCH 1000
#define BATCH 100
#define LIVE_PER_SECOND 1000
#define REPLAY_STEP 1000

/* ----------------------------------------------------------------- samples */

static void
add_sample(struct samples *s, int64_t ns)
{
    if (s->count == s->cap) {
        s->cap = s->cap != 0 ? 2 * s->cap : 4096;
        must((s->ns = realloc(s->ns, s->cap * sizeof s->ns[0])) != NULL);
    }
    s->ns[s->count++] = ns;
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double
percentile_us(const struct samples *sorted, size_t percent)
{
    return sorted->count == 0 ? 0
                              : (double)sorted->ns[(sorted->count - 1) * percent / 100] / 1000.0;
}

/* Ends a measurement: `count` things in `ns`, and the samples taken meanwhile. */
static void
finish(struct bench *b, struct row *row, uint64_t count, int64_t ns, const char *unit)
{
    qsort(b->samples.ns, b->samples.count, sizeof b->samples.ns[0], compare);
    row->value = (double)count * 1e9 / (double)ns;
    row->unit = unit;
    row->p50_us = percentile_us(&b->samples, 50);
    row->p99_us = percentile_us(&b->samples, 99);
}

/* ------------------------------------------------------------------ ingest */

void
measure_answered(void *arg, const struct tl_answer *answer)
{
    struct bench *b = arg;

    if (answer->code != 0)
        b->refused = answer->code;
    else
        b->stored++;
    if (b->batch_sent != NULL && (answer->tag + 1) % BATCH == 0)
        add_sample(&b->samples, clock_monotonic() - b->batch_sent[answer->tag / BATCH]);
}

static int
flush(struct bench *b)
{
    int err = tl_flush(b->client, MEASURE_PATIENCE_MS);

    return err != 0 ? err : b->refused;
}

/* Publishes the run in batches, as many in flight as the broker's window lets. */
static int
publish_run(struct bench *b, size_t batch)
{
    int err;

    for (size_t i = 0; i < b->run.count; i++) {
        if ((err = tl_publish_bytes(b->client, workload_event(&b->run, i), i)) != 0)
            return err;
        if ((i + 1) % batch != 0)
            continue;
        if (b->batch_sent != NULL)
            b->batch_sent[i / batch] = clock_monotonic();
        if ((err = tl_poll(b->client, -1, 0)) != 0)
            return err;
    }
    return flush(b);
}

/* `*ns` is the time it took to publish, without the making. */
static int
publish_events(struct bench *b, size_t batch, int64_t *ns)
{
    int err;

    *ns = 0;
    for (uint64_t done = 0; done < b->events; done += b->run.count) {
        uint64_t left = b->events - done;
        int64_t began;

        workload_make(&b->workload, &b->run, left < RUN_EVENTS ? left : RUN_EVENTS);
        began = clock_monotonic();
        if ((err = publish_run(b, batch)) != 0)
            return err;
        *ns += clock_monotonic() - began;
    }
    return 0;
}

int
measure_fill(struct bench *b)
{
    int64_t ns;

    return publish_events(b, FILL_BATCH, &ns);
}

int
measure_ingest(struct bench *b, struct row *row)
{
    int64_t ns;
    int err;

    must((b->batch_sent = calloc(RUN_EVENTS / BATCH, sizeof b->batch_sent[0])) != NULL);
    err = publish_events(b, BATCH, &ns);
    free(b->batch_sent);
    b->batch_sent = NULL;
    finish(b, row, b->events, ns, "events/s");
    return err;
}

/* -------------------------------------------------------------- one by one */

/* How often to measure what is done one by one. */
static size_t
rounds(const struct bench *b, size_t share, size_t most)
{
    return b->events / share < most ? b->events / share : most;
}

int
measure_ack(struct bench *b, struct row *row)
{
    int64_t first = clock_monotonic(), began;
    int err;

    workload_make(&b->workload, &b->run, rounds(b, 20, 10000));
    first = clock_monotonic();
    for (size_t i = 0; i < b->run.count; i++) {
        began = clock_monotonic();
        if ((err = tl_publish_bytes(b->client, workload_event(&b->run, i), i)) != 0
            || (err = flush(b)) != 0)
            return err;
        add_sample(&b->samples, clock_monotonic() - began);
    }
    finish(b, row, b->run.count, clock_monotonic() - first, "events/s");
    return 0;
}

int
measure_context(struct bench *b, struct row *row)
{
    size_t count = rounds(b, 20, 20000);
    int64_t total = 0;
    int err;

    for (size_t i = 0; i < count; i++) {
        size_t any = workload_draw(&b->workload, b->run.count);
        struct tl_reply *reply;
        char name[WORKLOAD_NAME_BYTES];
        int64_t began, ns;

        workload_name(name, workload_event(&b->run, any));
        began = clock_monotonic();
        err = tl_context(b->client, name, NULL, &reply);
        ns = clock_monotonic() - began;
        tl_reply_free(&reply);
        if (err != 0)
            return err;
        add_sample(&b->samples, ns);
        total += ns;
    }
    finish(b, row, count, total, "contexts/s");
    return 0;
}

/* -------------------------------------------------------------------- live */

/* A publisher on a thread and a connection of its own. */
struct live {
    const struct bench *bench;
    _Atomic int64_t *sent;      /* when each event of the run was, or should have been */
    int err;
};

static int
publish_steadily(struct live *live, struct tl_client *client)
{
    const struct workload_run *run = &live->bench->run;
    int64_t due = clock_monotonic();
    int err;

    for (size_t i = 0; i < run->count; i++, due += CLOCK_SECOND / LIVE_PER_SECOND) {
        struct timespec until = {due / CLOCK_SECOND, due % CLOCK_SECOND};
        bool late = clock_monotonic() > due;

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        /* What the one before held up has waited since it was due. */
        live->sent[i] = late ? due : clock_monotonic();
        if ((err = tl_publish_bytes(client, workload_event(run, i), i)) != 0
            || (err = tl_flush(client, MEASURE_PATIENCE_MS)) != 0)
            return err;
    }
    return 0;
}

static void *
run_publisher(void *arg)
{
    struct live *live = arg;
    struct tl_options options = {.endpoint = live->bench->endpoint, .name = "bench-live"};
    struct tl_client *client;

    if ((live->err = tl_open(&client, &options)) != 0)
        return NULL;
    live->err = publish_steadily(live, client);
    tl_close(&client);
    return NULL;
}

/* The broker's first word on a stream says that it is open. */
static int
await_open(struct tl_stream *stream)
{
    const struct tl_stream_event *ev;
    char position[TL_POSITION_BYTES + 1] = "";
    int64_t deadline = clock_monotonic() + MEASURE_PATIENCE_MS * CLOCK_MS;
    int err;

    while (position[0] == '\0') {
        if ((err = tl_stream_next(stream, 100, &ev)) != 0)
            return err;
        tl_stream_position(stream, position);
        if (clock_monotonic() > deadline)
            return TL_EAWAY;
    }
    return 0;
}

static int
follow(struct bench *b, struct tl_stream *stream, const struct live *live)
{
    uint64_t first = b->workload.made - b->run.count;
    const struct tl_stream_event *ev;
    int err;

    while (b->samples.count < b->run.count) {
        int64_t now;
        uint64_t i;

        if ((err = tl_stream_next(stream, MEASURE_PATIENCE_MS, &ev)) != 0)
            return err;
        if (ev == NULL)
            return TL_EAWAY;
        now = clock_monotonic();
        i = workload_number(ev->bytes) - first;
        if (i < b->run.count)       /* the bus adds events of its own */
            add_sample(&b->samples, now - live->sent[i]);
    }
    return 0;
}

int
measure_live(struct bench *b, struct row *row)
{
    const struct tl_stream_options options = {.from = "now", .follow = true};
    struct live live = {.bench = b};
    struct tl_stream *stream;
    pthread_t publisher;
    int64_t began;
    int err;

    workload_make(&b->workload, &b->run, rounds(b, 100, 5000));
    must((live.sent = calloc(b->run.count, sizeof live.sent[0])) != NULL);
    if ((err = tl_stream_open(b->client, &options, &stream)) == 0
        && (err = await_open(stream)) == 0) {
        began = clock_monotonic();
        must(pthread_create(&publisher, NULL, run_publisher, &live) == 0);
        err = follow(b, stream, &live);
        pthread_join(publisher, NULL);
        err = err != 0 ? err : live.err;
        finish(b, row, b->run.count, clock_monotonic() - began, "events/s");
    }
    tl_stream_close(&stream);
    free(live.sent);
    return err;
}

/* ------------------------------------------------------------------ replay */

int
measure_replay(struct bench *b, struct row *row)
{
    const struct tl_stream_options options = {.from = "start"};
    const struct tl_stream_event *ev;
    struct tl_stream *stream;
    int64_t began = clock_monotonic(), step = began;
    uint64_t count = 0;
    int err;

    if ((err = tl_stream_open(b->client, &options, &stream)) != 0)
        return err;
    while ((err = tl_stream_next(stream, MEASURE_PATIENCE_MS, &ev)) == 0 && ev != NULL) {
        if (ev->number != ++count)      /* the log is ours alone and began with 1 */
            break;
        if (count % REPLAY_STEP != 0)
            continue;
        add_sample(&b->samples, clock_monotonic() - step);
        step = clock_monotonic();
    }
    finish(b, row, count, clock_monotonic() - began, "events/s");
    tl_stream_close(&stream);
    if (err == TL_ECLOSED)
        return count >= b->stored ? 0 : TL_EDAMAGED;
    if (err == 0)
        err = ev != NULL ? TL_EDAMAGED : TL_EAWAY;
    return err;
}
