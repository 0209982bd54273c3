#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/reply.h"
#include "proto/position.h"

#define NAME_BYTES 12       /* of a reservation's random name */

/* A question until it is answered.  Reading twice does no harm, nor does reserving
 * under one name, so it is sent again with the same id. */
struct query {
    struct query *next;
    uint64_t id;
    bool sent;
    bool patient;               /* waits as long as there is a broker */
    int64_t deadline;
    struct buf request;
    struct tl_reply *fallback;  /* made beforehand: to fail needs no memory */
    void (*done)(void *arg, struct tl_reply *reply);
    void *arg;
};

/* ----------------------------------------------------------------- request */

static struct tl_str
str(const char *text)
{
    return text != NULL ? (struct tl_str){text, strlen(text)} : (struct tl_str){0};
}

/* NULL without an error when there is nothing to list. */
static int
strs(struct tl_str **out, const char *const *texts, size_t count)
{
    *out = NULL;
    if (count == 0)
        return 0;
    if ((*out = malloc(count * sizeof **out)) == NULL)
        return TL_ENOMEM;
    for (size_t i = 0; i < count; i++)
        (*out)[i] = str(texts[i]);
    return 0;
}

static int
encode(struct buf *out, const struct wire_request *request)
{
    codec_encode(CODEC_REQUEST, request, out);
    return out->failed ? TL_ENOMEM : 0;
}

static int
ask_context(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_context_query body = {
        .customer = str(about),
        .sections_count = q->sections_count,
        .at_least = str(q->at_least),
        .as_of = str(q->as_of),
        .now = q->now,
        .bytes_max = q->bytes_max,
    };
    struct wire_request request = {.id = id, .context = &body};
    int err;

    if ((err = strs(&body.sections, q->sections, q->sections_count)) == 0)
        err = encode(out, &request);
    free(body.sections);
    return err;
}

static int
ask_timeline(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_timeline_query body = {
        .customer = str(about),
        .limit = q->limit,
        .before = q->before,
        .cursor = str(q->cursor),
        .types_count = q->types_count,
        .channels_count = q->channels_count,
        .at_least = str(q->at_least),
        .as_of = str(q->as_of),
    };
    struct wire_request request = {.id = id, .timeline = &body};
    int err;

    if ((err = strs(&body.types, q->types, q->types_count)) == 0
        && (err = strs(&body.channels, q->channels, q->channels_count)) == 0)
        err = encode(out, &request);
    free(body.types);
    free(body.channels);
    return err;
}

static int
ask_offers(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_offers_query body = {
        .customer = str(about),
        .at_least = str(q->at_least),
        .limit = q->limit,
        .now = q->now,
        .as_of = str(q->as_of),
        .catalogue = q->catalogue,
        .offer = str(q->catalogue ? q->offer : NULL),
        .after = str(q->after),
    };
    struct wire_request request = {.id = id, .offers = &body};

    return encode(out, &request);
}

static void
random_name(char name[2 * NAME_BYTES + 1])
{
    unsigned char bytes[NAME_BYTES];

    arc4random_buf(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(name + 2 * i, 3, "%02x", bytes[i]);
}

static int
ask_may_contact(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    char name[2 * NAME_BYTES + 1];
    struct wire_contact_query body = {
        .customer = str(about),
        .channel = str(q->channel),
        .purpose = str(q->purpose),
        .reserve = q->reserve,
        .reservation = str(q->reservation),
        .campaign = str(q->campaign),
        .offer = str(q->offer),
        .at_least = str(q->at_least),
        .now = q->now,
    };
    struct wire_request request = {.id = id, .may_contact = &body};

    if (q->reserve && q->reservation == NULL) {
        random_name(name);
        body.reservation = str(name);
    }
    return encode(out, &request);
}

static int
ask_campaign(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_campaign_query body = {.campaign = str(about)};
    struct wire_request request = {.id = id, .campaign = &body};

    (void)q;
    return encode(out, &request);
}

static int
ask_stat(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_stat_query body;
    struct wire_request request = {.id = id, .stat = &body};

    (void)about;
    (void)q;
    return encode(out, &request);
}

static int
ask_verify(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_verify_query body;
    struct wire_request request = {.id = id, .verify = &body};

    (void)about;
    (void)q;
    return encode(out, &request);
}

static int
ask_commit(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_group_commit body = {
        .group = str(about),
        .position = str(q->at_least),
        .generation = q->generation,
    };
    struct wire_request request = {.id = id, .group_commit = &body};

    return encode(out, &request);
}

static int
ask_report(struct buf *out, uint64_t id, const char *about, const struct tl_query *q)
{
    struct wire_report body = {
        .reporter = str(about),
        .sequence = q->sequence,
        .ignored_count = q->ignored_count,
    };
    struct wire_request request = {.id = id, .report = &body};
    size_t bytes = q->ignored_count * sizeof *body.ignored;
    int err;

    if (bytes > 0) {
        if ((body.ignored = malloc(bytes)) == NULL)
            return TL_ENOMEM;
        memcpy(body.ignored, q->ignored, bytes);
    }
    err = encode(out, &request);
    free(body.ignored);
    return err;
}

static int (*const questions[])(struct buf *, uint64_t, const char *, const struct tl_query *) = {
    [TL_ASK_CONTEXT] = ask_context,   [TL_ASK_TIMELINE] = ask_timeline,
    [TL_ASK_OFFERS] = ask_offers,     [TL_ASK_MAY_CONTACT] = ask_may_contact,
    [TL_ASK_CAMPAIGN] = ask_campaign, [TL_ASK_STAT] = ask_stat,
    [TL_ASK_VERIFY] = ask_verify,     [TL_ASK_COMMIT] = ask_commit,
    [TL_ASK_REPORT] = ask_report,
};

/* --------------------------------------------------------------------- ask */

static void
drop(struct query *q)
{
    buf_free(&q->request);
    tl_reply_free(&q->fallback);
    free(q);
}

static void
hand_over(struct query *q, struct tl_reply *reply)
{
    void (*done)(void *, struct tl_reply *) = q->done;
    void *arg = q->arg;

    drop(q);
    done(arg, reply);
}

static void
fail(struct query *q, int code)
{
    struct tl_reply *reply = q->fallback;

    q->fallback = NULL;
    reply->code = code;
    hand_over(q, reply);
}

/* Takes the query `at` points to out of the list. */
static struct query *
unlink_at(struct tl_client *c, struct query **at)
{
    struct query *q = *at;

    *at = q->next;
    if (c->queries_end == &q->next)
        c->queries_end = at;
    return q;
}

int
tl_ask(struct tl_client *c, enum tl_question question, const char *about,
       const struct tl_query *query, void (*done)(void *arg, struct tl_reply *reply), void *arg)
{
    static const struct tl_query none;
    struct query *q = calloc(1, sizeof *q);

    if (q == NULL)
        return TL_ENOMEM;
    q->id = ++c->last_id;
    q->done = done;
    q->arg = arg;
    q->patient = question == TL_ASK_VERIFY || (query != NULL && query->as_of != NULL);
    q->deadline = client_deadline(c->timeout_ms);
    if ((q->fallback = reply_new()) == NULL
        || questions[question](&q->request, q->id, about, query != NULL ? query : &none) != 0) {
        drop(q);
        return TL_ENOMEM;
    }
    *c->queries_end = q;
    c->queries_end = &q->next;
    return 0;
}

int
query_push(struct tl_client *c)
{
    for (struct query *q = c->queries; q != NULL; q = q->next) {
        int err;

        if (q->sent)
            continue;
        if ((err = connection_send(&c->connection, q->request.ptr, q->request.len)) != 0) {
            c->blocked = true;
            return err;
        }
        q->sent = true;
    }
    return 0;
}

bool
query_answered(struct tl_client *c, struct tl_reply **reply)
{
    struct query **at = &c->queries;
    struct tl_reply *mine = *reply;

    while (*at != NULL && (*at)->id != mine->wire.id)
        at = &(*at)->next;
    if (*at == NULL)
        return false;
    *reply = NULL;
    hand_over(unlink_at(c, at), mine);
    return true;
}

void
query_again(struct tl_client *c)
{
    for (struct query *q = c->queries; q != NULL; q = q->next)
        q->sent = false;
}

int64_t
query_expire(struct tl_client *c, int64_t now)
{
    struct query **at = &c->queries;
    int64_t due = FOREVER;

    while (*at != NULL) {
        struct query *q = *at;

        if (q->patient && c->state == SESSION_OPEN && q->sent)
            q->deadline = client_deadline(c->timeout_ms);
        if (q->deadline <= now) {
            fail(unlink_at(c, at), TL_EAWAY);
            continue;
        }
        if (q->deadline < due)
            due = q->deadline;
        at = &q->next;
    }
    return due;
}

void
query_refuse_all(struct tl_client *c, int code)
{
    while (c->queries != NULL)
        fail(unlink_at(c, &c->queries), code);
}

/* -------------------------------------------------------------------- wait */

struct waiting {
    struct tl_reply *reply;
};

static void
arrived(void *arg, struct tl_reply *reply)
{
    struct waiting *w = arg;

    w->reply = reply;
}

/* The waiting call gives up; its answer, should it come, is nobody's. */
static void
forget(struct tl_client *c, const struct waiting *w)
{
    for (struct query **at = &c->queries; *at != NULL; at = &(*at)->next)
        if ((*at)->arg == w) {
            drop(unlink_at(c, at));
            return;
        }
}

static int
ask_and_wait(struct tl_client *c, enum tl_question question, const char *about,
             const struct tl_query *query, struct tl_reply **out)
{
    struct waiting w = {0};
    int err, code;

    *out = NULL;
    if ((err = tl_ask(c, question, about, query, arrived, &w)) != 0)
        return err;
    while (w.reply == NULL && err == 0)
        err = client_work(c, -1, FOREVER);
    if (w.reply == NULL) {
        forget(c, &w);
        return err;
    }
    if ((code = w.reply->code) < 0)
        tl_reply_free(&w.reply);
    *out = w.reply;
    return code;
}

int
tl_context(struct tl_client *c, const char *customer, const struct tl_query *query,
           struct tl_reply **out)
{
    return ask_and_wait(c, TL_ASK_CONTEXT, customer, query, out);
}

int
tl_timeline(struct tl_client *c, const char *customer, const struct tl_query *query,
            struct tl_reply **out)
{
    struct tl_query page = query != NULL ? *query : (struct tl_query){0};
    size_t limit = page.limit != 0 ? page.limit : TIMELINE_DEFAULT;
    char cursor[POSITION_BYTES + 1];
    struct tl_reply *more;
    int code = ask_and_wait(c, TL_ASK_TIMELINE, customer, &page, out);

    while (code == 0 && (*out)->wire.timeline->next.len == POSITION_BYTES
           && (*out)->wire.timeline->events_count < limit) {
        memcpy(cursor, (*out)->wire.timeline->next.ptr, POSITION_BYTES);
        cursor[POSITION_BYTES] = '\0';
        page.limit = (uint32_t)(limit - (*out)->wire.timeline->events_count);
        page.before = 0;
        page.cursor = cursor;
        if ((code = ask_and_wait(c, TL_ASK_TIMELINE, customer, &page, &more)) == 0)
            code = reply_add_page(*out, more);
        if (code != 0)
            tl_reply_free(out);
        if (code > 0)
            *out = more;
    }
    return code;
}

int
tl_offers(struct tl_client *c, const char *customer, const struct tl_query *query,
          struct tl_reply **out)
{
    return ask_and_wait(c, TL_ASK_OFFERS, customer, query, out);
}

int
tl_may_contact(struct tl_client *c, const char *customer, const struct tl_query *query,
               struct tl_reply **out)
{
    return ask_and_wait(c, TL_ASK_MAY_CONTACT, customer, query, out);
}

int
tl_campaign(struct tl_client *c, const char *name, struct tl_reply **out)
{
    return ask_and_wait(c, TL_ASK_CAMPAIGN, name, NULL, out);
}

int
tl_stat(struct tl_client *c, struct tl_reply **out)
{
    return ask_and_wait(c, TL_ASK_STAT, NULL, NULL, out);
}

int
tl_verify(struct tl_client *c, struct tl_reply **out)
{
    return ask_and_wait(c, TL_ASK_VERIFY, NULL, NULL, out);
}

int
tl_commit(struct tl_client *c, const char *group, const char *position, uint64_t generation)
{
    struct tl_query query = {.at_least = position, .generation = generation};
    struct tl_reply *reply;
    int code = ask_and_wait(c, TL_ASK_COMMIT, group, &query, &reply);

    tl_reply_free(&reply);
    return code;
}

int
tl_report(struct tl_client *c, const char *reporter, uint64_t sequence,
          const struct tl_ignored *ignored, size_t count)
{
    struct tl_query query = {.sequence = sequence, .ignored = ignored, .ignored_count = count};
    struct tl_reply *reply;
    int code = ask_and_wait(c, TL_ASK_REPORT, reporter, &query, &reply);

    tl_reply_free(&reply);
    return code;
}
