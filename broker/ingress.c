#include "broker/ingress.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "broker/broker.h"
#include "broker/normalise.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/valid.h"

#define RETRY_AFTER_MS 1000
#define TURN_NS (500 * 1000)    /* then others are served, and the rest waits its turn */
#define EVENTS_PER_LOOK STORE_EXPECT_MAX    /* then one at the clock */

/* Where an event lies in its message. */
struct span {
    uint32_t at;
    uint32_t len;
};

/* An event that was looked at, and is decided about when its turn comes. */
struct looked_at {
    struct arena arena;
    struct tl_event event;
    struct store_event in;
    int err;
    const char *detail;
};

struct publish {
    struct publish *next;
    struct session *session;
    uint64_t id;
    zmq_msg_t message;          /* kept while events are not decided yet */
    struct span *spans;         /* of the events in it; NULL when all are decided */
    uint64_t need;              /* the highest number answered */
    bool no_space;
    size_t decided;
    size_t count;
    struct wire_event_answer answers[];
};

/* Numbers are found by time, so the received time must not go back when the
 * clock does, nor across a restart. */
void
ingress_init(struct broker *b)
{
    char why[STORE_WHY_BYTES];
    uint64_t head = store_head(b->store);
    struct frame last;

    b->ingress.queue_end = &b->ingress.queue;
    b->ingress.looked_at = calloc(EVENTS_PER_LOOK, sizeof b->ingress.looked_at[0]);
    must(b->ingress.looked_at != NULL);
    for (size_t i = 0; i < EVENTS_PER_LOOK; i++)
        arena_init(&b->ingress.looked_at[i].arena, CODEC_BUDGET_BYTES);
    if (head >= store_tail(b->store) && store_read_header(b->store, head, &last, why) == 0)
        b->ingress.received = last.received;
}

int64_t
ingress_now(struct broker *b)
{
    int64_t now = clock_now();

    if (now > b->ingress.received)
        b->ingress.received = now;
    return b->ingress.received;
}

/* ---------------------------------------------------------------- one event */

static void
refuse(struct broker *b, struct publish *p, int code, const char *detail)
{
    struct wire_event_answer *a = &p->answers[p->decided];

    if (detail == NULL)
        detail = tl_code_sentence(code);
    *a = (struct wire_event_answer){.code = (uint32_t)code, .detail = {detail, strlen(detail)}};
    if (code == TL_NO_SPACE) {
        a->retry_after_ms = RETRY_AFTER_MS;
        p->no_space = true;
    }
    stats_refused(&b->stats, code);
}

static int
canonical(const struct broker *b, struct looked_at *l)
{
    const struct tl_event *ev = &l->event;
    struct store_identifier *ids;
    int err;

    if (valid_is_link(ev->type)) {
        if ((ids = arena_alloc(&l->arena, 2 * sizeof *ids)) == NULL)
            return TL_TOO_MANY;
        l->in.identifiers_count = 2;
        err = normalise_link(b->kinds, ev, &l->arena, ids, &l->detail);
    } else {
        err = normalise_identifiers(b->kinds, ev, &l->arena, &ids, &l->in.identifiers_count,
                                    &l->detail);
    }
    l->in.identifiers = ids;
    return err;
}

/* From bytes to something the store can take.  Returns 0 or a refusal code. */
static int
examine(const struct broker *b, struct looked_at *l, struct tl_str bytes)
{
    int err;

    arena_reset(&l->arena);
    l->detail = NULL;
    if (bytes.len > EVENT_BYTES_MAX)
        return TL_TOO_LARGE;
    if ((err = codec_decode(CODEC_EVENT, &l->event, bytes, &l->arena)) != 0 ||
        (err = valid_event(&l->event, bytes.len, &l->detail)) != 0)
        return err;
    return canonical(b, l);
}

static void
answer_verdict(struct broker *b, struct publish *p, const struct store_event *in,
               const struct store_verdict *v)
{
    if (v->code < 0)
        broker_fail(b, v->detail != NULL ? v->detail : tl_code_sentence(v->code));
    if (v->code == TL_NO_SPACE)
        batch_no_space(b, "no room for another event");
    if (v->code == TL_DUPLICATE_DIFFERS)
        deadletter_add(&b->deadletters, in, tl_code_name(v->code));
    if (v->code != 0) {
        refuse(b, p, v->code, v->detail);
        return;
    }
    p->answers[p->decided] =
        (struct wire_event_answer){.number = v->number, .duplicate = v->duplicate};
    if (v->number > p->need)
        p->need = v->number;
    if (v->duplicate) {
        b->stats.duplicates++;
        return;
    }
    b->batch.open_bytes += in->bytes.len;
    b->batch.taken_since = true;
}

static void
decide(struct broker *b, struct publish *p, const struct looked_at *l)
{
    struct store_verdict verdict = {0};

    /* What follows an event that was lost must not overtake it. */
    if (p->no_space) {
        refuse(b, p, TL_NO_SPACE, NULL);
        return;
    }
    if (l->err != 0) {
        refuse(b, p, l->err, l->detail);
        return;
    }
    store_admit(b->store, &l->in, &verdict);
    answer_verdict(b, p, &l->in, &verdict);
}

/* --------------------------------------------------------------- one batch */

static struct tl_str
waiting_event(struct publish *p, size_t i)
{
    const char *message = zmq_msg_data(&p->message);

    return (struct tl_str){message + p->spans[i].at, p->spans[i].len};
}

/* Looks at the events that are next.  `events` are those just read; NULL: they
 * wait where the spans say.  Returns how many. */
static size_t
look_at_next(struct broker *b, struct publish *p, const struct tl_str *events, int64_t received)
{
    size_t left = p->count - p->decided;
    size_t count = left < EVENTS_PER_LOOK ? left : EVENTS_PER_LOOK;

    for (size_t i = 0; i < count; i++) {
        struct looked_at *l = &b->ingress.looked_at[i];
        size_t at = p->decided + i;
        struct tl_str bytes = events != NULL ? events[at] : waiting_event(p, at);

        l->in = (struct store_event){.event = &l->event, .bytes = bytes, .received = received};
        if ((l->err = examine(b, l, bytes)) == 0)
            store_expect(b->store, &l->in);
    }
    store_fetch(b->store);
    return count;
}

/* Decides about events while there is room and time.  true: about all of them. */
static bool
decide_batch(struct broker *b, struct publish *p, const struct tl_str *events, int64_t deadline)
{
    int64_t received = ingress_now(b);

    while (p->decided < p->count) {
        size_t count = look_at_next(b, p, events, received);

        for (size_t i = 0; i < count; i++, p->decided++) {
            if (!store_has_room(b->store))
                return false;
            decide(b, p, &b->ingress.looked_at[i]);
        }
        if (clock_monotonic() > deadline)
            break;
    }
    return p->decided == p->count;
}

static void
finish(struct broker *b, struct publish *p)
{
    if (p->need <= store_head(b->store))
        ingress_acknowledge(b, &p);
    else
        held_publish(b, p->need, &p);
}

static struct publish *
new_publish(struct session *s, uint64_t id, size_t count)
{
    struct publish *p = calloc(1, sizeof *p + count * sizeof p->answers[0]);

    must(p != NULL && zmq_msg_init(&p->message) == 0);
    p->session = s;
    p->id = id;
    p->count = count;
    session_ref(s);
    s->publishes++;
    return p;
}

void
ingress_free(struct publish **p)
{
    struct publish *gone = *p;

    *p = NULL;
    gone->session->publishes--;
    session_unref(&gone->session);
    zmq_msg_close(&gone->message);
    free(gone->spans);
    free(gone);
}

/* Remembers where its events are: the message is not read twice. */
static void
enqueue(struct broker *b, struct publish *p, const struct wire_publish *events, zmq_msg_t *message)
{
    const char *from = zmq_msg_data(message);

    p->spans = malloc((p->count + 1) * sizeof p->spans[0]);
    must(p->spans != NULL);
    for (size_t i = p->decided; i < p->count; i++)
        p->spans[i] = (struct span){events->events[i].len > 0
                                        ? (uint32_t)(events->events[i].ptr - from) : 0,
                                    (uint32_t)events->events[i].len};
    b->ingress.queue_bytes += zmq_msg_size(message);
    must(zmq_msg_move(&p->message, message) == 0);
    *b->ingress.queue_end = p;
    b->ingress.queue_end = &p->next;
}

static int
too_much(struct broker *b, const struct session *s, const struct wire_publish *events,
         size_t bytes, const char **detail)
{
    *detail = NULL;
    if (bytes > BATCH_BYTES_MAX) {
        *detail = "a batch has at most 1048576 bytes";
        return TL_TOO_LARGE;
    }
    if (events->events_count > BATCH_EVENTS_MAX) {
        *detail = "a batch has at most 10000 events";
        return TL_TOO_MANY;
    }
    if (s->publishes >= PUBLISH_WINDOW) {
        *detail = "more batches are unanswered than the publish window of the welcome";
        return TL_BUSY;
    }
    return b->ingress.queue_bytes > INGRESS_BYTES_MAX ? TL_BUSY : 0;
}

void
ingress_publish(struct broker *b, struct session *s, const struct wire_request *request,
                zmq_msg_t *message)
{
    const struct wire_publish *events = request->publish;
    const char *detail;
    struct publish *p;
    int err;

    if ((err = too_much(b, s, events, zmq_msg_size(message), &detail)) != 0) {
        for (size_t i = 0; err != TL_BUSY && i < events->events_count; i++)
            stats_refused(&b->stats, err);
        session_refuse(b, s, request->id, err, detail);
        return;
    }
    p = new_publish(s, request->id, events->events_count);
    if (b->ingress.queue == NULL && decide_batch(b, p, events->events, clock_monotonic() + TURN_NS))
        finish(b, p);
    else
        enqueue(b, p, events, message);
}

static struct publish *
dequeue(struct broker *b)
{
    struct publish *p = b->ingress.queue;

    if ((b->ingress.queue = p->next) == NULL)
        b->ingress.queue_end = &b->ingress.queue;
    b->ingress.queue_bytes -= zmq_msg_size(&p->message);
    return p;
}

bool
ingress_can_continue(const struct broker *b)
{
    return b->ingress.queue != NULL && store_has_room(b->store);
}

void
ingress_continue(struct broker *b)
{
    int64_t deadline = clock_monotonic() + TURN_NS;

    while (ingress_can_continue(b) && clock_monotonic() <= deadline)
        if (decide_batch(b, b->ingress.queue, NULL, deadline))
            finish(b, dequeue(b));
}

void
ingress_acknowledge(struct broker *b, struct publish **p)
{
    struct wire_publish_ack ack = {
        .log = {b->log, LOG_ID_BYTES},
        .answers = (*p)->answers,
        .answers_count = (*p)->count,
    };

    session_reply(b, (*p)->session, &(struct wire_reply){.id = (*p)->id, .publish = &ack});
    ingress_free(p);
}

void
ingress_lost(struct broker *b, struct publish *p)
{
    uint64_t head = store_head(b->store);
    size_t decided = p->decided;

    for (p->decided = 0; p->decided < decided; p->decided++)
        if (p->answers[p->decided].number > head)
            refuse(b, p, TL_NO_SPACE, NULL);
}

void
ingress_refuse_waiting(struct broker *b)
{
    while (b->ingress.queue != NULL) {
        struct publish *p = dequeue(b);

        ingress_lost(b, p);
        for (; p->decided < p->count; p->decided++)
            refuse(b, p, TL_NO_SPACE, NULL);
        ingress_acknowledge(b, &p);
    }
}

void
ingress_fini(struct broker *b)
{
    while (b->ingress.queue != NULL) {
        struct publish *p = dequeue(b);

        ingress_free(&p);
    }
    for (size_t i = 0; i < EVENTS_PER_LOOK; i++)
        arena_fini(&b->ingress.looked_at[i].arena);
    free(b->ingress.looked_at);
}
