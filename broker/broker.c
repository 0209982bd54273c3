#include "broker/broker.h"
#include "broker/kinds.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "store/policy.h"

#define RECEIVE_NS (500 * 1000)             /* of one turn */
#define LINGER_MS 1000
#define EXPIRE_EVERY_S 60

void
broker_fail(struct broker *b, const char *what)
{
    log_error("broker", "%s; stopping at position=%s-%016llx", what, b->log,
              (unsigned long long)store_head(b->store));
    _exit(1);
}

struct tl_str
broker_position(const struct broker *b, uint64_t number, char *text)
{
    position_format(text, (struct position){store_log_id(b->store), number});
    return (struct tl_str){text, POSITION_BYTES};
}

/* ----------------------------------------------------------------- the loop */

/* Takes what has arrived.  true: there may be more. */
static bool
receive(struct broker *b)
{
    int64_t end = clock_monotonic() + RECEIVE_NS;
    zmq_msg_t message;
    struct peer from;
    bool more = true;

    must(zmq_msg_init(&message) == 0);
    session_gather(b);
    while (more && router_receive(&b->router, &from, &message, &b->stats.garbage)) {
        request_receive(b, &from, &message);
        if (batch_large(b))
            batch_begin(b, true);
        more = clock_monotonic() < end;
    }
    session_let_out(b);
    zmq_msg_close(&message);
    return !more;
}

static void
tick_store(struct broker *b)
{
    int err = store_tick(b->store);

    if (err != 0 && err != TL_NO_SPACE)
        broker_fail(b, "a checkpoint failed");
    if (err == TL_NO_SPACE && !b->batch.checkpoint_failed)
        log_warn("store", "no space for a checkpoint, tried again until there is");
    b->batch.checkpoint_failed = err == TL_NO_SPACE;
    verify_try(b);
}

static bool
turn(void *arg)
{
    struct broker *b = arg;
    bool more, due, past;

    batch_end(b);
    due = timers_turn(b);
    if (atomic_exchange(&b->tick_due, false))
        tick_store(b);
    ingress_continue(b);
    if (batch_large(b))
        batch_begin(b, true);
    more = receive(b);
    batch_begin(b, more || ingress_can_continue(b));
    past = as_of_turn(b);
    return stream_turn(b) || more || due || past || ingress_can_continue(b);
}

/* The turn that follows does the work. */
static void
woken(uv_async_t *async)
{
    (void)async;
}

static void
wake_for_tick(void *arg)
{
    struct broker *b = arg;

    atomic_store(&b->tick_due, true);
    uv_async_send(&b->wake);
}

static void
each_second(uv_timer_t *timer)
{
    struct broker *b = timer->data;

    atomic_store(&b->tick_due, true);
    timers_second(b);
    held_expire(b);
    stream_tick(b);
    loop_socket_again(&b->wire);
    if (++b->seconds % EXPIRE_EVERY_S == 0)
        session_expire(b);
}

void
broker_retry(uv_timer_t *timer)
{
    struct broker *b = timer->data;

    if (session_retry(b, false))
        loop_socket_again(&b->wire);
}

static void
stop(uv_signal_t *handle, int signum)
{
    struct broker *b = handle->data;

    log_info("broker", "stopping signal=%d", signum);
    uv_stop(&b->loop);
}

/* ------------------------------------------------------------------ opening */

static int
read_policy(struct broker *b, char why[BROKER_WHY_BYTES])
{
    struct policy *policy;
    int err;

    if (policy_read(&policy, b->policy, why) != 0)
        return -1;
    if ((err = store_set_policy(b->store, &policy)) != 0) {
        snprintf(why, BROKER_WHY_BYTES, "the contact policy cannot be kept with the data: %s",
                 tl_code_sentence(err));
        return -1;
    }
    log_info("policy", "in force file=%s rules=%zu", b->policy != NULL ? b->policy : "built-in",
             store_policy(b->store)->rules_count);
    return 0;
}

static void
read_policy_again(uv_signal_t *handle, int signum)
{
    char why[BROKER_WHY_BYTES];

    (void)signum;
    if (read_policy(handle->data, why) != 0)
        log_error("policy", "%s; the old one stays in force", why);
}

static int
start_loop(struct broker *b)
{
    int err;

    if ((err = uv_loop_init(&b->loop)) != 0 || (err = uv_async_init(&b->loop, &b->wake, woken)) != 0
        || (err = uv_signal_init(&b->loop, &b->sigterm)) != 0
        || (err = uv_signal_init(&b->loop, &b->sigint)) != 0
        || (err = uv_signal_init(&b->loop, &b->sighup)) != 0
        || (err = uv_timer_init(&b->loop, &b->second)) != 0
        || (err = uv_timer_init(&b->loop, &b->retry)) != 0)
        return err;
    b->loop.data = b;
    b->sigterm.data = b->sigint.data = b->sighup.data = b->second.data = b->retry.data = b;
    if ((err = uv_signal_start(&b->sigterm, stop, SIGTERM)) != 0
        || (err = uv_signal_start(&b->sigint, stop, SIGINT)) != 0
        || (err = uv_signal_start(&b->sighup, read_policy_again, SIGHUP)) != 0)
        return err;
    return uv_timer_start(&b->second, each_second, 1000, 1000);
}

static int
open_store(struct broker *b, const struct settings *s, char why[BROKER_WHY_BYTES])
{
    struct store_settings settings = {
        .dir = s->data,
        .segment_bytes = (size_t)s->segment_bytes,
        .views_bytes = (size_t)s->views_bytes,
        .flush_events = (size_t)s->flush_events,
        .flush_ns = s->flush_ms * CLOCK_MS,
        .grace_ns = s->grace_ms * CLOCK_MS,
        .wake = wake_for_tick,
        .wake_arg = b,
    };
    char position[POSITION_BYTES + 1];

    if (store_open(&b->store, &settings, why) != 0)
        return -1;
    if (why[0] != '\0')
        log_warn("store", "%s", why);
    broker_position(b, store_head(b->store), position);
    memcpy(b->log, position, LOG_ID_BYTES);
    return 0;
}

static int
open_wire(struct broker *b, const struct settings *s, char why[BROKER_WHY_BYTES])
{
    int err;

    if ((err = router_open(&b->router, s->listen)) != 0) {
        snprintf(why, BROKER_WHY_BYTES, "cannot listen at %.300s: %s", s->listen,
                 zmq_strerror(err));
        return -1;
    }
    err = loop_socket_start(&b->wire, &b->loop, b->router.socket, turn, b);
    if (err == 0 && (err = syncer_start(&b->batch.syncer, b->store, &b->wake)) == 0)
        return 0;
    snprintf(why, BROKER_WHY_BYTES, "cannot start: %s", strerror(err < 0 ? -err : err));
    return -1;
}

/* On failure the program ends, so nothing but the store is put away. */
int
broker_open(struct broker *b, const struct settings *s, char why[BROKER_WHY_BYTES])
{
    int err;

    *b = (struct broker){.stats.started = clock_monotonic()};
    arena_init(&b->request_arena, CODEC_BUDGET_BYTES);
    arena_init(&b->event_arena, CODEC_BUDGET_BYTES);
    arena_init(&b->answer_arena, ANSWER_BUDGET_BYTES);
    if ((err = start_loop(b)) != 0) {
        snprintf(why, BROKER_WHY_BYTES, "cannot start the loop: %s", uv_strerror(err));
        return -1;
    }
    if (kinds_read(&b->kinds, s->identifiers, why) != 0 || open_store(b, s, why) != 0)
        return -1;
    b->policy = s->policy;
    if (read_policy(b, why) != 0) {
        store_close(&b->store);
        return -1;
    }
    ingress_init(b);
    as_of_init(b);
    if ((err = deadletter_open(&b->deadletters, s->data)) != 0)
        snprintf(why, BROKER_WHY_BYTES, "cannot open %.300s/deadletters.jsonl: %s", s->data,
                 strerror(err));
    else if ((err = groups_open(&b->groups, s->data)) != 0)
        snprintf(why, BROKER_WHY_BYTES, "cannot open %.300s/groups: %s", s->data,
                 strerror(err));
    else if ((err = ignored_open(&b->ignored, s->data)) != 0)
        snprintf(why, BROKER_WHY_BYTES, "cannot open %.300s/ignored: %s", s->data,
                 strerror(err));
    else
        err = open_wire(b, s, why);
    if (err != 0)
        store_close(&b->store);
    return err != 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ closing */

/* libuv gives them back as they were, and who is told again to stop is to end as he
 * does when told once. */
static void
hear_no_more_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    must(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
}

static void
close_handles(struct broker *b)
{
    hear_no_more_signals();
    uv_close((uv_handle_t *)&b->wake, NULL);
    uv_close((uv_handle_t *)&b->sigterm, NULL);
    uv_close((uv_handle_t *)&b->sigint, NULL);
    uv_close((uv_handle_t *)&b->sighup, NULL);
    uv_close((uv_handle_t *)&b->second, NULL);
    uv_close((uv_handle_t *)&b->retry, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&b->loop) == 0);
}

static void
free_all(struct broker *b)
{
    stream_fini(b);
    held_fini(b);
    ingress_fini(b);
    session_fini(b);
    arena_fini(&b->request_arena);
    arena_fini(&b->event_arena);
    arena_fini(&b->answer_arena);
    buf_free(&b->scratch);
}

/* What was not admitted is not answered: its sender sends it again. */
static int
finish(struct broker *b)
{
    int err;

    loop_socket_stop(&b->wire);
    batch_settle(b);
    verify_stop(b);         /* they let the loop run, which must take nothing any more */
    as_of_stop(b);
    session_retry(b, true);
    syncer_stop(&b->batch.syncer);
    free_all(b);
    router_close(&b->router, LINGER_MS);
    deadletter_close(&b->deadletters);
    groups_close(&b->groups);
    ignored_close(&b->ignored);
    err = store_close(&b->store);
    kinds_free(&b->kinds);
    close_handles(b);       /* the store may have used the wake-up until here */
    if (err == TL_NO_SPACE) {
        log_warn("store", "no space for a last checkpoint, the next start takes longer");
    } else if (err != 0) {
        log_error("store", "the last checkpoint failed: %s", tl_code_sentence(err));
        return 1;
    }
    log_info("broker", "stopped");
    return 0;
}

int
broker_run(struct broker *b)
{
    char position[POSITION_BYTES + 1];

    broker_position(b, store_head(b->store), position);
    log_info("broker", "ready version=%s listen=%s position=%s", TL_VERSION, b->router.endpoint,
             position);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    return finish(b);
}
