/* What the bench reads: contexts, live events, replay. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "tools/measure.h"

#define IN_FLIGHT 32
#define LIVE_PER_SECOND 1000
#define REPLAY_STEP 1000
#define NUMBER_DIGITS 16        /* a position ends with its event's number */

/* ---------------------------------------------------------------- contexts */

/* Customers as often as they have events, chosen beforehand. */
struct asking {
    struct bench *bench;
    char (*names)[WORKLOAD_NAME_BYTES];
    size_t count;
    size_t next;
    size_t answered;
    int err;
};

struct question {
    struct asking *asking;
    int64_t began;
};

static void
choose(struct asking *a, struct bench *b, size_t count)
{
    *a = (struct asking){.bench = b, .count = count};
    must((a->names = malloc(count * sizeof a->names[0])) != NULL);
    for (size_t i = 0; i < count; i++) {
        size_t any = workload_draw(&b->workload, b->run.count);

        workload_name(a->names[i], workload_event(&b->run, any));
    }
}

int
measure_context(struct bench *b, struct row *row)
{
    struct asking a;
    int64_t first, began;
    int err = 0;

    choose(&a, b, measure_rounds(b, 20, 20000));
    first = clock_monotonic();
    for (size_t i = 0; i < a.count && err == 0; i++) {
        struct tl_reply *reply;

        began = clock_monotonic();
        err = tl_context(b->client, a.names[i], NULL, &reply);
        measure_sample(b, clock_monotonic() - began);
        tl_reply_free(&reply);
    }
    measure_finish(b, row, a.count, clock_monotonic() - first, "contexts/s");
    free(a.names);
    return err;
}

static void ask(struct question *q);

static void
take_answer(void *arg, struct tl_reply *reply)
{
    struct question *q = arg;
    struct asking *a = q->asking;
    int code = tl_reply_code(reply);

    measure_sample(a->bench, clock_monotonic() - q->began);
    tl_reply_free(&reply);
    a->answered++;
    if (code != 0)
        a->err = code;
    ask(q);
}

static void
ask(struct question *q)
{
    struct asking *a = q->asking;
    int err;

    if (a->next == a->count || a->err != 0)
        return;
    q->began = clock_monotonic();
    err = tl_ask(a->bench->client, TL_ASK_CONTEXT, a->names[a->next++], NULL, take_answer, q);
    if (err != 0)
        a->err = err;
}

int
measure_contexts(struct bench *b, struct row *row)
{
    struct question questions[IN_FLIGHT];
    struct asking a;
    int64_t began;
    int err = 0;

    choose(&a, b, measure_rounds(b, 10, 200000));
    began = clock_monotonic();
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        questions[i].asking = &a;
        ask(&questions[i]);
    }
    while (err == 0 && a.err == 0 && a.answered < a.count)
        err = tl_poll(b->client, -1, MEASURE_PATIENCE_MS);
    measure_finish(b, row, a.count, clock_monotonic() - began, "contexts/s");
    /* What is still asked for must not be answered to what is gone. */
    if (a.answered < a.next)
        measure_close(b);
    free(a.names);
    return err != 0 ? err : a.err;
}

/* ------------------------------------------------------- as of another position */

/* Half of the events there are. */
static int
half_way(struct bench *b, char position[TL_POSITION_BYTES + 1])
{
    struct tl_reply *reply = NULL;
    int err = tl_stat(b->client, &reply);

    if (err == 0) {
        const struct tl_stat *stat = tl_reply_stat(reply);

        memcpy(position, stat->position.ptr, TL_POSITION_BYTES);
        snprintf(position + TL_POSITION_BYTES - NUMBER_DIGITS, NUMBER_DIGITS + 1, "%016llx",
                 (unsigned long long)(stat->events / 2));
    }
    tl_reply_free(&reply);
    return err;
}

/* Of twenty million events one answer may take seconds. */
#define AS_OF_NS (60 * CLOCK_SECOND)

int
measure_as_of(struct bench *b, struct row *row)
{
    char position[TL_POSITION_BYTES + 1];
    struct tl_query query = {.as_of = position};
    struct asking a;
    int64_t first, began;
    size_t asked = 0;
    int err;

    if ((err = half_way(b, position)) != 0)
        return err;
    choose(&a, b, measure_rounds(b, 1000, 1000));
    first = began = clock_monotonic();
    for (; asked < a.count && began - first < AS_OF_NS && err == 0; asked++) {
        struct tl_reply *reply;

        began = clock_monotonic();
        err = tl_context(b->client, a.names[asked], &query, &reply);
        measure_sample(b, clock_monotonic() - began);
        tl_reply_free(&reply);
        if (err == TL_NOT_FOUND)
            err = 0;            /* he came later */
    }
    measure_finish(b, row, asked, clock_monotonic() - first, "contexts/s");
    free(a.names);
    return err;
}

/* ------------------------------------------------------ whatever he has done */

#define HOT_EVENTS_MAX 1000000
#define OFFERS_SHARE 100
#define PAIRS_MAX 5000

static int
publish_one(struct bench *b, const struct workload_one *one)
{
    int64_t began = measure_cpu_ns(getpid());

    workload_make_one(&b->workload, &b->run, one);
    b->making_ns += measure_cpu_ns(getpid()) - began;
    return measure_publish(b, 1000, 8);
}

static int
time_context(struct bench *b, const struct workload_one *one, int64_t *ns)
{
    char name[WORKLOAD_NAME_BYTES];
    struct tl_reply *reply;
    int64_t began;
    int err;

    workload_one_name(name, one);
    began = clock_monotonic();
    err = tl_context(b->client, name, NULL, &reply);
    *ns = clock_monotonic() - began;
    tl_reply_free(&reply);
    return err;
}

static int
compare_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The two in turns, so that whatever else the machine does is the same for both. */
static int
measure_pairs(struct bench *b, const struct workload_one *one, const struct workload_one *few,
              struct row *row)
{
    size_t count = measure_rounds(b, 10, PAIRS_MAX);
    int64_t *few_ns = calloc(count, sizeof few_ns[0]), ns;
    int err = 0;

    must(few_ns != NULL);
    for (size_t i = 0; i < count && err == 0; i++)
        if ((err = time_context(b, few, &few_ns[i])) == 0
            && (err = time_context(b, one, &ns)) == 0)
            measure_sample(b, ns);
    if (err == 0) {
        qsort(few_ns, count, sizeof few_ns[0], compare_ns);
        measure_finish(b, row, 1, 1, "x");
        row->value = row->p50_us * 1000.0 / (double)few_ns[(count - 1) / 2];
    }
    free(few_ns);
    return err;
}

static int
measure_beside_few(struct bench *b, const struct workload_one *one, const char *few_name,
                   struct row *row)
{
    const struct workload_one few = {few_name, 10, 1, 1};
    int err;

    if ((err = publish_one(b, one)) != 0 || (err = publish_one(b, &few)) != 0)
        return err;
    return measure_pairs(b, one, &few, row);
}

int
measure_hot_customer(struct bench *b, struct row *row)
{
    uint64_t events = b->events < HOT_EVENTS_MAX ? b->events : HOT_EVENTS_MAX;

    return measure_beside_few(
        b, &(struct workload_one){"hot", events, events / OFFERS_SHARE, 1}, "few", row);
}

int
measure_64_profiles(struct bench *b, struct row *row)
{
    return measure_beside_few(b, &(struct workload_one){"joined", 64 * 10, 64, 64}, "single",
                              row);
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
    struct tl_options options = {.endpoint = live->bench->sandbox->endpoint, .name = "bench-live"};
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
            measure_sample(b, now - live->sent[i]);
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

    measure_make(b, measure_rounds(b, 100, 5000));
    must((live.sent = calloc(b->run.count, sizeof live.sent[0])) != NULL);
    if ((err = tl_stream_open(b->client, &options, &stream)) == 0
        && (err = await_open(stream)) == 0) {
        began = clock_monotonic();
        must(pthread_create(&publisher, NULL, run_publisher, &live) == 0);
        err = follow(b, stream, &live);
        pthread_join(publisher, NULL);
        err = err != 0 ? err : live.err;
        measure_finish(b, row, b->run.count, clock_monotonic() - began, "events/s");
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
        measure_sample(b, clock_monotonic() - step);
        step = clock_monotonic();
    }
    measure_finish(b, row, count, clock_monotonic() - began, "events/s");
    tl_stream_close(&stream);
    if (err == TL_ECLOSED)
        return count >= b->stored ? 0 : TL_EDAMAGED;
    if (err == 0)
        err = ev != NULL ? TL_EDAMAGED : TL_EAWAY;
    return err;
}
