#include "broker/request.h"

#include "base/log.h"
#include "broker/broker.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/valid.h"

static void
publish(struct broker *b, struct asked *q)
{
    ingress_publish(b, q->session, q->request, q->message);
}

static const struct {
    size_t body;
    void (*take)(struct broker *b, struct asked *q);
    bool large;                 /* it carries data: bounded by a message's size alone */
} handlers[] = {
    {offsetof(struct wire_request, publish), publish, true},
    {offsetof(struct wire_request, context), answer_context, false},
    {offsetof(struct wire_request, timeline), answer_timeline, false},
    {offsetof(struct wire_request, may_contact), answer_may_contact, false},
    {offsetof(struct wire_request, stat), answer_stat, false},
    {offsetof(struct wire_request, stream), stream_take_open, false},
    {offsetof(struct wire_request, credit), stream_take_credit, false},
    {offsetof(struct wire_request, stream_close), stream_take_close, false},
    {offsetof(struct wire_request, offers), answer_offers, false},
    {offsetof(struct wire_request, verify), verify_take, false},
    {offsetof(struct wire_request, group_commit), groups_take_commit, false},
    {offsetof(struct wire_request, campaign), answer_campaign, false},
    {offsetof(struct wire_request, report), ignored_take, true},
};

static void
dispatch(struct broker *b, struct asked *q)
{
    const char *request = (const char *)q->request;

    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (*(void *const *)(const void *)(request + handlers[i].body) == NULL)
            continue;
        if (!handlers[i].large && zmq_msg_size(q->message) > QUESTION_BYTES_MAX)
            session_refuse(b, q->session, q->request->id, TL_TOO_LARGE,
                           "a request that carries no data has at most 64 KiB");
        else
            handlers[i].take(b, q);
        return;
    }
    session_refuse(b, q->session, q->request->id, TL_UNSUPPORTED,
                   "this broker does not know this request");
}

static int
decode(struct broker *b, zmq_msg_t *message, struct wire_request *out)
{
    struct tl_str bytes = {zmq_msg_data(message), zmq_msg_size(message)};

    arena_reset(&b->request_arena);
    return codec_decode(CODEC_REQUEST, out, bytes, &b->request_arena);
}

void
request_take(struct broker *b, struct session *s, zmq_msg_t *message, bool in_time)
{
    struct wire_request request;
    struct asked q = {s, &request, message, in_time};
    int err;

    if ((err = decode(b, message, &request)) != 0)
        session_refuse(b, s, request.id, err, NULL);
    else
        dispatch(b, &q);
}

static void
welcome(struct broker *b, const struct peer *from, const struct wire_request *request)
{
    const struct wire_hello *hello = request->hello;
    char position[POSITION_BYTES + 1];
    struct session *s;

    if (hello->version != WIRE_VERSION) {
        session_turn_away(b, from, request->id, TL_UNSUPPORTED,
                          "this broker speaks version 1 of the protocol");
        return;
    }
    if ((s = session_open(b, from, hello->client)) == NULL) {
        session_turn_away(b, from, request->id, TL_BUSY, "there are too many clients");
        return;
    }
    s->bundles = hello->bundles;
    session_reply(b, s, &(struct wire_reply){
        .id = request->id,
        .welcome = &(struct wire_welcome){
            .version = WIRE_VERSION,
            .server = TL_STR("touchlined " TL_VERSION),
            .position = broker_position(b, store_head(b->store), position),
            .event_bytes_max = EVENT_BYTES_MAX,
            .batch_bytes_max = BATCH_BYTES_MAX,
            .batch_events_max = BATCH_EVENTS_MAX,
            .publish_window = PUBLISH_WINDOW,
        },
    });
}

/* What cannot be read is answered when its id could be. */
void
request_receive(struct broker *b, const struct peer *from, zmq_msg_t *message)
{
    struct session *s = session_find(b, from);
    struct wire_request request;
    struct asked q = {s, &request, message, true};
    int err;

    if ((err = decode(b, message, &request)) != 0) {
        b->stats.garbage++;
        if (request.id != 0)
            session_turn_away(b, from, request.id, err, NULL);
        return;
    }
    if (request.hello != NULL) {
        welcome(b, from, &request);
        return;
    }
    if (s == NULL) {
        session_turn_away(b, from, request.id, TL_NO_SESSION, NULL);
        return;
    }
    s->heard_ms = uv_now(&b->loop);
    s->peer.delimited = from->delimited;
    session_ref(s);
    dispatch(b, &q);
    session_unref(&s);
}
