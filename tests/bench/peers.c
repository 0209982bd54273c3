/* peers -- the bench's rows done by the peers, for `touchline bench --peers`.
 *
 *   peers --check                         0, or 2 and what to install
 *   peers EVENTS CUSTOMERS DIRECTORY      "" is the default directory
 *
 * Prints lines of words with tabs between: peer NAME ABOUT, then
 * row NAME VALUE UNIT P50 P99 for each of its rows, `-` without them.
 *
 * The work is what it is for the bus as far as they have it: they store each
 * event once by customer and once in order, durably; whether it came before, who
 * it is of, and what it means they do not ask. */

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/must.h"
#include "tests/bench/peer.h"

#define READY_SECONDS 120
#define RUN_EVENTS 200000       /* also the most that a row stores */
#define SLOTS 32
#define LIVE_PER_SECOND 1000

static const struct peer *const peers[] = {&peer_redis, &peer_postgresql};

#define PEERS (sizeof peers / sizeof peers[0])

struct job {
    const struct peer *peer;
    struct server server;
    struct load load;
    uint64_t events;
    uint64_t stored;
    int64_t *samples;
    size_t samples_count;
};

void
die(const char *fmt, ...)
{
    va_list args;

    fputs("touchline bench --peers: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

uint64_t
process_bytes(pid_t pid, const char *file, const char *field)
{
    char path[64], line[256];
    uint64_t sum = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    if ((f = fopen(path, "r")) == NULL)
        return 0;
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            sum += strtoull(line + strlen(field), NULL, 10) * 1024;
    fclose(f);
    return sum;
}

/* -------------------------------------------------------------------- rows */

static void
sample(struct job *j, int64_t since)
{
    if (j->samples_count < RUN_EVENTS)
        j->samples[j->samples_count++] = clock_monotonic() - since;
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
print_row(struct job *j, const char *name, double value, const char *unit)
{
    size_t last = j->samples_count - 1;

    printf("row\t%s\t%.3f\t%s\t", name, value, unit);
    if (j->samples_count == 0) {
        puts("-\t-");
    } else {
        qsort(j->samples, j->samples_count, sizeof j->samples[0], compare);
        printf("%.1f\t%.1f\n", (double)j->samples[last * 50 / 100] / 1000.0,
               (double)j->samples[last * 99 / 100] / 1000.0);
    }
    fflush(stdout);
    j->samples_count = 0;
}

static void
print_rate(struct job *j, const char *name, uint64_t count, int64_t since, const char *unit)
{
    print_row(j, name, (double)count * 1e9 / (double)(clock_monotonic() - since), unit);
}

static size_t
rounds(const struct job *j, size_t share, size_t most)
{
    return j->events / share < most ? j->events / share : most;
}

static void
make(struct job *j, size_t count)
{
    workload_make(&j->load.workload, &j->load.run, count);
    for (size_t i = 0; i < count; i++)
        workload_name(j->load.names[i], workload_event(&j->load.run, i));
}

static int64_t
wait_until_ready(struct job *j)
{
    int64_t began = clock_monotonic();
    const struct timespec pause = {0, 2 * CLOCK_MS};
    char why[KEEPER_WHY_BYTES] = "";

    while (!j->peer->answers(&j->server)) {
        if (clock_monotonic() - began > READY_SECONDS * CLOCK_SECOND) {
            keeper_quote_log(&j->server.keeper, "its last words", why);
            die("%s did not start; %s", j->peer->name, why);
        }
        nanosleep(&pause, NULL);
    }
    return clock_monotonic() - began;
}

/* ------------------------------------------------------------------ ingest */

struct slot {
    void *connection;       /* which several slots may share: answers come in order */
    size_t count;           /* in flight */
    int64_t sent;
};

static void
open_slots(struct job *j, struct slot *slots, size_t count, size_t connections)
{
    for (size_t i = 0; i < count; i++)
        slots[i] = (struct slot){
            .connection = i < connections ? j->peer->connect(&j->server)
                                          : slots[i % connections].connection,
        };
}

static void
close_slots(struct job *j, struct slot *slots, size_t connections)
{
    for (size_t i = 0; i < connections; i++)
        j->peer->close(slots[i].connection);
}

static void
await(struct job *j, struct slot *s)
{
    if (s->count == 0)
        return;
    j->peer->await(s->connection, s->count);
    sample(j, s->sent);
    s->count = 0;
}

/* Stores the run, a batch in flight in each slot. */
static void
store_run(struct job *j, struct slot *slots, size_t count, size_t batch)
{
    size_t turn = 0;

    for (size_t i = 0; i < j->load.run.count; i += batch, turn++) {
        struct slot *s = &slots[turn % count];
        size_t left = j->load.run.count - i;

        await(j, s);
        s->count = left < batch ? left : batch;
        s->sent = clock_monotonic();
        j->peer->send(s->connection, &j->load, i, s->count);
    }
    for (size_t i = 0; i < count; i++, turn++)
        await(j, &slots[turn % count]);
    j->stored += j->load.run.count;
}

static void
measure_ingest(struct job *j, const char *name, size_t events, size_t batch, size_t slots_count,
               size_t connections)
{
    struct slot slots[SLOTS];
    int64_t began;

    make(j, events);
    open_slots(j, slots, slots_count, connections);
    began = clock_monotonic();
    store_run(j, slots, slots_count, batch);
    print_rate(j, name, events, began, "events/s");
    close_slots(j, slots, connections);
}

static void
fill(struct job *j)
{
    size_t connections = j->peer->batch_connections;
    struct slot slots[8];

    open_slots(j, slots, 8, connections);
    while (j->stored < j->events) {
        uint64_t left = j->events - j->stored;

        make(j, left < RUN_EVENTS ? left : RUN_EVENTS);
        store_run(j, slots, 8, 1000);
    }
    close_slots(j, slots, connections);
    j->samples_count = 0;
    j->peer->settle(&j->server);
}

/* ---------------------------------------------------------------- questions */

static void
measure_asking(struct job *j, const char *name, size_t questions, size_t slots_count,
               size_t connections)
{
    struct slot slots[SLOTS];
    int64_t began;

    open_slots(j, slots, slots_count, connections);
    for (size_t i = 0; i < connections; i++)
        j->peer->begin_asking(slots[i].connection);
    began = clock_monotonic();
    for (size_t i = 0; i < questions + slots_count; i++) {
        struct slot *s = &slots[i % slots_count];

        if (s->sent != 0) {
            j->peer->answer(s->connection);
            sample(j, s->sent);
            s->sent = 0;
        }
        if (i >= questions)
            continue;
        s->sent = clock_monotonic();
        j->peer->ask(s->connection, j->load.names[workload_draw(&j->load.workload,
                                                                j->load.run.count)]);
    }
    print_rate(j, name, questions, began, "contexts/s");
    close_slots(j, slots, connections);
}

/* -------------------------------------------------------------------- live */

struct live {
    struct job *job;
    void *connection;
    _Atomic int64_t *sent;
    size_t next;
};

static void
take_event(void *arg)
{
    struct live *live = arg;

    sample(live->job, live->sent[live->next++]);
}

static void *
run_follower(void *arg)
{
    struct live *live = arg;

    live->job->peer->follow(live->connection, live->job->load.run.count, take_event, live);
    return NULL;
}

static void
measure_live(struct job *j)
{
    struct live live = {.job = j, .connection = j->peer->connect(&j->server)};
    void *connection = j->peer->connect(&j->server);
    pthread_t follower;
    int64_t began, due;

    make(j, rounds(j, 100, 5000));
    must((live.sent = calloc(j->load.run.count, sizeof live.sent[0])) != NULL);
    j->peer->subscribe(live.connection);
    must(pthread_create(&follower, NULL, run_follower, &live) == 0);
    began = due = clock_monotonic();
    for (size_t i = 0; i < j->load.run.count; i++, due += CLOCK_SECOND / LIVE_PER_SECOND) {
        struct timespec until = {due / CLOCK_SECOND, due % CLOCK_SECOND};
        bool late = clock_monotonic() > due;

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        live.sent[i] = late ? due : clock_monotonic();
        j->peer->send_live(connection, &j->load, i);
    }
    pthread_join(follower, NULL);
    j->stored += j->load.run.count;
    print_rate(j, "live", j->load.run.count, began, "events/s");
    j->peer->close(connection);
    j->peer->close(live.connection);
    free(live.sent);
}

/* -------------------------------------------------------------------- cost */

static void
measure_replay(struct job *j)
{
    void *connection = j->peer->connect(&j->server);
    int64_t began = clock_monotonic();
    uint64_t count = j->peer->replay(connection);

    print_rate(j, "replay", count, began, "events/s");
    j->peer->close(connection);
    if (count != j->stored)
        die("%s has %llu of %llu events", j->peer->name, (unsigned long long)count,
            (unsigned long long)j->stored);
}

static void
measure_recovery(struct job *j)
{
    if (keeper_again(&j->server.keeper, KEEPER_CRASH) != 0)
        die("%s cannot be started again", j->peer->name);
    print_row(j, "recovery_s", (double)wait_until_ready(j) / 1e9, "s");
}

static void
measure(struct job *j)
{
    const struct peer *p = j->peer;

    fill(j);
    measure_ingest(j, "ingest_batch100_pipelined", rounds(j, 1, RUN_EVENTS), 100, 8,
                   p->batch_connections);
    measure_ingest(j, "ingest_batch1000_window8", rounds(j, 1, RUN_EVENTS), 1000, 8,
                   p->batch_connections);
    measure_ingest(j, "ingest_32_clients", rounds(j, 5, 100000), 1, SLOTS, SLOTS);
    measure_ingest(j, "ack_1_client", rounds(j, 20, 10000), 1, 1, 1);
    measure_asking(j, "context_closed_loop", rounds(j, 20, 20000), 1, 1);
    measure_asking(j, "context_32_inflight", rounds(j, 10, 100000), SLOTS, p->ask_connections);
    measure_live(j);
    measure_replay(j);
    print_row(j, "bytes_per_event", (double)p->disk_bytes(&j->server) / (double)j->stored, "bytes");
    print_row(j, "anonymous_bytes", (double)p->memory_bytes(&j->server), "bytes");
    measure_recovery(j);
}

static void
measure_peer(const struct peer *peer, uint64_t events, uint64_t customers, const char *parent)
{
    struct job *j = calloc(1, sizeof *j);

    must(j != NULL);
    j->peer = peer;
    j->events = events;
    must((j->samples = malloc(RUN_EVENTS * sizeof j->samples[0])) != NULL);
    must((j->load.names = malloc(RUN_EVENTS * sizeof j->load.names[0])) != NULL);
    workload_init(&j->load.workload, customers);
    peer->start(&j->server, parent);
    wait_until_ready(j);
    peer->prepare(&j->server);
    printf("peer\t%s\t%s\n", peer->name, j->server.about);
    measure(j);
    if (keeper_stop(&j->server.keeper) != 0)
        fprintf(stderr, "touchline bench --peers: %s did not stop as it should\n", peer->name);
    workload_run_fini(&j->load.run);
    workload_fini(&j->load.workload);
    free(j->load.names);
    free(j->samples);
    free(j);
}

static int
check(void)
{
    int code = 0;

    for (size_t i = 0; i < PEERS; i++) {
        const char *package = peers[i]->missing();

        if (package != NULL) {
            fprintf(stderr, "touchline: bench --peers needs the Debian package %s\n", package);
            code = 2;
        }
    }
    return code;
}

int
main(int argc, char **argv)
{
    int code = check();

    if (code != 0 || (argc == 2 && strcmp(argv[1], "--check") == 0))
        return code;
    if (argc != 4) {
        fputs("usage: peers --check | peers EVENTS CUSTOMERS DIRECTORY\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < PEERS; i++)
        measure_peer(peers[i], strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10),
                     argv[3][0] != '\0' ? argv[3] : NULL);
    return 0;
}
