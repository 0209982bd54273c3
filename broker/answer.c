#include "broker/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "broker/broker.h"
#include "broker/normalise.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "proto/valid.h"
#include "store/policy.h"

#define DETAIL_BYTES 160
#define CONTEXT_BYTES_DEFAULT 4096
#define CONTEXT_BYTES_MAX (256u << 10)
#define OFFERS_DEFAULT 100
#define OFFERS_MAX_ASKED 1000
#define TIMELINE_DEFAULT 50
#define TIMELINE_MAX 1000
#define TIMELINE_BYTES_MAX (1u << 20)   /* of events; the rest is `more` */

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

static void
refuse_lookup(struct broker *b, struct asked *q, int err)
{
    if (err == TL_NOT_FOUND) {
        refuse(b, q, err, "nothing is known of this customer");
    } else if (err == TL_EDAMAGED) {
        log_error("answer", "damaged data was read, run touchline verify");
        refuse(b, q, TL_NOT_FOUND, "what is kept of this is damaged: run touchline verify");
    } else {
        refuse(b, q, err, NULL);
    }
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

/* ------------------------------------------------------------------ context */

#define SECTION(name) \
    {#name, offsetof(struct tl_context, name), sizeof ((struct tl_context *)0)->name}
#define COUNT(name) {NULL, offsetof(struct tl_context, name), sizeof ((struct tl_context *)0)->name}

/* What may be asked for; a field without a name goes with the one before it. */
static const struct {
    const char *name;
    size_t offset;
    size_t size;
} sections[] = {
    SECTION(who),
    SECTION(reasons), COUNT(reasons_count),
    SECTION(offers), COUNT(offers_count), COUNT(offers_more),
    SECTION(commitments), COUNT(commitments_count), COUNT(commitments_more),
    SECTION(may_contact), COUNT(may_contact_count),
    SECTION(consents), COUNT(consents_count),
    SECTION(feedback), COUNT(feedback_count),
    SECTION(conversations), COUNT(conversations_count),
    SECTION(relationship),
    SECTION(value),
    SECTION(household), COUNT(household_count),
    SECTION(recent), COUNT(recent_count), COUNT(recent_more),
    SECTION(freshness), COUNT(freshness_count),
};

#define SECTIONS (sizeof sections / sizeof sections[0])

static bool
one_of(struct tl_str name, const struct tl_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, names[i]))
            return true;
    return false;
}

static bool
is_section(struct tl_str name)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (sections[i].name != NULL && str_is(name, sections[i].name))
            return true;
    return false;
}

static bool
known_sections(struct broker *b, struct asked *q, const struct wire_context_query *query)
{
    char detail[DETAIL_BYTES];

    for (size_t i = 0; i < query->sections_count; i++)
        if (!is_section(query->sections[i])) {
            snprintf(detail, sizeof detail, "a context has no section %.*s",
                     (int)(query->sections[i].len < 64 ? query->sections[i].len : 64),
                     query->sections[i].ptr != NULL ? query->sections[i].ptr : "");
            refuse(b, q, TL_BAD_REQUEST, detail);
            return false;
        }
    return true;
}

static void
keep_sections(struct tl_context *context, const struct wire_context_query *query)
{
    bool wanted = true;

    if (query->sections_count == 0)
        return;
    for (size_t i = 0; i < SECTIONS; i++) {
        const char *name = sections[i].name;

        if (name != NULL)
            wanted = one_of((struct tl_str){name, strlen(name)}, query->sections,
                            query->sections_count);
        if (!wanted)
            memset((char *)context + sections[i].offset, 0, sections[i].size);
    }
}

static size_t
context_bytes(const struct wire_context_query *query)
{
    if (query->bytes_max == 0)
        return CONTEXT_BYTES_DEFAULT;
    return query->bytes_max < CONTEXT_BYTES_MAX ? query->bytes_max : CONTEXT_BYTES_MAX;
}

void
answer_context(struct broker *b, struct asked *q)
{
    const struct wire_context_query *query = q->request->context;
    struct store_question question = {.now = query->now != 0 ? query->now : clock_now()};
    struct tl_context context = {0};
    uint64_t need, depends = 0;
    int err;

    arena_reset(&b->answer_arena);
    if (query->as_of.len > 0) {
        refuse(b, q, TL_UNSUPPORTED, "this broker answers only as of now");
        return;
    }
    if (!known_sections(b, q, query) || !known_customer(b, q, query->customer, &question.customer)
        || !reached(b, q, query->at_least, &need))
        return;
    err = store_context(b->store, &question, context_bytes(query), &context, &b->answer_arena,
                        &depends);
    if (err != 0) {
        refuse_lookup(b, q, err);
        return;
    }
    keep_sections(&context, query);
    reply_at(b, q, &(struct wire_reply){.context = &context}, larger(need, depends));
}

static size_t
offers_limit(const struct wire_offers_query *query)
{
    if (query->limit == 0)
        return OFFERS_DEFAULT;
    return query->limit < OFFERS_MAX_ASKED ? query->limit : OFFERS_MAX_ASKED;
}

static void
answer_catalogue(struct broker *b, struct asked *q)
{
    const struct wire_offers_query *query = q->request->offers;
    const struct store_catalogue_question question = {
        .offer = query->offer,
        .after = query->after,
        .limit = offers_limit(query),
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
    struct store_question question = {.now = query->now != 0 ? query->now : clock_now()};
    struct tl_offers offers = {0};
    uint64_t need, depends = 0;
    int err;

    arena_reset(&b->answer_arena);
    if (query->catalogue) {
        answer_catalogue(b, q);
        return;
    }
    if (!known_customer(b, q, query->customer, &question.customer)
        || !reached(b, q, query->at_least, &need))
        return;
    err = store_offers(b->store, &question, offers_limit(query), &offers, &b->answer_arena,
                       &depends);
    if (err != 0)
        refuse_lookup(b, q, err);
    else
        reply_at(b, q, &(struct wire_reply){.offers = &offers}, larger(need, depends));
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

/* ----------------------------------------------------------------- timeline */

static struct tl_str
arena_text(struct arena *arena, const char *text)
{
    size_t len = strlen(text);

    return (struct tl_str){arena_copy(arena, text, len), len};
}

/* The event as the producer sent it, with what the bus knows of it. */
static int
event_of(struct broker *b, const struct frame *f, struct tl_event *ev)
{
    char text[POSITION_BYTES + 1];
    int err;

    if ((f->flags & FRAME_ERASED) != 0)
        *ev = (struct tl_event){.type = f->type, .channel = f->channel, .time = f->time};
    else if ((err = codec_decode(CODEC_EVENT, ev, f->payload, &b->answer_arena)) != 0)
        return err == TL_TOO_MANY ? err : TL_EDAMAGED;
    if ((err = store_is_superseded(b->store, ev, f->number, &ev->superseded)) != 0)
        return err;
    ev->received_time = f->received;
    broker_position(b, f->number, text);
    ev->position = arena_text(&b->answer_arena, text);
    if (f->profile != 0) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)f->profile);
        ev->profile = arena_text(&b->answer_arena, text);
    }
    return ev->position.ptr == NULL || (f->profile != 0 && ev->profile.ptr == NULL) ? TL_TOO_MANY
                                                                                   : 0;
}

/* As many as an answer may hold. */
static int
fill_timeline(struct broker *b, const struct frame *frames, size_t count, struct tl_timeline *out)
{
    size_t bytes = 0;
    int err;

    if ((out->events = arena_alloc(&b->answer_arena, count * sizeof out->events[0])) == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < count; i++) {
        bytes += frames[i].payload.len;
        if (i > 0 && bytes > TIMELINE_BYTES_MAX) {
            out->more = true;
            return 0;
        }
        if ((err = event_of(b, &frames[i], &out->events[i])) != 0)
            return err;
        out->events_count++;
    }
    return 0;
}

static size_t
timeline_limit(const struct wire_timeline_query *query)
{
    if (query->limit == 0)
        return TIMELINE_DEFAULT;
    return query->limit < TIMELINE_MAX ? query->limit : TIMELINE_MAX;
}

static int
look_up_timeline(struct broker *b, const struct wire_timeline_query *query,
                 const struct store_question *question, struct tl_timeline *out, uint64_t *depends)
{
    struct store_timeline_filter filter = {
        .limit = timeline_limit(query),
        .before = query->before,
        .types = query->types,
        .types_count = query->types_count,
        .channels = query->channels,
        .channels_count = query->channels_count,
    };
    struct frame *frames = calloc(filter.limit, sizeof *frames);
    size_t count = 0;
    int err;

    must(frames != NULL);
    err = store_timeline(b->store, question, &filter, frames, &count, &out->more, depends);
    if (err == 0)
        err = fill_timeline(b, frames, count, out);
    free(frames);
    return err;
}

void
answer_timeline(struct broker *b, struct asked *q)
{
    const struct wire_timeline_query *query = q->request->timeline;
    struct store_question question = {.now = clock_now()};
    struct tl_timeline timeline = {.customer = query->customer};
    char position[POSITION_BYTES + 1];
    uint64_t need, depends = 0;
    int err;

    arena_reset(&b->answer_arena);
    if (!known_customer(b, q, query->customer, &question.customer)
        || !reached(b, q, query->at_least, &need))
        return;
    if ((err = look_up_timeline(b, query, &question, &timeline, &depends)) != 0) {
        refuse_lookup(b, q, err);
        return;
    }
    need = larger(need, depends);
    timeline.position = broker_position(b, larger(need, store_head(b->store)), position);
    reply_at(b, q, &(struct wire_reply){.timeline = &timeline}, need);
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
