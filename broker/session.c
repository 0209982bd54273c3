#include "broker/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "broker/bundle.h"
#include "broker/broker.h"
#include "proto/code.h"
#include "proto/codec.h"

#define RETRY_MS 1              /* while a peer's pipe is full */
#define RETRY_MAX_MS 128        /* one who does not read is asked less and less often */
#define RETRY_AFTER_MS 1000

struct outgoing {
    struct outgoing *next;
    zmq_msg_t message;
};

struct session *
session_find(struct broker *b, const struct peer *peer)
{
    return map_get(&b->sessions.by_peer, peer->routing, peer->routing_len);
}

static void deliver_gathered(struct broker *b);

/* What was not read yet of a conversation goes before what its next one says. */
struct leftover {
    struct outgoing *first;
    struct outgoing **end;
    size_t bytes;
};

static void
take_outbox(struct session *s, struct leftover *left)
{
    *left = (struct leftover){s->outbox, s->outbox_end, s->outbox_bytes};
    s->outbox = NULL;
    s->outbox_end = &s->outbox;
    s->outbox_bytes = 0;
}

static void
wait_for_pipe(struct broker *b, struct session *s)
{
    session_ref(s);
    s->next_blocked = b->sessions.blocked;
    b->sessions.blocked = s;
    s->retry_wait_ms = RETRY_MS;
    s->retry_at_ms = uv_now(&b->loop) + RETRY_MS;
    uv_timer_start(&b->retry, broker_retry, RETRY_MS, 0);
}

static void
give_outbox(struct broker *b, struct session *s, const struct leftover *left)
{
    if (left->first == NULL)
        return;
    s->outbox = left->first;
    s->outbox_end = left->end;
    s->outbox_bytes = left->bytes;
    wait_for_pipe(b, s);
}

struct session *
session_open(struct broker *b, const struct peer *peer, struct tl_str name)
{
    struct session *s = session_find(b, peer);
    struct leftover left = {.first = NULL};

    if (s != NULL) {
        session_ref(s);
        deliver_gathered(b);    /* which may find that it is gone */
        take_outbox(s, &left);
        session_close(b, s);
        session_unref(&s);
    }
    if (b->sessions.by_peer.count >= SESSIONS_MAX)
        return NULL;
    must((s = calloc(1, sizeof *s)) != NULL);
    s->peer = *peer;
    s->refs = 1;
    s->open = true;
    s->heard_ms = uv_now(&b->loop);
    s->outbox_end = &s->outbox;
    snprintf(s->name, sizeof s->name, "%.*s",
             (int)(name.len < sizeof s->name ? name.len : sizeof s->name),
             name.len > 0 ? name.ptr : "");
    *map_put(&b->sessions.by_peer, peer->routing, peer->routing_len) = s;
    give_outbox(b, s, &left);
    return s;
}

static void
empty_outbox(struct session *s)
{
    while (s->outbox != NULL) {
        struct outgoing *out = s->outbox;

        s->outbox = out->next;
        zmq_msg_close(&out->message);
        free(out);
    }
    s->outbox_end = &s->outbox;
    s->outbox_bytes = 0;
}

/* Its streams see that it is closed and end by themselves. */
void
session_close(struct broker *b, struct session *s)
{
    if (!s->open)
        return;
    s->open = false;
    empty_outbox(s);
    must(map_remove(&b->sessions.by_peer, s->peer.routing, s->peer.routing_len) == s);
    session_unref(&s);
}

void
session_ref(struct session *s)
{
    s->refs++;
}

void
session_unref(struct session **s)
{
    struct session *gone = *s;

    *s = NULL;
    if (--gone->refs > 0)
        return;
    empty_outbox(gone);
    free(gone);
}

/* ------------------------------------------------------------------ sending */

static void
put_in_outbox(struct broker *b, struct session *s, zmq_msg_t *message)
{
    struct outgoing *out = calloc(1, sizeof *out);

    must(out != NULL);
    if (s->outbox == NULL)
        wait_for_pipe(b, s);
    s->outbox_bytes += zmq_msg_size(message);
    must(zmq_msg_init(&out->message) == 0 && zmq_msg_move(&out->message, message) == 0);
    *s->outbox_end = out;
    s->outbox_end = &out->next;
}

static void
let_go(struct broker *b, struct session *s)
{
    log_warn("session", "client=%s does not read its answers, let go", s->name);
    session_close(b, s);
}

static void
deliver(struct broker *b, struct session *s, zmq_msg_t *message)
{
    int err = s->open ? EAGAIN : EHOSTUNREACH;

    if (s->open && s->outbox == NULL)
        err = router_send(&b->router, &s->peer, message);
    if (err == EAGAIN && s->outbox_bytes + zmq_msg_size(message) <= OUTBOX_BYTES_MAX)
        put_in_outbox(b, s, message);
    else if (err == EAGAIN)
        let_go(b, s);
    else if (err != 0)
        session_close(b, s);
    zmq_msg_close(message);
}

/* How many of those that follow each other can go as one message. */
static size_t
count_together(struct gathered *g, size_t left)
{
    size_t count = 0;

    while (count < left && g[count].session == g->session && g->session->bundles &&
           zmq_msg_size(&g[count].message) <= BUNDLED_BYTES_MAX)
        count++;
    return count > 0 ? count : 1;
}

static void
deliver_together(struct broker *b, struct gathered *g, size_t count)
{
    zmq_msg_t *messages[GATHERED_MAX], bundle;

    if (count == 1) {
        deliver(b, g->session, &g->message);
        return;
    }
    for (size_t i = 0; i < count; i++)
        messages[i] = &g[i].message;
    bundle_message(messages, count, &bundle);
    deliver(b, g->session, &bundle);
    for (size_t i = 0; i < count; i++)
        zmq_msg_close(messages[i]);
}

static void
deliver_gathered(struct broker *b)
{
    struct gathered *g = b->sessions.gathered, *end = g + b->sessions.gathered_count;

    while (g < end) {
        size_t count = count_together(g, (size_t)(end - g));

        deliver_together(b, g, count);
        for (; count > 0; count--)
            session_unref(&g++->session);
    }
    b->sessions.gathered_count = 0;
}

void
session_send(struct broker *b, struct session *s, zmq_msg_t *message)
{
    struct gathered *g = &b->sessions.gathered[b->sessions.gathered_count];

    if (!b->sessions.gathering) {
        deliver(b, s, message);
        return;
    }
    session_ref(s);
    g->session = s;
    must(zmq_msg_init(&g->message) == 0 && zmq_msg_move(&g->message, message) == 0);
    if (++b->sessions.gathered_count == GATHERED_MAX)
        deliver_gathered(b);
}

void
session_gather(struct broker *b)
{
    b->sessions.gathering = true;
}

void
session_let_out(struct broker *b)
{
    b->sessions.gathering = false;
    deliver_gathered(b);
}

void
session_encode(struct broker *b, const struct wire_reply *reply, zmq_msg_t *message)
{
    buf_clear(&b->scratch);
    codec_encode(CODEC_REPLY, reply, &b->scratch);
    must(!b->scratch.failed && zmq_msg_init_size(message, b->scratch.len) == 0);
    if (b->scratch.len > 0)
        memcpy(zmq_msg_data(message), b->scratch.ptr, b->scratch.len);
}

void
session_reply(struct broker *b, struct session *s, const struct wire_reply *reply)
{
    zmq_msg_t message;

    session_encode(b, reply, &message);
    session_send(b, s, &message);
}

static struct wire_refusal
refusal(int code, const char *detail)
{
    if (detail == NULL)
        detail = tl_code_sentence(code);
    return (struct wire_refusal){
        .code = (uint32_t)code,
        .detail = {detail, strlen(detail)},
        .retry_after_ms = code == TL_BUSY || code == TL_NO_SPACE ? RETRY_AFTER_MS : 0,
    };
}

void
session_refuse(struct broker *b, struct session *s, uint64_t id, int code, const char *detail)
{
    struct wire_refusal no = refusal(code, detail);

    session_reply(b, s, &(struct wire_reply){.id = id, .refusal = &no});
}

void
session_turn_away(struct broker *b, const struct peer *peer, uint64_t id, int code,
                  const char *detail)
{
    struct wire_refusal no = refusal(code, detail);
    zmq_msg_t message;

    session_encode(b, &(struct wire_reply){.id = id, .refusal = &no}, &message);
    router_send(&b->router, peer, &message);
    zmq_msg_close(&message);
}

/* -------------------------------------------------------------- housekeeping */

/* Returns true when nothing is left. */
static bool
send_outbox(struct broker *b, struct session *s)
{
    while (s->outbox != NULL) {
        struct outgoing *out = s->outbox;
        size_t bytes = zmq_msg_size(&out->message);
        int err = router_send(&b->router, &s->peer, &out->message);

        if (err == EAGAIN)
            return false;
        if (err != 0) {
            session_close(b, s);
            return true;
        }
        s->outbox_bytes -= bytes;
        if ((s->outbox = out->next) == NULL)
            s->outbox_end = &s->outbox;
        zmq_msg_close(&out->message);
        free(out);
    }
    return true;
}

/* Tries one; returns true when it is not blocked any more. */
static bool
retry(struct broker *b, struct session *s)
{
    size_t bytes = s->outbox_bytes;
    const struct outgoing *first = s->outbox;

    if (!s->open || send_outbox(b, s))
        return true;
    if (s->outbox != first || s->outbox_bytes != bytes)
        s->retry_wait_ms = RETRY_MS;
    else if (s->retry_wait_ms < RETRY_MAX_MS)
        s->retry_wait_ms *= 2;
    s->retry_at_ms = uv_now(&b->loop) + s->retry_wait_ms;
    return false;
}

bool
session_retry(struct broker *b, bool all)
{
    uint64_t now = uv_now(&b->loop), soonest = UINT64_MAX;
    struct session **link = &b->sessions.blocked;
    bool some = false;

    while (*link != NULL) {
        struct session *s = *link;

        if ((all || !s->open || s->retry_at_ms <= now) && retry(b, s)) {
            *link = s->next_blocked;
            stream_unblocked(b, s);
            session_unref(&s);
            some = true;
            continue;
        }
        soonest = s->retry_at_ms < soonest ? s->retry_at_ms : soonest;
        link = &s->next_blocked;
    }
    if (b->sessions.blocked == NULL)
        uv_timer_stop(&b->retry);
    else
        uv_timer_start(&b->retry, broker_retry, soonest > now ? soonest - now : 0, 0);
    return some;
}

void
session_expire(struct broker *b)
{
    uint64_t now = uv_now(&b->loop);
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&b->sessions.by_peer, &i)) != NULL;) {
        struct session *s = e->value;

        if (s->streams == 0 && s->publishes == 0 && now - s->heard_ms > SESSION_IDLE_MS) {
            session_close(b, s);
            i--;        /* another may have moved up */
        }
    }
}

void
session_fini(struct broker *b)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&b->sessions.by_peer, &i)) != NULL; i = 0)
        session_close(b, e->value);
    while (b->sessions.blocked != NULL) {
        struct session *s = b->sessions.blocked;

        b->sessions.blocked = s->next_blocked;
        session_unref(&s);
    }
    map_fini(&b->sessions.by_peer);
}
