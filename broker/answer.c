#include "broker/answer.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "broker/broker.h"
#include "broker/filter.h"
#include "broker/lookup.h"
#include "broker/normalise.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "proto/valid.h"
#include "store/policy.h"

#define DETAIL_BYTES 160

/* ------------------------------------------------------------ what they share */

static void
refuse(struct broker *b, struct asked *q, int code, const char *detail)
{
    session_refuse(b, q->session, q->request->id, code, detail);
}

static void
refuse_position(struct broker *b, struct asked *q, const char *what)
{
    char detail[DETAIL_BYTES], head[POSITION_BYTES + 1];

    broker_position(b, store_head(b->store), head);
    snprintf(detail, sizeof detail, "%s; the head is %s", what, head);
    refuse(b, q, TL_BAD_POSITION, detail);
}

/* May it be answered now?  If not, it was refused or waits. */
static bool
reached(struct broker *b, struct asked *q, struct tl_str at_least, uint64_t *need)
{
    struct position p = {.log = store_log_id(b->store)};

    if (at_least.len > 0 && position_parse(&p, at_least) != 0) {
        refuse_position(b, q, "at_least is no position");
        return false;
    }
    if (p.log != store_log_id(b->store)) {
        refuse_position(b, q, "at_least is a position of another log");
        return false;
    }
    *need = p.number;
    if (p.number <= store_admitted(b->store))
        return true;
    if (!q->in_time)
        refuse_position(b, q, "the log has not reached at_least");
    else if (q->session->questions >= QUESTIONS_MAX)
        refuse(b, q, TL_BUSY, "too many questions wait for an answer");
    else
        held_question(b, p.number, q->session, q->message);
    return false;
}

static bool
known_customer(struct broker *b, struct asked *q, struct tl_str text, struct store_identifier *id)
{
    const char *detail = NULL;
    int err = normalise_customer(b->kinds, text, &b->answer_arena, id, &detail);

    if (err != 0)
        refuse(b, q, err, detail);
    return err == 0;
}

void
answer_refuse(struct broker *b, struct session *s, uint64_t id, int err)
{
    const char *detail = NULL;

    if (err == TL_NOT_FOUND) {
        detail = "nothing is known of this customer";
    } else if (err == TL_EDAMAGED) {
        log_error("answer", "damaged data was read, run touchline verify");
        detail = "what is kept of this is damaged: run touchline verify";
        err = TL_NOT_FOUND;
    }
    session_refuse(b, s, id, err, detail);
}

static void
refuse_lookup(struct broker *b, struct asked *q, int err)
{
    answer_refuse(b, q->session, q->request->id, err);
}

/* Sends the answer when all it stands on is durable. */
static void
reply_at(struct broker *b, struct asked *q, struct wire_reply *reply, uint64_t need)
{
    zmq_msg_t message;

    reply->id = q->request->id;
    if (need <= store_head(b->store)) {
        session_reply(b, q->session, reply);
        return;
    }
    if (q->session->questions >= QUESTIONS_MAX) {
        refuse(b, q, TL_BUSY, "too many questions wait for an answer");
        return;
    }
    session_encode(b, reply, &message);
    held_answer(b, need, q->session, &message, q->message);
    zmq_msg_close(&message);
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ------------------------------------------------- context, offers, timeline */

static bool
known_sections(struct broker *b, struct asked *q, const struct wire_context_query *query)
{
    char detail[DETAIL_BYTES];

    for (size_t i = 0; i < query->sections_count; i++)
        if (!lookup_is_section(query->sections[i])) {
            snprintf(detail, sizeof detail, "a context has no section %.*s",
                     (int)(query->sections[i].len < 64 ? query->sections[i].len : 64),
                     query->sections[i].ptr != NULL ? query->sections[i].ptr : "");
            refuse(b, q, TL_BAD_REQUEST, detail);
            return false;
        }
    return true;
}

/* Asks the store about a customer, or what it was once, when everything it is to
 * know is there. */
static void
look_up(struct broker *b, struct asked *q, struct tl_str customer, struct tl_str at_least,
        struct tl_str as_of, int64_t now)
{
    struct lookup l = {.request = q->request, .arena = &b->answer_arena, .question.now = now};
    int err;

    if (!known_customer(b, q, customer, &l.question.customer)
        || !reached(b, q, at_least, &l.question.at_least))
        return;
    if (as_of.len > 0) {
        as_of_take(b, q, now, as_of);
        return;
    }
    if (now == 0)
        l.question.now = clock_now();
    if ((err = lookup_run(&l, b->store)) != 0)
        refuse_lookup(b, q, err);
    else
        reply_at(b, q, &l.reply, larger(l.question.at_least, l.depends));
}

void
answer_context(struct broker *b, struct asked *q)
{
    const struct wire_context_query *query = q->request->context;

    arena_reset(&b->answer_arena);
    if (known_sections(b, q, query))
        look_up(b, q, query->customer, query->at_least, query->as_of, query->now);
}

static void
answer_catalogue(struct broker *b, struct asked *q)
{
    const struct wire_offers_query *query = q->request->offers;
    const struct store_catalogue_question question = {
        .offer = query->offer,
        .after = query->after,
        .limit = lookup_offers_limit(query),
        .now = query->now != 0 ? query->now : clock_now(),
    };
    struct tl_offers offers = {0};
    uint64_t need, depends = 0;
    int err;

    if (query->customer.len > 0 || query->offer.len > NAME_BYTES_MAX ||
        query->after.len > NAME_BYTES_MAX) {
        refuse(b, q, TL_BAD_REQUEST,
               "catalogue: of no customer; offer and after are at most 128 bytes");
        return;
    }
    if (query->as_of.len > 0) {
        refuse(b, q, TL_UNSUPPORTED, "catalogue: only as of now");
        return;
    }
    if (!reached(b, q, query->at_least, &need))
        return;
    if ((err = store_catalogue(b->store, &question, &offers, &b->answer_arena, &depends)) != 0)
        refuse_lookup(b, q, err);
    else
        reply_at(b, q, &(struct wire_reply){.offers = &offers}, larger(need, depends));
}

void
answer_offers(struct broker *b, struct asked *q)
{
    const struct wire_offers_query *query = q->request->offers;

    arena_reset(&b->answer_arena);
    if (query->catalogue)
        answer_catalogue(b, q);
    else
        look_up(b, q, query->customer, query->at_least, query->as_of, query->now);
}

static bool
known_cursor(struct broker *b, struct asked *q, const struct wire_timeline_query *query)
{
    struct position p;

    if (query->cursor.len == 0)
        return true;
    if (query->before != 0)
        refuse(b, q, TL_BAD_REQUEST, "cursor: not together with before");
    else if (position_parse(&p, query->cursor) != 0 || p.number == 0)
        refuse_position(b, q, "cursor is no answer's next");
    else if (p.log != store_log_id(b->store))
        refuse_position(b, q, "cursor is of another log");
    else if (p.number > store_admitted(b->store))
        refuse_position(b, q, "the log has not reached cursor");
    else
        return true;
    return false;
}

void
answer_timeline(struct broker *b, struct asked *q)
{
    const struct wire_timeline_query *query = q->request->timeline;

    arena_reset(&b->answer_arena);
    if (query->types_count > FILTER_TEXTS_MAX || query->channels_count > FILTER_TEXTS_MAX)
        refuse(b, q, TL_TOO_MANY, "a filter has at most 64 values of a kind");
    else if (known_cursor(b, q, query))
        look_up(b, q, query->customer, query->at_least, query->as_of, 0);
}

/* -------------------------------------------------------------- may contact */

static const char *
wrong_question(const struct broker *b, const struct wire_contact_query *query)
{
    if (!valid_word(query->channel))
        return "channel: a lower-case word, such as email, sms, push, call or mail";
    if (!valid_word(query->purpose))
        return "purpose: a lower-case word, such as marketing or transactional";
    if (!policy_knows(store_policy(b->store), query->purpose))
        return "no line of the contact policy names this purpose: is it misspelt? "
               "(marketing service transactional research)";
    if (query->campaign.len > NAME_BYTES_MAX || query->offer.len > NAME_BYTES_MAX)
        return "campaign and offer are at most 128 bytes";
    if (query->reservation.len > ID_BYTES_MAX)
        return "reservation: at most 256 bytes";
    if (!query->reserve)
        return NULL;
    if (query->reservation.len == 0)
        return "reservation: a name, new for each message";
    if (query->now != 0)
        return "now: not with reserve, which takes the place from now on";
    return NULL;
}

/* Is there room for the reservation's event?  If not, it was refused or waits. */
static bool
has_room(struct broker *b, struct asked *q)
{
    if (store_has_room(b->store))
        return true;
    if (q->in_time && store_admitted(b->store) > store_head(b->store) &&
        q->session->questions < QUESTIONS_MAX)
        held_question(b, store_admitted(b->store), q->session, q->message);
    else
        refuse(b, q, TL_BUSY, NULL);
    return false;
}

static int
reserve(struct broker *b, const struct store_contact_question *question,
        struct tl_contact_verdict *out, uint64_t *depends, const char **detail)
{
    int err = store_reserve(b->store, question, out, &b->answer_arena, depends, detail);

    if (err == TL_EIO)
        broker_fail(b, "a reservation cannot be stored");
    if (err == TL_NO_SPACE)
        batch_no_space(b, "no room for a reservation");
    if (err == 0 && out->reservation.len > 0)
        b->batch.taken_since = true;
    return err;
}

void
answer_may_contact(struct broker *b, struct asked *q)
{
    const struct wire_contact_query *query = q->request->may_contact;
    const char *detail = wrong_question(b, query);
    struct store_contact_question question = {
        .who.now = query->now != 0 ? query->now : ingress_now(b),
        .channel = query->channel,
        .purpose = query->purpose,
        .reservation = query->reservation,
        .campaign = query->campaign,
        .offer = query->offer,
    };
    struct tl_contact_verdict verdict = {0};
    uint64_t need, depends = 0;
    int err;

    arena_reset(&b->answer_arena);
    if (detail != NULL) {
        refuse(b, q, TL_BAD_REQUEST, detail);
        return;
    }
    if (!known_customer(b, q, query->customer, &question.who.customer) ||
        !reached(b, q, query->at_least, &need) || (query->reserve && !has_room(b, q)))
        return;
    err = query->reserve ? reserve(b, &question, &verdict, &depends, &detail)
                         : store_may_contact(b->store, &question, &verdict, &b->answer_arena,
                                             &depends);
    if (err == TL_BAD_REQUEST || err == TL_NO_SPACE)
        refuse(b, q, err, detail);
    else if (err != 0)
        refuse_lookup(b, q, err);
    else
        reply_at(b, q, &(struct wire_reply){.may_contact = &verdict}, larger(need, depends));
}

/* ------------------------------------------------------------------ the bus */

void
answer_campaign(struct broker *b, struct asked *q)
{
    struct tl_campaigns campaigns = {0};
    int err;

    arena_reset(&b->answer_arena);
    err = store_campaigns(b->store, q->request->campaign->campaign, &campaigns, &b->answer_arena);
    if (err == TL_NOT_FOUND)
        refuse(b, q, err, "nothing is known of this campaign");
    else if (err != 0)
        refuse_lookup(b, q, err);
    else
        reply_at(b, q, &(struct wire_reply){.campaign = &campaigns}, store_admitted(b->store));
}

void
answer_stat(struct broker *b, struct asked *q)
{
    struct tl_stat stat = {0};
    int err;

    arena_reset(&b->answer_arena);
    if ((err = stats_fill(b, &stat, &b->answer_arena)) != 0)
        refuse_lookup(b, q, err);
    else
        reply_at(b, q, &(struct wire_reply){.stat = &stat}, 0);
}
