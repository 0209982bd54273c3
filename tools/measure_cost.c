/* What it costs: disk, memory, the time to recover, and what minutes of
 * more than fits into memory do. */

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "tools/measure.h"

#define FEW_CUSTOMERS 1000
#define FEW_EVENTS_MAX 1000000
#define RECOVERY_EVENTS_MAX 200000
#define SUSTAINED_PER_SECOND 35000
#define SUSTAINED_BATCH 100             /* events that come together, every 2.9 ms */
#define VIEWS_MEMORY_MIN (8u << 20)
#define ASK_EVERY_MS 5

/* -------------------------------------------------------------------- disk */

struct footprint {
    double bytes;
    double events;
    double profiles;
};

static uint64_t walked;     /* nftw gives its function nothing of ours */

static int
count_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    const char *name = path + at->base, *dot = strrchr(name, '.');
    bool log = dot != NULL && (strcmp(dot, ".log") == 0 || strcmp(dot, ".tmp") == 0);

    if (kind == FTW_F && !log)
        walked += (uint64_t)st->st_blocks * 512;
    return 0;
}

static int
restart(struct bench *b, enum keeper_end how, int64_t *ready_ns)
{
    measure_close(b);
    if (sandbox_again(b->sandbox, how, ready_ns, b->why) != 0)
        return TL_EAWAY;
    return measure_open(b);
}

/* The views are complete on disk once the broker was stopped. */
static int
take_footprint(struct bench *b, struct footprint *f)
{
    struct tl_reply *reply = NULL;
    int64_t ready_ns;
    int err;

    if ((err = restart(b, KEEPER_STOP, &ready_ns)) == 0
        && (err = tl_stat(b->client, &reply)) == 0) {
        const struct tl_stat *stat = tl_reply_stat(reply);

        walked = 0;
        if (nftw(b->sandbox->data, count_file, 16, FTW_PHYS) != 0)
            err = TL_EIO;
        *f = (struct footprint){(double)(walked + stat->log_bytes), (double)stat->events,
                                (double)stat->profiles};
    }
    tl_reply_free(&reply);
    return err;
}

/* As `b`, with a broker and customers of its own. */
static int
measure_few(const struct bench *b, struct footprint *f, char why[SANDBOX_WHY_BYTES])
{
    uint64_t events = b->events < FEW_EVENTS_MAX ? b->events : FEW_EVENTS_MAX;
    struct sandbox sandbox;
    struct bench few = {.sandbox = &sandbox};
    int err;

    if (sandbox_start(&sandbox, b->parent, why) != 0)
        return TL_EAWAY;
    workload_init(&few.workload, FEW_CUSTOMERS);
    if ((err = measure_open(&few)) == 0 && (err = measure_publish_many(&few, events)) == 0)
        err = take_footprint(&few, f);
    measure_close(&few);
    memcpy(why, few.why, SANDBOX_WHY_BYTES);
    if (sandbox_stop(&sandbox) != 0 && err == 0)
        err = TL_EAWAY;
    workload_run_fini(&few.run);
    workload_fini(&few.workload);
    return err;
}

int
measure_event_bytes(struct bench *b, struct row *row)
{
    struct footprint many, few;
    double event;
    int err;

    /* Its client is closed while the other broker is started: no threads then. */
    if ((err = take_footprint(b, &many)) != 0)
        return err;
    measure_close(b);
    if ((err = measure_few(b, &few, b->why)) != 0 || (err = measure_open(b)) != 0)
        return err;
    event = (few.bytes * many.profiles - many.bytes * few.profiles)
            / (few.events * many.profiles - many.events * few.profiles);
    b->profile_bytes = (many.bytes - many.events * event) / many.profiles;
    row->value = event;
    row->unit = "bytes";
    return 0;
}

int
measure_profile_bytes(struct bench *b, struct row *row)
{
    row->value = b->profile_bytes;
    row->unit = "bytes";
    return 0;
}

int
measure_anonymous(struct bench *b, struct row *row)
{
    measure_watch_memory(b);
    row->value = (double)b->anonymous_most;
    row->unit = "bytes";
    return b->anonymous_most > 0 ? 0 : TL_EIO;
}

int
measure_recovery(struct bench *b, struct row *row)
{
    int64_t ready_ns;
    int err;

    if ((err = measure_publish_many(b, measure_rounds(b, 1, RECOVERY_EVENTS_MAX))) != 0
        || (err = restart(b, KEEPER_CRASH, &ready_ns)) != 0)
        return err;
    row->value = (double)ready_ns / 1e9;
    row->unit = "s";
    return 0;
}

/* --------------------------------------------------------------- sustained */

/* Who asks for contexts meanwhile, on a thread and a connection of his own. */
struct asker {
    struct bench *bench;        /* its samples, nothing else */
    char (*names)[WORKLOAD_NAME_BYTES];
    size_t count;
    atomic_bool enough;
    int err;
};

static int
ask_steadily(struct asker *a, struct tl_client *client)
{
    const struct timespec pause = {0, ASK_EVERY_MS * CLOCK_MS};
    int err = 0;

    for (size_t i = 0; err == 0 && !a->enough; i++) {
        struct tl_reply *reply;
        int64_t began = clock_monotonic();

        err = tl_context(client, a->names[i % a->count], NULL, &reply);
        measure_sample(a->bench, clock_monotonic() - began);
        tl_reply_free(&reply);
        nanosleep(&pause, NULL);
    }
    return err;
}

static void *
run_asker(void *arg)
{
    struct asker *a = arg;
    struct tl_options options = {.endpoint = a->bench->sandbox->endpoint,
                                 .name = "bench-asker",
                                 .timeout_ms = MEASURE_PATIENCE_MS};
    struct tl_client *client;

    if ((a->err = tl_open(&client, &options)) != 0)
        return NULL;
    a->err = ask_steadily(a, client);
    tl_close(&client);
    return NULL;
}

/* Whoever is behind the pace does not wait: what is due stays due. */
static int
publish_at_pace(struct bench *b, uint64_t *count, int64_t *ns)
{
    const int64_t time = (int64_t)b->sustained_s * CLOCK_SECOND;
    const int64_t step_ns = CLOCK_SECOND * SUSTAINED_BATCH / SUSTAINED_PER_SECOND;
    int64_t began = clock_monotonic(), due = began;
    int err = 0;

    for (*count = 0; err == 0 && clock_monotonic() - began < time;
         *count += SUSTAINED_BATCH, due += step_ns) {
        struct timespec until = {due / CLOCK_SECOND, due % CLOCK_SECOND};

        measure_make(b, SUSTAINED_BATCH);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        err = measure_publish(b, SUSTAINED_BATCH, 0);
    }
    *ns = clock_monotonic() - began;
    return err;
}

static int
limit_memory(struct bench *b)
{
    struct tl_reply *reply = NULL;
    uint64_t views = 0;
    int64_t ready_ns;
    int err;

    if ((err = tl_stat(b->client, &reply)) == 0)
        views = tl_reply_stat(reply)->views_bytes / 10;
    tl_reply_free(&reply);
    if (err != 0)
        return err;
    if (sandbox_views_memory(b->sandbox, views > VIEWS_MEMORY_MIN ? views : VIEWS_MEMORY_MIN) != 0)
        return TL_EIO;
    return restart(b, KEEPER_STOP, &ready_ns);
}

int
measure_sustained(struct bench *b, struct row *row)
{
    struct asker asker = {.bench = b, .count = measure_rounds(b, 1, 100000)};
    pthread_t thread;
    uint64_t count;
    int64_t ns;
    int err;

    if ((err = limit_memory(b)) != 0)
        return err;
    measure_make(b, asker.count);
    if ((err = measure_publish(b, 1000, 8)) != 0)
        return err;
    must((asker.names = malloc(asker.count * sizeof asker.names[0])) != NULL);
    for (size_t i = 0; i < asker.count; i++)
        workload_name(asker.names[i], workload_event(&b->run, i));
    b->workload.strangers = true;
    must(pthread_create(&thread, NULL, run_asker, &asker) == 0);
    err = publish_at_pace(b, &count, &ns);
    asker.enough = true;
    pthread_join(thread, NULL);
    free(asker.names);
    measure_finish(b, row, count, ns, "events/s");
    return err != 0 ? err : asker.err;
}
