#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/decode.h"
#include "tools/measure.h"
#include "tools/peers.h"
#include "tools/print.h"
#include "tools/verb.h"

#define CUSTOMERS_DEFAULT 1000000
#define CUSTOMERS_MAX 100000000
#define EVENTS_DEFAULT 1000000
#define EVENTS_MIN 1000
#define SUSTAINED_DEFAULT_S 600
#define SUSTAINED_MAX_S 86400
#define BODIES_DEFAULT "tests/data"

static const struct measure {
    const char *name;
    int (*run)(struct bench *b, struct row *row);
} measures[] = {
    {"ingest_batch100_pipelined", measure_batch100},
    {"ingest_batch1000_window8", measure_batch1000},
    {"ingest_32_clients", measure_clients},
    {"ack_1_client", measure_ack},
    {"context_closed_loop", measure_context},
    {"context_32_inflight", measure_contexts},
    {"context_as_of", measure_as_of},
    {"live", measure_live},
    {"replay", measure_replay},
    {"bytes_per_event", measure_event_bytes},
    {"bytes_per_profile", measure_profile_bytes},
    {"anonymous_bytes", measure_anonymous},
    {"context_hot_customer", measure_hot_customer},
    {"context_64_profiles", measure_64_profiles},
    {"recovery_s", measure_recovery},
    {"sustained", measure_sustained},       /* the last: only with --long or --sustain */
};

#define ROWS (sizeof measures / sizeof measures[0])

static void
say(const char *what)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "%s ...\n", what);
}

static int
failed(struct verb_call *call, int code, const char *doing, const char *more)
{
    char why[SANDBOX_WHY_BYTES + 256];
    int len = snprintf(why, sizeof why, "%s: %s%s%s", doing, tl_code_sentence(code),
                       more[0] != '\0' ? ": " : "", more);

    return verb_failed(call, code, (struct tl_str){why, (size_t)len});
}

/* ------------------------------------------------------------------ measure */

/* The cost of a broker that was started anew meanwhile is not known. */
static int
measure_one(struct bench *b, const struct measure *m, struct row *row)
{
    pid_t broker = b->sandbox->keeper.program;
    int64_t theirs = measure_cpu_ns(broker), ours = measure_cpu_ns(getpid());
    int err;

    b->samples.count = 0;
    b->making_ns = 0;
    row->name = m->name;
    if ((err = m->run(b, row)) != 0)
        return err;
    measure_watch_memory(b);
    ours = measure_cpu_ns(getpid()) - ours - b->making_ns;
    row->client_cpu_s = (double)ours / 1e9;
    if (broker == b->sandbox->keeper.program)
        row->broker_cpu_s = (double)(measure_cpu_ns(broker) - theirs) / 1e9;
    return 0;
}

static int
measure_all(struct verb_call *call, struct bench *b, struct row *rows, size_t count)
{
    static const char fill[] = "storing events to begin with";
    int err;

    say(fill);
    if ((err = measure_open(b)) == 0)
        err = measure_fill(b);
    if (err != 0)
        return failed(call, err, fill, b->why);
    for (size_t i = 0; i < count; i++) {
        say(measures[i].name);
        if ((err = measure_one(b, &measures[i], &rows[i])) != 0)
            return failed(call, err, measures[i].name, b->why);
    }
    return 0;
}

static int
measure_ours(struct verb_call *call, struct bench *b, uint64_t customers, struct row *rows,
             size_t count)
{
    struct sandbox sandbox;
    int err;

    if (sandbox_start(&sandbox, b->parent, b->why) != 0) {
        fprintf(stderr, "touchline: %s\n", b->why);
        return VERB_NO;
    }
    b->sandbox = &sandbox;
    call->broker = sandbox.endpoint;
    workload_init(&b->workload, customers);
    err = measure_all(call, b, rows, count);
    measure_close(b);
    call->broker = NULL;
    if (sandbox_stop(&sandbox) != 0) {
        fprintf(stderr, "touchline: the broker did not stop as it should\n");
        err = err != 0 ? err : VERB_NO;
    }
    workload_run_fini(&b->run);
    workload_fini(&b->workload);
    free(b->samples.ns);
    return err;
}

/* -------------------------------------------------------------------- print */

static int
print_json(const struct row *rows, size_t count)
{
    struct buf out = {0};
    int err;

    for (size_t i = 0; i < count; i++) {
        buf_printf(&out, "%s{\"name\":\"%s\",\"value\":%.*f,\"unit\":\"%s\",", i == 0 ? "[" : ",",
                   rows[i].name, rows[i].value < 100 ? 3 : 0, rows[i].value, rows[i].unit);
        if (rows[i].timed)
            buf_printf(&out, "\"p50\":%.1f,\"p99\":%.1f}", rows[i].p50_us, rows[i].p99_us);
        else
            buf_text(&out, "\"p50\":null,\"p99\":null}");
    }
    buf_text(&out, "]");
    err = print_line(&out, true);
    buf_free(&out);
    return err;
}

static void
print_cpu(struct print_table *t, double seconds)
{
    if (seconds > 0)
        print_cellf(t, "%.2f", seconds);
    else
        print_cellf(t, "%s", "");
}

static int
print_table(const struct row *rows, size_t count)
{
    struct print_table t = {.columns = 7,
                            .right = 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6};
    static const char *const heads[] = {"",       "value",        "unit",        "p50 µs",
                                        "p99 µs", "broker CPU s", "client CPU s"};
    char value[32];

    for (size_t i = 0; i < t.columns; i++)
        print_cellf(&t, "%s", heads[i]);
    for (size_t i = 0; i < count; i++) {
        print_cellf(&t, "%s", rows[i].name);
        print_cellf(&t, "%s", measure_text(value, rows[i].value));
        print_cellf(&t, "%s", rows[i].unit);
        if (rows[i].timed) {
            print_cellf(&t, "%.1f", rows[i].p50_us);
            print_cellf(&t, "%.1f", rows[i].p99_us);
        } else {
            print_cellf(&t, "%s", "");
            print_cellf(&t, "%s", "");
        }
        print_cpu(&t, rows[i].broker_cpu_s);
        print_cpu(&t, rows[i].client_cpu_s);
    }
    return print_rows(&t, 0, stdout);
}

static int
print_peers_json(const struct row *ours, size_t count, const struct peers *p)
{
    struct row rows[ROWS + PEERS_MAX * PEER_ROWS_MAX];
    char names[PEERS_MAX * PEER_ROWS_MAX][2 * PEER_NAME_BYTES];
    size_t theirs = 0;

    memcpy(rows, ours, count * sizeof rows[0]);
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->peers[i].count; j++, theirs++) {
            const struct peer *peer = &p->peers[i];

            snprintf(names[theirs], sizeof names[0], "%s_%s", peer->name, peer->names[j]);
            rows[count + theirs] = peer->rows[j];
            rows[count + theirs].name = names[theirs];
        }
    return print_json(rows, count + theirs);
}

/* The JSON is of figures only; what they were measured with goes to stderr. */
static int
print_all(struct verb_call *call, const struct row *rows, size_t count, const struct peers *p)
{
    bool json = call->output == OUTPUT_JSON;
    int err = json ? print_peers_json(rows, count, p) : print_table(rows, count);

    if (err == 0 && p->count > 0)
        err = peers_print(p, rows, count, json ? stderr : stdout);
    return err != 0 ? failed(call, err, "printing", "") : VERB_FINE;
}

/* The decoders alone: no broker. */
static int
bench_decoders(struct verb_call *call, const char *dir)
{
    static struct decode_rows measured;
    int err;

    if (verb_directory(dir) != 0)
        return VERB_USAGE;
    if ((err = decode_measure(&measured, dir, call->argv, (size_t)call->argc)) != 0)
        return err;
    err = call->output == OUTPUT_JSON ? print_json(measured.rows, measured.count)
                                      : print_table(measured.rows, measured.count);
    return err != 0 ? failed(call, err, "printing", "") : VERB_FINE;
}

int
verb_bench(struct verb_call *call)
{
    uint64_t customers = CUSTOMERS_DEFAULT;
    struct bench b = {.events = EVENTS_DEFAULT};
    bool with_peers = false, is_long = false, decoders = false;
    const struct verb_option options[] = {
        {"--customers", VERB_COUNT, &customers},
        {"--events", VERB_COUNT, &b.events},
        {"--data", VERB_TEXT, &b.parent},
        {"--peers", VERB_FLAG, &with_peers},
        {"--long", VERB_FLAG, &is_long},
        {"--sustain", VERB_COUNT, &b.sustained_s},
        {"--decode", VERB_FLAG, &decoders},
        {0},
    };
    struct row rows[ROWS] = {0};
    struct peers peers = {0};
    size_t count;
    int err;

    if ((err = verb_options(call, options, 0, VERB_LIST_MAX)) != 0)
        return err;
    if (decoders)
        return bench_decoders(call, b.parent != NULL ? b.parent : BODIES_DEFAULT);
    if (call->argc > 0)
        return verb_misused(call, "formats are named with --decode");
    if (call->broker != NULL)
        return verb_misused(call, "bench starts a broker of its own; --broker is not for it");
    if (customers < 1 || customers > CUSTOMERS_MAX)
        return verb_misused(call, "--customers takes 1 to %d", CUSTOMERS_MAX);
    if (b.events < EVENTS_MIN)
        return verb_misused(call, "--events takes %d or more", EVENTS_MIN);
    if (with_peers && (err = peers_check()) != 0)
        return err;
    if (b.sustained_s > SUSTAINED_MAX_S)
        return verb_misused(call, "--sustain takes at most %d seconds", SUSTAINED_MAX_S);
    if (is_long && b.sustained_s == 0)
        b.sustained_s = SUSTAINED_DEFAULT_S;
    count = b.sustained_s > 0 ? ROWS : ROWS - 1;
    if ((err = measure_ours(call, &b, customers, rows, count)) != 0)
        return err;
    if (with_peers && (err = peers_measure(&peers, b.parent, b.events, customers)) != 0)
        return err;
    return print_all(call, rows, count, &peers);
}
