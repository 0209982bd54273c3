#include "tools/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "tools/print.h"

#define RUN_EVENTS 200000       /* made at a time: 50 MB */
#define FILL_BATCH 1000
#define FILL_WINDOW 8
#define CLIENTS 32

/* ----------------------------------------------------------------- samples */

void
measure_sample(struct bench *b, int64_t ns)
{
    struct samples *s = &b->samples;

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
    return (double)sorted->ns[(sorted->count - 1) * percent / 100] / 1000.0;
}

void
measure_finish(struct bench *b, struct row *row, uint64_t count, int64_t ns, const char *unit)
{
    row->value = (double)count * 1e9 / (double)ns;
    row->unit = unit;
    row->timed = b->samples.count > 0;
    if (!row->timed)
        return;
    qsort(b->samples.ns, b->samples.count, sizeof b->samples.ns[0], compare);
    row->p50_us = percentile_us(&b->samples, 50);
    row->p99_us = percentile_us(&b->samples, 99);
}

size_t
measure_rounds(const struct bench *b, size_t share, size_t most)
{
    return b->events / share < most ? b->events / share : most;
}

char *
measure_text(char out[32], double value)
{
    if (value >= 100)
        return print_count(out, (uint64_t)(value + 0.5));
    snprintf(out, 32, "%.2f", value);
    return out;
}

/* ------------------------------------------------------------ the processes */

int64_t
measure_cpu_ns(pid_t pid)
{
    clockid_t id;
    struct timespec t;

    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) != 0)
        return -1;
    return t.tv_sec * CLOCK_SECOND + t.tv_nsec;
}

void
measure_watch_memory(struct bench *b)
{
    char path[64], line[128];
    unsigned long long kib;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)b->sandbox->keeper.program);
    if ((f = fopen(path, "r")) == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "RssAnon: %llu", &kib) == 1 && kib * 1024 > b->anonymous_most)
            b->anonymous_most = kib * 1024;
    fclose(f);
}

/* ------------------------------------------------------------------ ingest */

static void
answered(void *arg, const struct tl_answer *answer)
{
    struct bench *b = arg;

    if (answer->code != 0)
        b->refused = answer->code;
    else
        b->stored++;
    if (b->batch_sent != NULL && (answer->tag + 1) % b->batch == 0)
        measure_sample(b, clock_monotonic() - b->batch_sent[answer->tag / b->batch]);
}

int
measure_open(struct bench *b)
{
    const struct tl_options options = {
        .endpoint = b->sandbox->endpoint,
        .name = "bench",
        .timeout_ms = MEASURE_PATIENCE_MS,
        .answered = answered,
        .arg = b,
    };

    return tl_open(&b->client, &options);
}

void
measure_close(struct bench *b)
{
    tl_close(&b->client);
}

void
measure_make(struct bench *b, size_t count)
{
    int64_t began = measure_cpu_ns(getpid());

    workload_make(&b->workload, &b->run, count);
    b->making_ns += measure_cpu_ns(getpid()) - began;
}

static int
flush(struct bench *b)
{
    int err = tl_flush(b->client, MEASURE_PATIENCE_MS);

    return err != 0 ? err : b->refused;
}

static int
wait_for_window(struct bench *b, size_t batch, size_t window)
{
    int err = tl_poll(b->client, -1, 0);

    while (err == 0 && window != 0 && tl_unanswered(b->client) > (window - 1) * batch)
        err = tl_poll(b->client, -1, MEASURE_PATIENCE_MS);
    return err;
}

int
measure_publish(struct bench *b, size_t batch, size_t window)
{
    int err;

    for (size_t i = 0; i < b->run.count; i++) {
        if ((err = tl_publish_bytes(b->client, workload_event(&b->run, i), i)) != 0)
            return err;
        if ((i + 1) % batch != 0)
            continue;
        if (b->batch_sent != NULL)
            b->batch_sent[i / batch] = clock_monotonic();
        if ((err = wait_for_window(b, batch, window)) != 0)
            return err;
    }
    return flush(b);
}

/* `*ns` is the time it took to publish, without the making. */
static int
publish_events(struct bench *b, uint64_t count, size_t batch, size_t window, int64_t *ns)
{
    int err;

    *ns = 0;
    for (uint64_t done = 0; done < count; done += b->run.count) {
        uint64_t left = count - done;
        int64_t began;

        measure_make(b, left < RUN_EVENTS ? left : RUN_EVENTS);
        began = clock_monotonic();
        if ((err = measure_publish(b, batch, window)) != 0)
            return err;
        *ns += clock_monotonic() - began;
        measure_watch_memory(b);
    }
    return 0;
}

int
measure_publish_many(struct bench *b, uint64_t count)
{
    int64_t ns;

    return publish_events(b, count, FILL_BATCH, FILL_WINDOW, &ns);
}

int
measure_fill(struct bench *b)
{
    return measure_publish_many(b, b->events);
}

static int
measure_batches(struct bench *b, size_t batch, size_t window, struct row *row)
{
    int64_t ns;
    int err;

    b->batch = batch;
    must((b->batch_sent = calloc(RUN_EVENTS / batch + 1, sizeof b->batch_sent[0])) != NULL);
    err = publish_events(b, b->events, batch, window, &ns);
    free(b->batch_sent);
    b->batch_sent = NULL;
    measure_finish(b, row, b->events, ns, "events/s");
    return err;
}

int
measure_batch100(struct bench *b, struct row *row)
{
    return measure_batches(b, 100, 0, row);
}

int
measure_batch1000(struct bench *b, struct row *row)
{
    return measure_batches(b, 1000, 8, row);
}

/* -------------------------------------------------------------- one by one */

int
measure_ack(struct bench *b, struct row *row)
{
    int64_t first, began;
    int err;

    measure_make(b, measure_rounds(b, 20, 10000));
    first = clock_monotonic();
    for (size_t i = 0; i < b->run.count; i++) {
        began = clock_monotonic();
        if ((err = tl_publish_bytes(b->client, workload_event(&b->run, i), i)) != 0
            || (err = flush(b)) != 0)
            return err;
        measure_sample(b, clock_monotonic() - began);
    }
    measure_finish(b, row, b->run.count, clock_monotonic() - first, "events/s");
    return 0;
}

/* One of many clients, all on this thread. */
struct one {
    struct tl_client *client;
    int64_t sent;
    int refused;
};

static void
one_answered(void *arg, const struct tl_answer *answer)
{
    struct one *one = arg;

    if (answer->code != 0)
        one->refused = answer->code;
}

static int
open_one(const struct bench *b, struct one *one)
{
    const struct tl_options options = {
        .endpoint = b->sandbox->endpoint,
        .name = "bench-one",
        .timeout_ms = MEASURE_PATIENCE_MS,
        .answered = one_answered,
        .arg = one,
    };
    struct tl_reply *reply = NULL;
    int err;

    if ((err = tl_open(&one->client, &options)) == 0)
        err = tl_stat(one->client, &reply);
    tl_reply_free(&reply);
    return err;
}

static int
await_one(struct bench *b, struct one *one)
{
    int err;

    if (tl_unanswered(one->client) == 0)
        return 0;
    if ((err = tl_flush(one->client, MEASURE_PATIENCE_MS)) != 0)
        return err;
    measure_sample(b, clock_monotonic() - one->sent);
    b->stored++;
    return one->refused;
}

/* In turn: while one is waited for, the answers of the others come, and who is
 * answered has the next event on its way before the next is waited for. */
static int
publish_in_turn(struct bench *b, struct one ones[CLIENTS])
{
    int err;

    for (size_t i = 0; i < b->run.count; i++) {
        struct one *one = &ones[i % CLIENTS];

        if ((err = await_one(b, one)) != 0)
            return err;
        one->sent = clock_monotonic();
        if ((err = tl_publish_bytes(one->client, workload_event(&b->run, i), i)) != 0
            || (err = tl_poll(one->client, -1, 0)) != 0)
            return err;
    }
    for (size_t i = 0; i < CLIENTS; i++)
        if ((err = await_one(b, &ones[i])) != 0)
            return err;
    return 0;
}

int
measure_clients(struct bench *b, struct row *row)
{
    struct one ones[CLIENTS] = {0};
    int64_t began = 0;
    int err = 0;

    measure_make(b, measure_rounds(b, 5, RUN_EVENTS));
    for (size_t i = 0; i < CLIENTS && err == 0; i++)
        err = open_one(b, &ones[i]);
    began = clock_monotonic();
    if (err == 0)
        err = publish_in_turn(b, ones);
    measure_finish(b, row, b->run.count, clock_monotonic() - began, "events/s");
    for (size_t i = 0; i < CLIENTS; i++)
        tl_close(&ones[i].client);
    return err;
}
