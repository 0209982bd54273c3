#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/measure.h"
#include "tools/print.h"
#include "tools/sandbox.h"
#include "tools/verb.h"

#define CUSTOMERS_DEFAULT 1000000
#define CUSTOMERS_MAX 100000000
#define EVENTS_DEFAULT 1000000
#define EVENTS_MIN 1000

static const struct measure {
    const char *name;
    int (*run)(struct bench *b, struct row *row);
} measures[] = {
    {"ingest_batch100_pipelined", measure_ingest},
    {"ack_1_client", measure_ack},
    {"context_closed_loop", measure_context},
    {"live", measure_live},
    {"replay", measure_replay},
};

#define ROWS (sizeof measures / sizeof measures[0])

static void
say(const char *what)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "%s ...\n", what);
}

static int
failed(struct verb_call *call, int code, const char *doing)
{
    char why[256];
    int len = snprintf(why, sizeof why, "%s: %s", doing, tl_code_sentence(code));

    return verb_failed(call, code, (struct tl_str){why, (size_t)len});
}

static int
measure_all(struct verb_call *call, struct bench *b, struct row rows[ROWS])
{
    static const char fill[] = "storing events to begin with";
    int err;

    say(fill);
    if ((err = measure_fill(b)) != 0)
        return failed(call, err, fill);
    for (size_t i = 0; i < ROWS; i++) {
        say(measures[i].name);
        b->samples.count = 0;
        rows[i].name = measures[i].name;
        if ((err = measures[i].run(b, &rows[i])) != 0)
            return failed(call, err, measures[i].name);
    }
    return 0;
}

static int
print_json(const struct row rows[ROWS])
{
    struct buf out = {0};

    for (size_t i = 0; i < ROWS; i++)
        buf_printf(&out, "%s{\"name\":\"%s\",\"value\":%.0f,\"unit\":\"%s\","
                   "\"p50\":%.1f,\"p99\":%.1f}",
                   i == 0 ? "[" : ",", rows[i].name, rows[i].value, rows[i].unit,
                   rows[i].p50_us, rows[i].p99_us);
    buf_text(&out, "]");
    return print_line(&out, true);
}

static int
print_table(const struct row rows[ROWS])
{
    struct print_table t = {.columns = 5, .right = 1u << 1 | 1u << 3 | 1u << 4};
    static const char *const heads[] = {"", "value", "unit", "p50 µs", "p99 µs"};
    char count[32];

    for (size_t i = 0; i < t.columns; i++)
        print_cellf(&t, "%s", heads[i]);
    for (size_t i = 0; i < ROWS; i++) {
        print_cellf(&t, "%s", rows[i].name);
        print_cellf(&t, "%s", print_count(count, (uint64_t)(rows[i].value + 0.5)));
        print_cellf(&t, "%s", rows[i].unit);
        print_cellf(&t, "%.1f", rows[i].p50_us);
        print_cellf(&t, "%.1f", rows[i].p99_us);
    }
    return print_rows(&t, 0, stdout);
}

static int
measure_and_print(struct verb_call *call, struct bench *b)
{
    const struct tl_options options = {
        .endpoint = b->endpoint,
        .name = "bench",
        .timeout_ms = MEASURE_PATIENCE_MS,
        .answered = measure_answered,
        .arg = b,
    };
    struct row rows[ROWS] = {0};
    int err;

    if ((err = tl_open(&b->client, &options)) != 0)
        return failed(call, err, "to begin with");
    err = measure_all(call, b, rows);
    tl_close(&b->client);
    if (err != 0)
        return err;
    err = call->output == OUTPUT_JSON ? print_json(rows) : print_table(rows);
    return err != 0 ? failed(call, err, "printing") : VERB_FINE;
}

int
verb_bench(struct verb_call *call)
{
    uint64_t customers = CUSTOMERS_DEFAULT, events = EVENTS_DEFAULT;
    const char *parent = NULL;
    const struct verb_option options[] = {
        {"--customers", VERB_COUNT, &customers},
        {"--events", VERB_COUNT, &events},
        {"--data", VERB_TEXT, &parent},
        {0},
    };
    struct sandbox sandbox;
    struct bench b = {0};
    char why[SANDBOX_WHY_BYTES];
    int err;

    if ((err = verb_options(call, options, 0, 0)) != 0)
        return err;
    if (call->broker != NULL)
        return verb_misused(call, "bench starts a broker of its own; --broker is not for it");
    if (customers < 1 || customers > CUSTOMERS_MAX)
        return verb_misused(call, "--customers takes 1 to %d", CUSTOMERS_MAX);
    if (events < EVENTS_MIN)
        return verb_misused(call, "--events takes %d or more", EVENTS_MIN);
    if (sandbox_start(&sandbox, parent, why) != 0) {
        fprintf(stderr, "touchline: %s\n", why);
        return VERB_NO;
    }
    b.endpoint = call->broker = sandbox.endpoint;
    b.events = events;
    workload_init(&b.workload, customers);
    err = measure_and_print(call, &b);
    if (sandbox_stop(&sandbox) != 0) {
        fprintf(stderr, "touchline: the broker did not stop as it should\n");
        err = err != 0 ? err : VERB_NO;
    }
    workload_run_fini(&b.run);
    workload_fini(&b.workload);
    free(b.samples.ns);
    return err;
}
