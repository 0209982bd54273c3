#include "adapters/adapter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/service.h"
#include "base/log.h"
#include "base/must.h"
#include "base/standard.h"

#define STOP_WAIT_MS 3000
#define LOOK_MS 250             /* how soon a line added to a file is seen */

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_CALLED_WRONGLY = 2 };

/* --------------------------------------------------------------------- loop */

static void
awake(uv_idle_t *handle)
{
    (void)handle;
}

static void
note_space(struct service *s, int code)
{
    if (code != 0 && !s->full)
        log_warn("adapter", "the disk takes no more: requests are refused until it does");
    if (code == 0 && s->full)
        log_info("adapter", "there is space again");
    s->full = code != 0;
}

/* Never goes on after the disk failed: what it says is durable then is not. */
static void
judge_disk(int code)
{
    if (code != TL_EIO)
        return;
    log_error("adapter", "the spool cannot be written: %s; stopping", strerror(errno));
    _exit(EXIT_FAILED);
}

static void
commit(struct service *s)
{
    bool wrote = spool_pending(s->spool);
    int code = spool_commit(s->spool);

    judge_disk(code);
    if (wrote)
        note_space(s, code);
    serve_committed(s, code);
    for (size_t i = 0; i < s->sources_count; i++)
        source_committed(s->sources[i], code);
    for (size_t i = 0; i < s->dials_count; i++)
        dial_committed(s->dials[i], code);
    for (size_t i = 0; i < s->polls_count; i++)
        poll_committed(s->polls[i], code);
}

static void
look(uv_timer_t *timer)
{
    struct service *s = timer->data;

    s->looking = true;
}

/* A piece of each file a turn, so that requests do not wait for long files. */
static void
turn_sources(struct service *s)
{
    bool more = false;

    for (size_t i = 0; s->looking && i < s->sources_count; i++)
        more = source_turn(s->sources[i]) || more;
    s->looking = more;
}

/* Before the loop sleeps: one sync for everything that arrived meanwhile. */
static void
before_sleep(uv_prepare_t *prepare)
{
    struct service *s = prepare->data;
    bool answers;

    turn_sources(s);
    for (size_t i = 0; i < s->dials_count; i++)
        dial_turn(s->dials[i]);
    for (size_t i = 0; i < s->polls_count; i++)
        poll_turn(s->polls[i]);
    answers = s->waiting != NULL;
    commit(s);
    if (answers)
        http_turn(s->http);
    if (spool_pending(s->spool) || s->looking)
        uv_idle_start(&s->idle, awake);
    else
        uv_idle_stop(&s->idle);
}

static void
each_second(uv_timer_t *timer)
{
    struct service *s = timer->data;
    int code = spool_tick(s->spool);

    judge_disk(code);
    if (s->full && code == 0)
        note_space(s, 0);
}

static void
stop(uv_signal_t *handle, int signum)
{
    struct service *s = handle->data;

    log_info("adapter", "stopping signal=%d", signum);
    uv_stop(&s->loop);
}

static void
start_loop(struct service *s)
{
    must(uv_loop_init(&s->loop) == 0);
    uv_prepare_init(&s->loop, &s->prepare);
    uv_idle_init(&s->loop, &s->idle);
    uv_timer_init(&s->loop, &s->second);
    uv_signal_init(&s->loop, &s->sigterm);
    uv_signal_init(&s->loop, &s->sigint);
    uv_timer_init(&s->loop, &s->look);
    s->prepare.data = s->second.data = s->look.data = s->sigterm.data = s->sigint.data = s;
    uv_prepare_start(&s->prepare, before_sleep);
    uv_timer_start(&s->second, each_second, 1000, 1000);
    uv_signal_start(&s->sigterm, stop, SIGTERM);
    uv_signal_start(&s->sigint, stop, SIGINT);
}

static void
close_loop(struct service *s)
{
    uv_close((uv_handle_t *)&s->prepare, NULL);
    uv_close((uv_handle_t *)&s->idle, NULL);
    uv_close((uv_handle_t *)&s->second, NULL);
    uv_close((uv_handle_t *)&s->look, NULL);
    uv_close((uv_handle_t *)&s->sigterm, NULL);
    uv_close((uv_handle_t *)&s->sigint, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&s->loop) == 0);
}

/* ------------------------------------------------------------ open and close */

static int
open_folders(struct service *s, char why[SERVICE_WHY_BYTES])
{
    const struct setup *setup = s->setup;
    struct spool_limits limits = {setup->spool_bytes, setup->segment_bytes};
    char path[4096];
    int err;

    if (mkdir(setup->data, 0750) != 0 && errno != EEXIST) {
        snprintf(why, SERVICE_WHY_BYTES, "%.300s cannot be made: %s", setup->data,
                 strerror(errno));
        return -1;
    }
    snprintf(path, sizeof path, "%s/spool", setup->data);
    if (spool_open(&s->spool, path, &limits, why) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/deadletters", setup->data);
    if ((err = letters_open(&s->letters, path)) == 0)
        return 0;
    snprintf(why, SERVICE_WHY_BYTES, "%.300s cannot be opened: %s", path, strerror(err));
    return -1;
}

static void
open_inputs(struct service *s)
{
    const struct source_place place = {
        s->adapter->program, s->setup->data, s->spool, &s->letters, &s->counts,
        SOURCE_LINGER_MS,
    };

    for (size_t i = 0; i < s->setup->inputs_count; i++) {
        const struct setup_input *in = &s->setup->inputs[i];

        if (in->follow != NULL)
            s->sources[s->sources_count++] = source_open(in, ADAPTER_FOLLOW, &place);
        if (in->directory != NULL)
            s->sources[s->sources_count++] = source_open(in, ADAPTER_DROP, &place);
        if (in->connect != NULL)
            s->dials[s->dials_count++] = dial_open(&s->loop, in, &place);
        if (in->urls != NULL)
            s->polls[s->polls_count++] = poll_open(&s->loop, in, &place);
    }
    if (s->sources_count > 0)
        uv_timer_start(&s->look, look, 0, LOOK_MS);
}

static void
service_close(struct service *s)
{
    http_stop(&s->http);
    while (s->dials_count > 0)
        dial_close(&s->dials[--s->dials_count]);
    while (s->polls_count > 0)
        poll_close(&s->polls[--s->polls_count]);
    close_loop(s);
    while (s->sources_count > 0)
        source_close(&s->sources[--s->sources_count]);
    forward_stop(&s->forward, STOP_WAIT_MS);
    if (s->spool != NULL && spool_records(s->spool) > 0)
        log_info("adapter", "left in the spool for the next start events=%llu",
                 (unsigned long long)spool_records(s->spool));
    spool_close(&s->spool);
    letters_close(&s->letters);
    counts_fini(&s->counts);
    ignored_fini(&s->ignored);
}

static int
service_open(struct service *s, char why[SERVICE_WHY_BYTES])
{
    int err;

    s->letters.dir = -1;
    ignored_init(&s->ignored, s->adapter->program);
    s->counts.ignored = &s->ignored;
    start_loop(s);
    if (open_folders(s, why) != 0)
        return -1;
    err = forward_start(&s->forward, s->adapter->program, s->setup->broker, s->spool, &s->letters,
                        &s->forwarded, &s->ignored);
    if (err != 0) {
        snprintf(why, SERVICE_WHY_BYTES, "%.300s is no place of a broker: %s",
                 s->setup->broker != NULL ? s->setup->broker : "$TOUCHLINE_BROKER",
                 tl_code_sentence(err));
        return -1;
    }
    return http_start(&s->http, &s->loop, &s->setup->address, serve_request, s, why);
}

static void
warn_unsigned(const struct setup *setup)
{
    for (size_t i = 0; i < setup->inputs_count; i++) {
        const struct setup_input *in = &setup->inputs[i];

        if (in->signed_path != NULL && in->key == NULL)
            log_warn("adapter", "signatures of %s are not checked: [%s] %s is not set",
                     in->format->name, in->format->name, in->signed_path->key);
    }
}

static int
complain(const struct adapter *a, int code, const char *sentence)
{
    fprintf(stderr, "%s: %s\n", a->program, sentence);
    return code;
}

static int
run(const struct adapter *a, const struct setup *setup)
{
    static struct service service;
    char why[SERVICE_WHY_BYTES];
    struct service *s = &service;

    s->adapter = a;
    s->setup = setup;
    if (service_open(s, why) != 0) {
        service_close(s);
        return complain(a, EXIT_FAILED, why);
    }
    open_inputs(s);
    warn_unsigned(setup);
    log_info("adapter", "ready listen=%s port=%u data=%s waiting=%llu", setup->listen,
             http_port(s->http), setup->data, (unsigned long long)spool_records(s->spool));
    uv_run(&s->loop, UV_RUN_DEFAULT);
    commit(s);
    service_close(s);
    return EXIT_FINE;
}

int
adapter_main(const struct adapter *a, int argc, char **argv)
{
    static struct setup setup;
    char why[SETUP_WHY_BYTES];

    standard_open();
    if (setup_read(&setup, a, argc, argv, why) != 0)
        return complain(a, EXIT_CALLED_WRONGLY, why);
    if (setup.help) {
        setup_usage(a);
        return EXIT_FINE;
    }
    if (setup.version) {
        printf("%s %s\n", a->program, TL_VERSION);
        return EXIT_FINE;
    }
    if (setup.check) {
        printf("%s: the settings are right\n", a->program);
        return EXIT_FINE;
    }
    signal(SIGPIPE, SIG_IGN);
    return run(a, &setup);
}
