#include "broker/held.h"

#include <stdlib.h>

#include "base/must.h"
#include "broker/broker.h"

struct held {
    struct held *before;
    struct held *after;
    uint64_t need;
    struct publish *publish;    /* an acknowledgement, or */
    struct session *session;    /* whose the messages are */
    zmq_msg_t answer;
    zmq_msg_t question;
    uint64_t end_ms;
};

static struct held *
new_held(uint64_t need, struct session *s)
{
    struct held *h = calloc(1, sizeof *h);

    must(h != NULL);
    h->need = need;
    must(zmq_msg_init(&h->answer) == 0 && zmq_msg_init(&h->question) == 0);
    if (s != NULL) {
        h->session = s;
        session_ref(s);
        s->questions++;
    }
    return h;
}

static void
free_held(struct held *h)
{
    zmq_msg_close(&h->answer);
    zmq_msg_close(&h->question);
    if (h->session != NULL) {
        h->session->questions--;
        session_unref(&h->session);
    }
    free(h);
}

/* Behind `at`; NULL is the front. */
static void
insert_after(struct held_list *list, struct held *at, struct held *h)
{
    h->before = at;
    h->after = at != NULL ? at->after : list->first;
    *(h->before != NULL ? &h->before->after : &list->first) = h;
    *(h->after != NULL ? &h->after->before : &list->last) = h;
}

static void
unlink_held(struct held_list *list, struct held *h)
{
    *(h->before != NULL ? &h->before->after : &list->first) = h->after;
    *(h->after != NULL ? &h->after->before : &list->last) = h->before;
}

/* Nearly always at the end: numbers are given out in order. */
static void
insert_by_need(struct held_list *list, struct held *h)
{
    struct held *at = list->last;

    while (at != NULL && at->need > h->need)
        at = at->before;
    insert_after(list, at, h);
}

void
held_publish(struct broker *b, uint64_t need, struct publish **p)
{
    struct held *h = new_held(need, NULL);

    h->publish = *p;
    *p = NULL;
    insert_by_need(&b->held.answers, h);
}

void
held_answer(struct broker *b, uint64_t need, struct session *s, zmq_msg_t *answer,
            zmq_msg_t *question)
{
    struct held *h = new_held(need, s);

    must(zmq_msg_move(&h->answer, answer) == 0 && zmq_msg_move(&h->question, question) == 0);
    insert_by_need(&b->held.answers, h);
}

void
held_question(struct broker *b, uint64_t need, struct session *s, zmq_msg_t *question)
{
    struct held *h = new_held(need, s);

    must(zmq_msg_move(&h->question, question) == 0);
    h->end_ms = uv_now(&b->loop) + POSITION_WAIT_MS;
    insert_after(&b->held.questions, b->held.questions.last, h);
}

/* Asks again what was held; `in_time`: the position it waits for may still come. */
static void
ask_again(struct broker *b, struct held_list *list, struct held *h, bool in_time)
{
    struct session *s = h->session;
    zmq_msg_t question;

    session_ref(s);
    must(zmq_msg_init(&question) == 0 && zmq_msg_move(&question, &h->question) == 0);
    unlink_held(list, h);
    free_held(h);
    if (s->open)
        request_take(b, s, &question, in_time);
    zmq_msg_close(&question);
    session_unref(&s);
}

static void
send_held(struct broker *b, struct held *h)
{
    unlink_held(&b->held.answers, h);
    if (h->publish != NULL)
        ingress_acknowledge(b, &h->publish);
    else
        session_send(b, h->session, &h->answer);
    free_held(h);
}

void
held_release(struct broker *b)
{
    uint64_t head = store_head(b->store);
    struct held *h, *after;

    while ((h = b->held.answers.first) != NULL && h->need <= head)
        send_held(b, h);
    for (h = b->held.questions.first; h != NULL; h = after) {
        after = h->after;
        if (h->need <= head)
            ask_again(b, &b->held.questions, h, true);
    }
}

void
held_lost(struct broker *b)
{
    struct held_list lost = b->held.answers;
    struct held *h, *after;

    b->held.answers = (struct held_list){0};
    for (h = lost.first; h != NULL; h = after) {
        after = h->after;
        if (h->publish == NULL) {
            ask_again(b, &lost, h, true);
            continue;
        }
        ingress_lost(b, h->publish);
        ingress_acknowledge(b, &h->publish);
        free_held(h);
    }
}

void
held_expire(struct broker *b)
{
    uint64_t now = uv_now(&b->loop);
    struct held *h;

    while ((h = b->held.questions.first) != NULL && h->end_ms <= now)
        ask_again(b, &b->held.questions, h, false);
}

void
held_fini(struct broker *b)
{
    struct held_list *lists[] = {&b->held.answers, &b->held.questions};

    for (size_t i = 0; i < 2; i++)
        while (lists[i]->first != NULL) {
            struct held *h = lists[i]->first;

            unlink_held(lists[i], h);
            if (h->publish != NULL)
                ingress_free(&h->publish);
            free_held(h);
        }
}
