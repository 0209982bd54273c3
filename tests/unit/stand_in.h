/* stand_in.h -- a broker for the client's tests, played by the test itself: it
 * takes each request and says what it likes. */

#ifndef STAND_IN_H
#define STAND_IN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/must.h"
#include "client/touchline.h"
#include "proto/codec.h"
#include "proto/wire.h"

#define LOG_ID "68f0a1b20000"
#define ROUNDS 100          /* of 20 ms, for what must come */
#define NOT_MS 60           /* for what must not */

struct stand_in {
    void *context, *socket;
    char endpoint[128];
    zmq_msg_t from, msg;
    struct arena arena;
    struct wire_request request;    /* the last one taken */
    struct tl_client *client;       /* is given time to work while we wait */
};

static inline void
stand_in_bind(struct stand_in *s)
{
    int linger = 0;

    s->context = zmq_ctx_new();
    s->socket = zmq_socket(s->context, ZMQ_ROUTER);
    zmq_setsockopt(s->socket, ZMQ_LINGER, &linger, sizeof linger);
    for (int i = 0; zmq_bind(s->socket, s->endpoint) != 0; i++) {
        must(i < ROUNDS);
        zmq_poll(NULL, 0, 20);
    }
}

static inline void
stand_in_open(struct stand_in *s)
{
    size_t len = sizeof s->endpoint;

    *s = (struct stand_in){.endpoint = "tcp://127.0.0.1:*"};
    codec_init();
    arena_init(&s->arena, CODEC_BUDGET_BYTES);
    zmq_msg_init(&s->from);
    zmq_msg_init(&s->msg);
    stand_in_bind(s);
    zmq_getsockopt(s->socket, ZMQ_LAST_ENDPOINT, s->endpoint, &len);
}

static inline void
stand_in_unbind(struct stand_in *s)
{
    zmq_close(s->socket);
    zmq_ctx_term(s->context);
}

static inline void
stand_in_close(struct stand_in *s)
{
    zmq_msg_close(&s->from);
    zmq_msg_close(&s->msg);
    arena_fini(&s->arena);
    stand_in_unbind(s);
}

static inline bool
stand_in_has(struct stand_in *s, int rounds, int round_ms)
{
    zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};

    for (int i = 0; i < rounds; i++) {
        if (s->client != NULL)
            tl_poll(s->client, -1, 0);
        if (zmq_poll(&item, 1, round_ms) > 0)
            return true;
    }
    return false;
}

static inline void
stand_in_take(struct stand_in *s)
{
    struct tl_str bytes;

    if (!stand_in_has(s, ROUNDS, 20))
        fail_msg("no request came");
    must(zmq_msg_recv(&s->from, s->socket, 0) >= 0);
    must(zmq_msg_recv(&s->msg, s->socket, 0) >= 0);
    bytes = (struct tl_str){zmq_msg_data(&s->msg), zmq_msg_size(&s->msg)};
    arena_reset(&s->arena);
    assert_int_equal(codec_decode(CODEC_REQUEST, &s->request, bytes, &s->arena), 0);
}

/* Answers the last request; reply->id 0 becomes its id. */
static inline void
stand_in_say(struct stand_in *s, struct wire_reply *reply)
{
    struct buf out = {0};

    if (reply->id == 0)
        reply->id = s->request.id;
    codec_encode(CODEC_REPLY, reply, &out);
    zmq_send(s->socket, zmq_msg_data(&s->from), zmq_msg_size(&s->from), ZMQ_SNDMORE);
    zmq_send(s->socket, out.ptr, out.len, 0);
    buf_free(&out);
}

static inline void
stand_in_welcome(struct stand_in *s, uint32_t window)
{
    struct wire_welcome welcome = {.version = 1, .publish_window = window};
    struct wire_reply reply = {.welcome = &welcome};

    stand_in_take(s);
    assert_non_null(s->request.hello);
    stand_in_say(s, &reply);
}

static inline void
stand_in_refuse(struct stand_in *s, uint64_t id, uint32_t code, uint32_t retry_after_ms)
{
    struct wire_refusal refusal = {code, TL_STR("no"), retry_after_ms};
    struct wire_reply reply = {.id = id, .refusal = &refusal};

    stand_in_say(s, &reply);
}

/* Gives the client time until something is so. */
#define settle(s, cond)                                                                            \
    do {                                                                                           \
        for (int settle_i = 0; !(cond) && settle_i < ROUNDS; settle_i++)                           \
            tl_poll((s)->client, -1, 20);                                                          \
        assert_true(cond);                                                                         \
    } while (0)

#endif
