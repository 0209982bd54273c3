#include "broker/verify.h"

#include "base/log.h"
#include "base/must.h"
#include "broker/broker.h"
#include "proto/code.h"
#include "proto/codec.h"

static void
run(uv_work_t *work)
{
    struct verify *v = work->data;

    v->err = store_verify_run(v->job, &v->result, &v->arena, v->why);
}

static void
forget(struct verify *v)
{
    session_unref(&v->session);
    arena_fini(&v->arena);
}

static void
answer(struct broker *b)
{
    struct verify *v = &b->verify;

    if (v->err == 0) {
        session_reply(b, v->session, &(struct wire_reply){.id = v->id, .verify = &v->result});
        return;
    }
    if (v->err < 0)
        log_error("verify", "%s", v->why);
    session_refuse(b, v->session, v->id, v->err > 0 ? v->err : TL_NOT_FOUND, v->why);
}

static void
done(uv_work_t *work, int cancelled)
{
    struct broker *b = work->loop->data;

    must(cancelled == 0);
    answer(b);
    store_verify_end(b->store, &b->verify.job);
    forget(&b->verify);
}

void
verify_try(struct broker *b)
{
    struct verify *v = &b->verify;

    if (v->session == NULL || v->job != NULL ||
        store_verify_begin(b->store, v->from, &v->job) != 0)
        return;
    v->work.data = v;
    must(uv_queue_work(&b->loop, &v->work, run, done) == 0);
}

void
verify_take(struct broker *b, struct asked *q)
{
    struct verify *v = &b->verify;

    if (v->session != NULL) {
        session_refuse(b, q->session, q->request->id, TL_BUSY, "another verification is under way");
        return;
    }
    v->session = q->session;
    session_ref(v->session);
    v->id = q->request->id;
    v->from = store_admitted(b->store);
    arena_init(&v->arena, CODEC_BUDGET_BYTES);
    verify_try(b);
}

void
verify_stop(struct broker *b)
{
    struct verify *v = &b->verify;

    if (v->job != NULL)
        store_verify_cancel(v->job);
    else if (v->session != NULL)
        forget(v);
    while (v->job != NULL)
        uv_run(&b->loop, UV_RUN_ONCE);
}
