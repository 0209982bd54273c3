#include "client/client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/must.h"
#include "client/reply.h"
#include "proto/str.h"
#include "proto/valid.h"

#define ENDPOINT_DEFAULT "tcp://127.0.0.1:7700"
#define TIMEOUT_DEFAULT_MS 10000
#define WINDOW_DEFAULT 8            /* until the broker's Welcome */
#define WINDOW_MAX 64               /* what we keep in memory, whatever it says */
#define BATCH_EVENTS_DEFAULT 1000
#define GREET_AGAIN_MS 200

void
client_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, codec_init);
}

int64_t
client_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? FOREVER : clock_monotonic() + timeout_ms * CLOCK_MS;
}

static const char *
endpoint_of(const struct tl_options *options)
{
    const char *endpoint = options->endpoint;

    if (endpoint == NULL)
        endpoint = getenv("TOUCHLINE_BROKER");
    return endpoint != NULL && endpoint[0] != '\0' ? endpoint : ENDPOINT_DEFAULT;
}

/* Nobody answers at port 0: a broker that is given it takes a free one. */
static bool
can_be_called(const char *endpoint)
{
    return endpoint_is(endpoint)
           && (strncmp(endpoint, "tcp://", 6) != 0
               || strtol(strrchr(endpoint, ':') + 1, NULL, 10) != 0);
}

int
tl_open(struct tl_client **out, const struct tl_options *options)
{
    static const struct tl_options none;
    struct tl_client *c;
    int err;

    *out = NULL;
    client_init();
    options = options != NULL ? options : &none;
    if (!can_be_called(endpoint_of(options)))
        return TL_EARGUMENT;
    if ((c = calloc(1, sizeof *c)) == NULL)
        return TL_ENOMEM;
    if ((err = connection_open(&c->connection, endpoint_of(options))) != 0) {
        free(c);
        return err;
    }
    strncpy(c->name, options->name != NULL ? options->name : program_invocation_short_name,
            sizeof c->name - 1);
    c->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_DEFAULT_MS;
    c->window = WINDOW_DEFAULT;
    c->batch_bytes_max = BATCH_BYTES_MAX;
    c->batch_events_max = BATCH_EVENTS_DEFAULT;
    c->publisher.answered = options->answered;
    c->publisher.arg = options->arg;
    c->queries_end = &c->queries;
    *out = c;
    return 0;
}

void
tl_close(struct tl_client **client)
{
    struct tl_client *c = *client;

    if (c == NULL)
        return;
    stream_detach_all(c);
    query_refuse_all(c, TL_ECLOSED);
    publish_fini(c);
    bundle_end(&c->bundle);
    connection_close(&c->connection);
    tl_reply_free(&c->spare);
    buf_free(&c->scratch);
    free(c);
    *client = NULL;
}

/* ----------------------------------------------------------------- session */

static void
begin(struct tl_client *c, int64_t greet_at)
{
    c->state = SESSION_GREETING;
    c->greeted = false;
    c->greet_at = greet_at;
    c->refused = 0;
    publish_again(c);
    query_again(c);
    stream_again(c);
}

/* The broker does not know our session any more: greets anew, and everything
 * unanswered is sent again.  What was sent before it lost us is answered NO_SESSION
 * message by message; the first one counts. */
static void
session_lost(struct tl_client *c)
{
    if (c->state == SESSION_OPEN)
        begin(c, 0);
}

static int
greet(struct tl_client *c)
{
    struct wire_hello hello = {WIRE_VERSION, {c->name, strlen(c->name)}, true};
    struct wire_request request = {.id = ++c->last_id, .hello = &hello};
    int err;

    if (c->greeted || clock_monotonic() < c->greet_at)
        return 0;
    if ((err = client_send(c, &request)) != 0)
        return err == TL_EAWAY ? 0 : err;
    c->hello_id = request.id;
    c->greeted = true;
    return 0;
}

static uint32_t
at_most(uint32_t offered, uint32_t most)
{
    return offered == 0 || offered > most ? most : offered;
}

static void
welcomed(struct tl_client *c, const struct wire_reply *reply)
{
    const struct wire_welcome *welcome = reply->welcome;

    if (c->state != SESSION_GREETING || reply->id != c->hello_id)
        return;
    c->window = at_most(welcome->publish_window, WINDOW_MAX);
    c->batch_bytes_max = at_most(welcome->batch_bytes_max, BATCH_BYTES_MAX);
    c->batch_events_max = at_most(welcome->batch_events_max, BATCH_EVENTS_DEFAULT);
    c->state = SESSION_OPEN;
}

static void
turned_away(struct tl_client *c, const struct wire_refusal *refusal)
{
    uint32_t wait_ms = refusal->retry_after_ms != 0 ? refusal->retry_after_ms : GREET_AGAIN_MS;

    if (refusal->code == TL_BUSY || refusal->code == TL_NO_SESSION) {
        begin(c, clock_monotonic() + wait_ms * CLOCK_MS);
        return;
    }
    c->refused = (int)refusal->code;
    query_refuse_all(c, c->refused);
}

/* ------------------------------------------------------------- what comes in */

static void
refusal(struct tl_client *c, struct tl_reply **reply)
{
    const struct wire_reply *wire = &(*reply)->wire;

    if (c->state == SESSION_GREETING && wire->id == c->hello_id)
        turned_away(c, wire->refusal);
    else if (wire->refusal->code == TL_NO_SESSION)
        session_lost(c);
    else if (!publish_refused(c, wire) && !stream_refused(c, reply))
        query_answered(c, reply);
}

static int
dispatch(struct tl_client *c, struct tl_reply **reply)
{
    const struct wire_reply *wire = &(*reply)->wire;

    if (wire->publish != NULL)
        return publish_acked(c, wire);
    if ((*reply)->is_delivery || wire->stream_end != NULL)
        stream_received(c, reply);
    else if (wire->welcome != NULL)
        welcomed(c, wire);
    else if (wire->refusal != NULL)
        refusal(c, reply);
    else
        query_answered(c, reply);
    return 0;
}

/* The next of those that came together, or of the socket. */
static int
next_reply(struct tl_client *c, struct tl_reply *reply)
{
    int err;

    while (!bundle_next(&c->bundle, &reply->msg, &reply->bytes)) {
        if ((err = connection_receive(&c->connection, &reply->msg)) != 0)
            return err;
        reply->bytes = (struct tl_str){zmq_msg_data(&reply->msg), zmq_msg_size(&reply->msg)};
        if (!bundle_begin(&c->bundle, &reply->msg))
            return 0;
    }
    return 0;
}

/* TL_EAWAY when there is none.  What was received is read once there is memory. */
static int
receive(struct tl_client *c)
{
    struct tl_reply *reply = c->spare;
    int err = 0;

    c->spare = NULL;
    if (reply == NULL && (reply = reply_new()) == NULL)
        return TL_ENOMEM;
    if (!reply->unread)
        err = next_reply(c, reply);
    if (err == 0 && (err = reply_read(reply)) == 0)
        err = dispatch(c, &reply);
    if (c->spare == NULL) {
        c->spare = reply;
        reply = NULL;
    }
    tl_reply_free(&reply);
    return err;
}

static int
receive_all(struct tl_client *c, bool *any)
{
    int err;

    for (*any = false; (err = receive(c)) == 0; *any = true)
        continue;
    return err == TL_EAWAY ? 0 : err;
}

/* All messages are read: they came before it. */
static void
take_news(struct tl_client *c)
{
    enum connection_news news;

    while ((news = connection_news(&c->connection)) != CONNECTION_NONE) {
        if (news == CONNECTION_UP)
            begin(c, 0);
        else
            c->state = SESSION_AWAY;
    }
}

/* ------------------------------------------------------------ what goes out */

int
client_send(struct tl_client *c, const struct wire_request *request)
{
    int err;

    buf_clear(&c->scratch);
    codec_encode(CODEC_REQUEST, request, &c->scratch);
    if (c->scratch.failed)
        return TL_ENOMEM;
    if ((err = connection_send(&c->connection, c->scratch.ptr, c->scratch.len)) == TL_EAWAY)
        c->blocked = true;
    return err;
}

static int
push(struct tl_client *c)
{
    int err = 0;

    c->blocked = false;
    if (c->state == SESSION_GREETING)
        err = greet(c);
    if (err != 0 || c->state != SESSION_OPEN)
        return err;
    if ((err = publish_push(c)) == 0 && (err = query_push(c)) == 0)
        err = stream_push(c);
    return err == TL_EAWAY ? 0 : err;
}

static int
wait_ms(const struct tl_client *c, int64_t deadline)
{
    int64_t now = clock_monotonic();

    if (c->spare != NULL && c->spare->unread)
        return 0;
    if (c->state == SESSION_GREETING && !c->greeted && c->greet_at < deadline)
        deadline = c->greet_at;
    if (c->publisher.busy_until > now && c->publisher.busy_until < deadline)
        deadline = c->publisher.busy_until;
    if (deadline == FOREVER)
        return -1;
    if (deadline <= now)
        return 0;
    deadline = (deadline - now + CLOCK_MS - 1) / CLOCK_MS;
    return deadline < INT32_MAX ? (int)deadline : INT32_MAX;
}

/* Takes what is there, else waits for it. */
static int
take_or_wait(struct tl_client *c, int fd, int64_t deadline)
{
    bool any, news;
    int err;

    if ((err = receive_all(c, &any)) != 0 || any)
        return err;
    news = connection_wait(&c->connection, fd, c->blocked, wait_ms(c, deadline));
    if ((err = receive_all(c, &any)) == 0 && news)
        take_news(c);
    return err;
}

int
client_work(struct tl_client *c, int fd, int64_t deadline)
{
    int64_t due = query_expire(c, clock_monotonic());
    int err;

    publish_seal(c);
    if ((err = push(c)) != 0
        || (err = take_or_wait(c, fd, due < deadline ? due : deadline)) != 0)
        return err;
    query_expire(c, clock_monotonic());
    if ((err = push(c)) != 0)
        return err;
    return c->refused;
}

int
tl_poll(struct tl_client *c, int fd, int timeout_ms)
{
    return client_work(c, fd, client_deadline(timeout_ms));
}
