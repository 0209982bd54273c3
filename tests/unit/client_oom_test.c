/* Memory runs out in the library, at each allocation of a whole conversation
 * with a real broker.
 *
 * The linker gives this program's calls of malloc and its kin to us, and leaves
 * those of libzmq and jansson alone.  Each round is a process of its own: it
 * begins as a program does, and its end tells whether it crashed. */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "client/touchline.h"

/* libzmq 4.3.4 leaves a handshake command that its I/O thread is just reading
 * when the context ends; what it allocates for us is counted by the tests. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:libzmq.so\n";
}

#define EVENTS 3
#define TIMEOUT_MS 10000
#define TRIES 200               /* of one call */
#define ROUNDS_MAX 2000

/* ------------------------------------------------------------ allocations */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *at, size_t bytes);
char *__real_strdup(const char *text);
void __real_free(void *at);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *at, size_t bytes);
char *__wrap_strdup(const char *text);
void __wrap_free(void *at);

static struct {
    bool counts;
    long asked, live;
    long fail_from, fail_to;    /* these calls fail, counted from 1 */
} heap;

static bool
refused(void)
{
    if (!heap.counts)
        return false;
    heap.asked++;
    return heap.asked >= heap.fail_from && heap.asked <= heap.fail_to;
}

static void *
given(void *at)
{
    heap.live += at != NULL;
    return at;
}

void *
__wrap_malloc(size_t bytes)
{
    return refused() ? NULL : given(__real_malloc(bytes));
}

void *
__wrap_calloc(size_t count, size_t bytes)
{
    return refused() ? NULL : given(__real_calloc(count, bytes));
}

void *
__wrap_realloc(void *at, size_t bytes)
{
    void *moved;

    if (refused())
        return NULL;
    moved = __real_realloc(at, bytes);
    return at == NULL ? given(moved) : moved;
}

char *
__wrap_strdup(const char *text)
{
    return refused() ? NULL : given(__real_strdup(text));
}

void
__wrap_free(void *at)
{
    heap.live -= at != NULL;
    __real_free(at);
}

/* ----------------------------------------------------------------- broker */

static struct {
    char dir[64], endpoint[128];
    pid_t pid;
} broker;

/* A broker is built beside its tests. */
static void
program_path(char *path, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", path, size - 1);

    must(len > 0);
    path[len] = '\0';
    for (int i = 0; i < 3; i++)
        *strrchr(path, '/') = '\0';
    must(strlen(path) + sizeof "/touchlined" <= size);
    strcat(path, "/touchlined");
}

static void
run_broker(void)
{
    char path[4096], config[128];
    FILE *f;

    snprintf(config, sizeof config, "%s/conf", broker.dir);
    must((f = fopen(config, "w")) != NULL);
    fputs("[store]\nsegment_size = 4 MiB\n", f);
    fclose(f);
    program_path(path, sizeof path);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    must(freopen("/dev/null", "w", stderr) != NULL);
    execl(path, "touchlined", "--data", broker.dir, "--listen", broker.endpoint, "--config", config,
          (char *)NULL);
    _exit(127);
}

static int
start_broker(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(broker.dir, sizeof broker.dir, "%.40s/touchline-XXXXXX", tmp != NULL ? tmp : "/tmp");
    must(mkdtemp(broker.dir) != NULL);
    snprintf(broker.endpoint, sizeof broker.endpoint, "ipc://%s/socket", broker.dir);
    must((broker.pid = fork()) >= 0);
    if (broker.pid == 0)
        run_broker();
    return 0;
}

static int
stop_broker(void **state)
{
    char command[128];
    int status;

    (void)state;
    kill(broker.pid, SIGTERM);
    waitpid(broker.pid, &status, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", broker.dir);
    must(system(command) == 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* ----------------------------------------------------------- conversation */

/* How a caller lives with it: a call that had no memory is made again. */
#define again(call)                                                                                \
    do {                                                                                           \
        int tries = 0;                                                                             \
        while ((err = (call)) == TL_ENOMEM && ++tries < talk->tries)                               \
            continue;                                                                              \
        if (err != 0)                                                                              \
            return err;                                                                            \
    } while (0)

struct talk {
    int tries;
    size_t stored, lost, delivered;
    char customer[64];
    struct tl_client *client;
    struct tl_stream *stream;
    struct tl_reply *reply;
    char *text;
};

static void
answered(void *arg, const struct tl_answer *a)
{
    struct talk *talk = arg;

    if (a->code == 0)
        talk->stored++;
    else
        talk->lost++;
}

static int
publish(struct talk *talk)
{
    struct tl_identifier id = {TL_STR("user"), {talk->customer + 5, strlen(talk->customer) - 5}};
    struct tl_offer_touch offer = {
        .offer = TL_STR("bike"), .campaign = TL_STR("spring"), .outcome = TL_STR("made")};
    int err;

    for (uint64_t i = 0; i < EVENTS; i++) {
        char name[96];
        int len = snprintf(name, sizeof name, "%s-%u", talk->customer, (unsigned)i);
        struct tl_event ev = {
            .id = {name, (size_t)len},
            .source = TL_STR("oom"),
            .type = TL_STR("offer.made"),
            .time = 1700000000000000000 + (int64_t)i,
            .channel = TL_STR("web"),
            .identifiers = &id,
            .identifiers_count = 1,
            .offers = &offer,
            .offers_count = 1,
        };

        again(tl_publish(talk->client, &ev, i));
    }
    again(tl_flush(talk->client, TIMEOUT_MS));
    return 0;
}

static int
ask(struct talk *talk)
{
    static const char *const types[] = {"offer.*"}, *const sections[] = {"offers"};
    struct tl_query short_one = {.sections = sections, .sections_count = 1};
    struct tl_query offers_only = {.types = types, .types_count = 1, .limit = 2};
    int err;

    again(tl_context(talk->client, talk->customer, &short_one, &talk->reply));
    must(tl_reply_context(talk->reply)->offers_count == 1);
    again(tl_reply_json(talk->reply, &talk->text));
    must(strstr(talk->text, "\"bike\"") != NULL);
    free(talk->text);
    talk->text = NULL;
    tl_reply_free(&talk->reply);

    again(tl_timeline(talk->client, talk->customer, &offers_only, &talk->reply));
    must(tl_reply_timeline(talk->reply)->events_count == 2);
    tl_reply_free(&talk->reply);
    again(tl_stat(talk->client, &talk->reply));
    must(tl_reply_stat(talk->reply)->events >= EVENTS);
    tl_reply_free(&talk->reply);
    return 0;
}

static int
read_event(struct talk *talk)
{
    struct tl_event *ev;
    struct tl_str whole;
    int err;

    again(tl_stream_whole(talk->stream, &whole));
    again(tl_event_decode(whole, &ev));
    must(ev->position.len == TL_POSITION_BYTES && ev->offers_count == 1);
    tl_event_free(&ev);
    again(tl_event_to_json(whole, &talk->text));
    free(talk->text);
    talk->text = NULL;
    talk->delivered++;
    return 0;
}

static int
follow(struct talk *talk)
{
    const char *const customers[] = {talk->customer};
    struct tl_stream_options options = {.customers = customers, .customers_count = 1};
    const struct tl_stream_event *ev;
    int err;

    again(tl_stream_open(talk->client, &options, &talk->stream));
    for (;;) {
        int tries = 0;

        while ((err = tl_stream_next(talk->stream, TIMEOUT_MS, &ev)) == TL_ENOMEM
               && ++tries < talk->tries)
            continue;
        if (err == TL_ECLOSED)
            return 0;
        if (err != 0)
            return err;
        must(ev != NULL);
        if ((err = read_event(talk)) != 0)
            return err;
    }
}

static int
converse(struct talk *talk)
{
    struct tl_options options = {.endpoint = broker.endpoint,
                                 .name = "oom",
                                 .timeout_ms = TIMEOUT_MS,
                                 .answered = answered,
                                 .arg = talk};
    int err;

    again(tl_open(&talk->client, &options));
    if ((err = publish(talk)) != 0 || (err = ask(talk)) != 0)
        return err;
    return follow(talk);
}

static void
finish(struct talk *talk)
{
    free(talk->text);
    tl_reply_free(&talk->reply);
    tl_stream_close(&talk->stream);
    tl_close(&talk->client);
}

/* ----------------------------------------------------------------- rounds */

/* How a round ends. */
enum { DONE = 10, NO_MEMORY, OTHER_ERROR, LEAK, LOST, CRASHED = 1000 /* and the signal */ };

struct told {
    long asked;
    int err;
};

static int
one_round(struct told *told, long from, long to, int tries)
{
    static unsigned rounds;
    struct talk talk = {.tries = tries};

    snprintf(talk.customer, sizeof talk.customer, "user:%d-%ld-%ld-%u", (int)getpid(), from, to,
             rounds++);
    heap.counts = true;
    heap.asked = heap.live = 0;
    heap.fail_from = from;
    heap.fail_to = to;
    told->err = converse(&talk);
    finish(&talk);
    heap.counts = false;
    told->asked = heap.asked;
    if (heap.live != 0)
        return LEAK;
    if (told->err != 0)
        return told->err == TL_ENOMEM ? NO_MEMORY : OTHER_ERROR;
    return talk.stored == EVENTS && talk.lost == 0 && talk.delivered == EVENTS ? DONE : LOST;
}

/* cmocka catches them; this process would go on with the tests that follow. */
static void
let_crashes_end_it(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        must(signal(crashes[i], SIG_DFL) != SIG_ERR);
}

static int
in_a_process(struct told *told, long from, long to, int tries)
{
    int pipes[2], status;
    pid_t pid;

    must(pipe(pipes) == 0 && (pid = fork()) >= 0);
    if (pid == 0) {
        int end;

        let_crashes_end_it();
        end = one_round(told, from, to, tries);
        must(write(pipes[1], told, sizeof *told) == sizeof *told);
        exit(end);      /* not _exit: a leak detector has its say */
    }
    close(pipes[1]);
    *told = (struct told){0};
    if (read(pipes[0], told, sizeof *told) != sizeof *told)
        told->err = -1000;
    close(pipes[0]);
    must(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : CRASHED + WTERMSIG(status);
}

static const char *
name_of(int end)
{
    static const char *const names[] = {"all done", "no memory", "another error", "a leak",
                                        "a loss"};
    static char crash[64];

    if (end >= DONE && end <= LOST)
        return names[end - DONE];
    snprintf(crash, sizeof crash, end > CRASHED ? "a crash, signal %d" : "exit code %d",
             end > CRASHED ? end - CRASHED : end);
    return crash;
}

static void
the_conversation_passes_when_there_is_memory(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(in_a_process(&told, 0, 0, 1), DONE);
    assert_in_range(told.asked, 30, ROUNDS_MAX);
}

/* Goes on until a round has no k-th allocation any more. */
static void
one_failed_allocation_costs_nothing_but_another_try(void **state)
{
    long k = 1;

    (void)state;
    for (struct told told = {.asked = 1}; told.asked >= k - 1; k++) {
        int end = in_a_process(&told, k, k, TRIES);

        if (end != DONE)
            fail_msg("allocation %ld of %ld: the round ended with %s, error %d", k, told.asked,
                     name_of(end), told.err);
    }
    assert_in_range(k, 30, ROUNDS_MAX);
}

static void
a_caller_who_does_not_try_again_is_told_of_it(void **state)
{
    size_t told_count = 0;
    long k = 1;

    (void)state;
    for (struct told told = {.asked = 1}; told.asked >= k - 1; k++) {
        int end = in_a_process(&told, k, k, 1);

        if (end != DONE && end != NO_MEMORY)
            fail_msg("allocation %ld of %ld: the round ended with %s, error %d", k, told.asked,
                     name_of(end), told.err);
        told_count += end == NO_MEMORY;
    }
    assert_in_range(told_count, 10, ROUNDS_MAX);
}

static void
when_memory_stays_out_every_call_ends_with_an_error(void **state)
{
    (void)state;
    for (long k = 1;; k++) {
        struct told told;
        int end = in_a_process(&told, k, LONG_MAX, 3);

        if (end == DONE && told.asked < k)
            return;
        /* Credit and a farewell may stay unsent, and then nothing is missing. */
        if (end != NO_MEMORY && end != DONE)
            fail_msg("from allocation %ld on, of %ld: the round ended with %s, error %d", k,
                     told.asked, name_of(end), told.err);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_conversation_passes_when_there_is_memory),
        cmocka_unit_test(one_failed_allocation_costs_nothing_but_another_try),
        cmocka_unit_test(a_caller_who_does_not_try_again_is_told_of_it),
        cmocka_unit_test(when_memory_stays_out_every_call_ends_with_an_error),
    };

    return cmocka_run_group_tests_name("client_oom", tests, start_broker, stop_broker);
}
