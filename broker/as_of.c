#include "broker/as_of.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "broker/broker.h"
#include "broker/lookup.h"
#include "broker/normalise.h"
#include "proto/code.h"
#include "proto/codec.h"

#define DETAIL_BYTES 160

struct as_of_job {
    struct as_of_job *next;
    struct session *session;
    zmq_msg_t message;          /* the question: `request` borrows from it */
    struct wire_request request;
    struct arena request_arena;
    uint64_t number;            /* the head it is asked of */
    struct store_as_of *then;   /* NULL: not begun */

    struct lookup lookup;
    struct arena arena;         /* of the answer */
    int err;
    bool more;                  /* events are to be gathered */
};

void
as_of_init(struct broker *b)
{
    b->as_of.end = &b->as_of.first;
}

/* ------------------------------------------------------------ what is asked of */

static void
refuse(struct broker *b, struct asked *q, int code, const char *what)
{
    char detail[DETAIL_BYTES], head[POSITION_BYTES + 1];

    if (code == TL_BAD_POSITION) {
        broker_position(b, store_head(b->store), head);
        snprintf(detail, sizeof detail, "%s; the head is %s", what, head);
        what = detail;
    }
    session_refuse(b, q->session, q->request->id, code, what);
}

/* Not durable yet: asked again when it is. */
static bool
durable(struct broker *b, struct asked *q, uint64_t number)
{
    if (number <= store_head(b->store))
        return true;
    if (!q->in_time)
        refuse(b, q, TL_BUSY, "what it asks about is not on disk yet");
    else if (q->session->questions >= QUESTIONS_MAX)
        refuse(b, q, TL_BUSY, "too many questions wait for an answer");
    else
        held_question(b, number, q->session, q->message);
    return false;
}

static bool
number_of_position(struct broker *b, struct asked *q, const struct position *p, uint64_t *number)
{
    const char *wrong = NULL;

    if (p->log != store_log_id(b->store))
        wrong = "as_of is a position of another log";
    else if (p->number < store_tail(b->store))
        wrong = "as_of is before the first event there is";
    else if (p->number > store_admitted(b->store))
        wrong = "the log has not reached as_of";
    if (wrong != NULL) {
        refuse(b, q, TL_BAD_POSITION, wrong);
        return false;
    }
    *number = p->number;
    return durable(b, q, p->number);
}

/* What was received by then may be on its way to the disk. */
static bool
number_of_time(struct broker *b, struct asked *q, int64_t time, uint64_t *number)
{
    if (time > ingress_now(b)) {
        refuse(b, q, TL_BAD_REQUEST, "as_of is a time that has not come yet");
        return false;
    }
    *number = store_number_by(b->store, time);
    if (*number == store_head(b->store) && !durable(b, q, store_admitted(b->store)))
        return false;
    if (*number >= store_tail(b->store))
        return true;
    refuse(b, q, TL_NOT_FOUND, "nothing was known of anybody then");
    return false;
}

static int64_t
received_at(struct broker *b, uint64_t number)
{
    char why[STORE_WHY_BYTES];
    struct frame f;

    if (store_read_header(b->store, number, &f, why) == 0)
        return f.received;
    log_error("as_of", "%s", why);
    return 0;
}

static bool
understand(struct broker *b, struct asked *q, struct tl_str text, uint64_t *number, int64_t *now)
{
    struct position p;
    int64_t time;

    if (position_parse(&p, text) == 0) {
        if (!number_of_position(b, q, &p, number))
            return false;
        if (*now == 0)
            *now = received_at(b, *number);
        return true;
    }
    if (clock_parse(&time, text.ptr, text.len) != 0) {
        refuse(b, q, TL_BAD_REQUEST, "as_of is a position, or a time such as 2024-03-01T12:00:00Z");
        return false;
    }
    if (*now == 0)
        *now = time;
    return number_of_time(b, q, time, number);
}

/* ------------------------------------------------------------------ the queue */

static struct tl_str
customer_of(const struct wire_request *request)
{
    return request->context != NULL  ? request->context->customer
           : request->offers != NULL ? request->offers->customer
                                     : request->timeline->customer;
}

/* The question is read again, for what it was read into serves the next one. */
static void
read_question(struct broker *b, struct as_of_job *job)
{
    struct tl_str bytes = {zmq_msg_data(&job->message), zmq_msg_size(&job->message)};
    const char *detail;

    must(codec_decode(CODEC_REQUEST, &job->request, bytes, &job->request_arena) == 0);
    must(normalise_customer(b->kinds, customer_of(&job->request), &job->request_arena,
                            &job->lookup.question.customer, &detail) == 0);
}

static void
add_job(struct broker *b, struct asked *q, uint64_t number, int64_t now)
{
    struct as_of_job *job = calloc(1, sizeof *job);

    must(job != NULL);
    must(zmq_msg_init(&job->message) == 0 && zmq_msg_move(&job->message, q->message) == 0);
    arena_init(&job->request_arena, CODEC_BUDGET_BYTES);
    arena_init(&job->arena, ANSWER_BUDGET_BYTES);
    read_question(b, job);
    job->lookup.request = &job->request;
    job->lookup.arena = &job->arena;
    job->lookup.question.now = now;
    job->number = number;
    job->session = q->session;
    session_ref(job->session);
    *b->as_of.end = job;
    b->as_of.end = &job->next;
    b->as_of.count++;
}

void
as_of_take(struct broker *b, struct asked *q, int64_t now, struct tl_str as_of)
{
    uint64_t number;

    if (!understand(b, q, as_of, &number, &now))
        return;
    if (b->as_of.count == AS_OF_QUEUE_MAX)
        refuse(b, q, TL_BUSY, "too many questions about the past wait for an answer");
    else
        add_job(b, q, number, now);
}

/* The first one is over. */
static void
remove_job(struct broker *b)
{
    struct as_of_job *job = b->as_of.first;

    b->as_of.first = job->next;
    if (b->as_of.first == NULL)
        b->as_of.end = &b->as_of.first;
    b->as_of.count--;
    store_as_of_end(&job->then);
    session_unref(&job->session);
    zmq_msg_close(&job->message);
    arena_fini(&job->request_arena);
    arena_fini(&job->arena);
    free(job);
}

/* ------------------------------------------------------------------- answering */

static int
ask(struct store *then, void *arg)
{
    struct as_of_job *job = arg;
    struct lookup *l = &job->lookup;

    arena_reset(&job->arena);
    *l = (struct lookup){.request = l->request, .question = l->question, .arena = l->arena};
    return lookup_run(l, then);
}

static void
run(uv_work_t *work)
{
    struct as_of_job *job = work->data;

    job->err = store_as_of_run(job->then, ask, job, &job->more);
}

static void
reply(struct broker *b, struct as_of_job *job)
{
    if (job->err == 0 && job->request.context != NULL)
        job->err = store_as_of_freshness(b->store, job->then, &job->lookup.context, &job->arena);
    if (job->err == 0) {
        job->lookup.reply.id = job->request.id;
        session_reply(b, job->session, &job->lookup.reply);
    } else if (job->err == TL_NOT_FOUND) {
        session_refuse(b, job->session, job->request.id, TL_NOT_FOUND,
                       "nothing was known of this customer then");
    } else if (job->err == TL_TOO_MANY) {
        session_refuse(b, job->session, job->request.id, TL_TOO_MANY,
                       "what was known of this customer then is made of too much to find it out");
    } else {
        answer_refuse(b, job->session, job->request.id, job->err);
    }
}

static void
done(uv_work_t *work, int cancelled)
{
    struct broker *b = work->loop->data;
    struct as_of_job *job = b->as_of.first;

    must(cancelled == 0);
    b->as_of.running = false;
    if (b->as_of.stopping || (job->err == 0 && job->more))
        return;
    reply(b, job);
    remove_job(b);
}

/* Returns whether there are more events to be noted before it can be run. */
static bool
gather(struct broker *b, struct as_of_job *job)
{
    bool more = false;
    int err = job->then != NULL ? 0
                                : store_as_of_begin(b->store, &job->lookup.question.customer,
                                                    job->number, &job->then);

    if (err == 0)
        err = store_as_of_gather(b->store, job->then, &more);
    if (err != 0) {
        job->err = err;
        reply(b, job);
        remove_job(b);
        return true;
    }
    if (more)
        return true;
    b->as_of.running = true;
    b->as_of.work.data = job;
    must(uv_queue_work(&b->loop, &b->as_of.work, run, done) == 0);
    return false;
}

bool
as_of_turn(struct broker *b)
{
    struct as_of_job *job = b->as_of.first;

    if (job == NULL)
        return false;
    if (b->as_of.running) {
        if (!job->session->open)
            store_as_of_cancel(job->then);
        return false;
    }
    if (job->session->open)
        return gather(b, job);
    remove_job(b);
    return b->as_of.first != NULL;
}

void
as_of_stop(struct broker *b)
{
    b->as_of.stopping = true;
    if (b->as_of.running)
        store_as_of_cancel(b->as_of.first->then);
    while (b->as_of.running)
        uv_run(&b->loop, UV_RUN_ONCE);
    while (b->as_of.first != NULL)
        remove_job(b);
}
