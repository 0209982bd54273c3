/* What an agent needs first, first: who it is, why he may be calling, what he
 * was offered, what he was promised. */

#include <string.h>

#include "tools/show.h"

#define RECENT_SHOWN 10     /* more is no answer in a second */
#define TEXT(s) (int)(s).len, (s).len > 0 ? (s).ptr : ""

static bool
is(struct tl_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* ": 40 more", or "" */
static const char *
more(char out[64], struct tl_str count)
{
    snprintf(out, 64, count.len > 0 ? ", %.*s more" : "%.*s", TEXT(count));
    return out;
}

/* --------------------------------------------------------------------- who */

static struct tl_str
attribute(const struct tl_who *who, const char *key)
{
    for (size_t i = 0; i < who->attributes_count; i++)
        if (is(who->attributes[i].key, key))
            return who->attributes[i].value;
    return (struct tl_str){0};
}

static bool
is_name(struct tl_str key)
{
    return is(key, "name") || is(key, "first_name") || is(key, "last_name");
}

static void
clean_line(struct buf *line)
{
    struct buf clean = {0};

    print_clean(&clean, (struct tl_str){(char *)line->ptr, line->len});
    if (clean.len > 0)
        printf("%.*s\n", (int)clean.len, (char *)clean.ptr);
    buf_free(&clean);
    buf_clear(line);
}

static void
who_is(struct buf *line, const struct tl_context *c)
{
    struct tl_str name = attribute(c->who, "name"), first = attribute(c->who, "first_name"),
                  last = attribute(c->who, "last_name");

    buf_printf(line, "%.*s", TEXT(c->customer));
    if (name.len > 0)
        buf_printf(line, "  %.*s", TEXT(name));
    else if (first.len + last.len > 0)
        buf_printf(line, "  %.*s %.*s", TEXT(first), TEXT(last));
    clean_line(line);
}

static void
known_as(struct buf *line, const struct tl_who *who)
{
    if (who->identifiers_count == 1 && who->identifiers[0].verified)
        return;
    for (size_t i = 0; i < who->identifiers_count; i++) {
        const struct tl_known_identifier *id = &who->identifiers[i];

        buf_printf(line, "%s%.*s:%.*s%s", i > 0 ? "  " : "  known as  ", TEXT(id->type),
                   TEXT(id->value), id->verified ? "" : " (unverified)");
    }
    if (who->identifiers_more.len > 0)
        buf_printf(line, "  and %.*s more", TEXT(who->identifiers_more));
    clean_line(line);
}

static void
about(struct buf *line, const struct tl_who *who)
{
    for (size_t i = 0; i < who->attributes_count; i++)
        if (!is_name(who->attributes[i].key))
            buf_printf(line, "%s%.*s: %.*s", line->len > 0 ? ", " : "  about  ",
                       TEXT(who->attributes[i].key), TEXT(who->attributes[i].value));
    clean_line(line);
}

static void
doubts(struct buf *line, const struct tl_who *who)
{
    for (size_t i = 0; i < who->conflicts_count; i++) {
        const struct tl_identity_conflict *x = &who->conflicts[i];

        buf_printf(line, "  CONFLICT  the same person with two values of %.*s? %.*s and %.*s",
                   TEXT(x->type), TEXT(x->value_a), TEXT(x->value_b));
        clean_line(line);
    }
    for (size_t i = 0; i < who->candidates_count; i++)
        buf_printf(line, "%s%.*s:%.*s", i > 0 ? "  " : "  COULD BE  ",
                   TEXT(who->candidates[i].type), TEXT(who->candidates[i].value));
    clean_line(line);
}

static int
show_who(const struct tl_context *c)
{
    struct buf line = {0};
    bool failed;

    if (c->who == NULL) {
        printf("%.*s\n", TEXT(c->customer));
        return 0;
    }
    who_is(&line, c);
    known_as(&line, c->who);
    about(&line, c->who);
    doubts(&line, c->who);
    failed = line.failed;
    buf_free(&line);
    return failed ? TL_ENOMEM : 0;
}

/* ---------------------------------------------------------------- sections */

static int
show_reasons(const struct tl_context *c)
{
    struct print_table t = {.columns = 2};
    char when[PRINT_WHEN_BYTES];

    if (c->reasons_count == 0)
        return 0;
    show_heading("WHY HE MAY BE CALLING", "%s", "");
    for (size_t i = 0; i < c->reasons_count; i++) {
        print_cell(&t, c->reasons[i].why);
        print_cellf(&t, "%s", print_when(when, c->reasons[i].time, c->now));
    }
    return print_rows(&t, 2, stdout);
}

static int
show_offered(const struct tl_context *c)
{
    size_t live = show_live(c->offers, c->offers_count);
    char and[64];

    if (c->offers_count == 0)
        return 0;
    show_heading("OFFERS", "%zu live, %zu closed%s", live, c->offers_count - live,
                 more(and, c->offers_more));
    return show_offers(c->offers, c->offers_count, c->now);
}

static int
show_commitments(const struct tl_context *c)
{
    struct print_table t = {.columns = 4};
    char when[PRINT_WHEN_BYTES], and[64];

    if (c->commitments_count == 0)
        return 0;
    show_heading("PROMISES", "%zu%s", c->commitments_count, more(and, c->commitments_more));
    for (size_t i = 0; i < c->commitments_count; i++) {
        const struct tl_commitment_state *m = &c->commitments[i];

        if (is(m->state, "overdue") || is(m->state, "broken"))
            print_cellf(&t, "OVERDUE");
        else
            print_cell(&t, m->state);
        print_cell(&t, m->text);
        print_cellf(&t, "%s%s", m->due != 0 ? "due " : "", print_when(when, m->due, c->now));
        print_cellf(&t, "%s%.*s", m->by.len > 0 ? "by " : "", TEXT(m->by));
    }
    return print_rows(&t, 2, stdout);
}

static int
show_contact(const struct tl_context *c)
{
    struct print_table t = {.columns = 3};
    char when[PRINT_WHEN_BYTES], by[48];

    if (c->may_contact_count + c->consents_count == 0)
        return 0;
    show_heading("MAY WE CONTACT", "%s", "");
    for (size_t i = 0; i < c->may_contact_count; i++) {
        const struct tl_contact_verdict *v = &c->may_contact[i];

        print_cell(&t, v->verdict);
        print_cellf(&t, "%.*s%s", TEXT(v->purpose), show_by(v->channel, by));
        print_cellf(&t, "%.*s%s%s", TEXT(v->rule), v->until != 0 ? ", until " : "",
                    print_when(when, v->until, c->now));
    }
    for (size_t i = 0; i < c->consents_count; i++) {
        const struct tl_consent_state *s = &c->consents[i];

        print_cell(&t, s->status);
        print_cellf(&t, "%.*s%s", TEXT(s->purpose), show_by(s->channel, by));
        print_cellf(&t, "%s%s%.*s%s%.*s", print_when(when, s->time, c->now),
                    s->identifier != NULL ? ", " : "",
                    s->identifier != NULL ? (int)s->identifier->value.len : 0,
                    s->identifier != NULL ? s->identifier->value.ptr : "",
                    s->evidence.len > 0 ? ", " : "", TEXT(s->evidence));
    }
    return print_rows(&t, 2, stdout);
}

/* How long he waits, or waited. */
static const char *
feedback_clock(char out[64], const struct tl_feedback_state *f)
{
    char took[SHOW_DURATION_BYTES];

    out[0] = '\0';
    if (is(f->kind, "complaint") && f->waiting_ms > 0)
        snprintf(out, 64, ", WAITS %s", show_duration(took, f->waiting_ms));
    else if (f->answered != 0)
        snprintf(out, 64, ", first answer after %s", show_duration(took, f->response_ms));
    return out;
}

static int
show_feedback(const struct tl_context *c)
{
    struct print_table t = {.columns = 4};
    char when[PRINT_WHEN_BYTES], clock[64];

    if (c->feedback_count == 0)
        return 0;
    show_heading("WHAT HE SAID", "%zu", c->feedback_count);
    for (size_t i = 0; i < c->feedback_count; i++) {
        const struct tl_feedback_state *f = &c->feedback[i];

        print_cellf(&t, "%.*s%s", TEXT(f->kind), f->is_public ? ", public" : "");
        print_cellf(&t, "%.*s%s", TEXT(f->state), feedback_clock(clock, f));
        print_cellf(&t, "%s", print_when(when, f->time, c->now));
        print_cellf(&t, "%.*s%s%.*s%s%.*s", TEXT(f->rating), f->rating_max.len > 0 ? " of " : "",
                    TEXT(f->rating_max), f->rating.len > 0 ? "  " : "", TEXT(f->title));
    }
    return print_rows(&t, 2, stdout);
}

static void
add_channels(struct print_table *t, const struct tl_conversation *v)
{
    struct buf list = {0};

    for (size_t i = 0; i < v->channels_count; i++)
        buf_printf(&list, "%s%.*s", i > 0 ? ", " : "", TEXT(v->channels[i]));
    print_cell(t, (struct tl_str){(char *)list.ptr, list.len});
    buf_free(&list);
}

static const char *
conversation_clock(char out[64], const struct tl_conversation *v, int64_t now)
{
    char took[SHOW_DURATION_BYTES];

    out[0] = '\0';
    if (v->unanswered != 0)
        snprintf(out, 64, "waits %s",
                 show_duration(took, (now - v->unanswered) / 1000000));
    else if (v->answered != 0)
        snprintf(out, 64, "first answer after %s", show_duration(took, v->response_ms));
    return out;
}

/* What is over and has no title but a system's number tells an agent nothing. */
static bool
tells_something(const struct tl_conversation *v)
{
    return v->open || v->unanswered != 0 || v->title.len > 0;
}

static int
show_conversations(const struct tl_context *c)
{
    struct print_table t = {.columns = 5};
    char when[PRINT_WHEN_BYTES], clock[64];
    bool headed = false;

    for (size_t i = 0; i < c->conversations_count; i++) {
        const struct tl_conversation *v = &c->conversations[i];

        if (!tells_something(v))
            continue;
        if (!headed)
            show_heading("CONVERSATIONS", "%s", "");
        headed = true;
        print_cellf(&t, "%s", v->unanswered != 0 ? "UNANSWERED" : v->open ? "open" : "closed");
        print_cellf(&t, "%s", print_when(when, v->last_time, c->now));
        add_channels(&t, v);
        print_cell(&t, v->title.len > 0 ? v->title : v->id);
        print_cellf(&t, "%s", conversation_clock(clock, v, c->now));
    }
    return headed ? print_rows(&t, 2, stdout) : 0;
}

static bool
has_talked(const struct tl_relationship *r)
{
    return r->ours + r->his + r->promises_kept + r->promises_broken + r->promises_overdue > 0;
}

static int
show_talk(const struct tl_context *c)
{
    struct buf line = {0};
    bool failed;

    if (c->relationship == NULL || !has_talked(c->relationship))
        return 0;
    show_heading("HE AND WE", "%s", "");
    buf_text(&line, "  ");
    show_relationship(&line, c->relationship, false);
    clean_line(&line);
    failed = line.failed;
    buf_free(&line);
    return failed ? TL_ENOMEM : 0;
}

static int
show_value(const struct tl_context *c)
{
    const struct tl_value *v = c->value;
    char money[PRINT_MONEY_BYTES], last[PRINT_MONEY_BYTES], when[PRINT_WHEN_BYTES], count[32];

    if (v == NULL || v->purchases + v->returns == 0)
        return 0;
    show_heading("VALUE", "%s %s, %s in all%s%s%s%s", print_count(count, v->purchases),
                 v->purchases == 1 ? "purchase" : "purchases",
                 print_money(money, v->spend_minor, v->currency),
                 v->last_sale != 0 ? "; last " : "", print_when(when, v->last_sale, c->now),
                 v->last_sale != 0 ? ": " : "",
                 v->last_sale != 0
                     ? print_money(last, v->last_sale_minor, v->last_sale_currency)
                     : "");
    if (v->returns > 0)
        printf("  %s returned\n", print_count(count, v->returns));
    for (size_t i = 0; i < v->others_count; i++)
        printf("  and %s for %s\n", print_count(count, v->others[i].purchases),
               print_money(money, v->others[i].spend_minor, v->others[i].currency));
    return 0;
}

static int
show_recent(const struct tl_context *c)
{
    struct print_table t = {.columns = 4};
    size_t shown = c->recent_count < RECENT_SHOWN ? c->recent_count : RECENT_SHOWN;
    char when[PRINT_WHEN_BYTES];

    if (shown == 0)
        return 0;
    show_heading("LAST CONTACTS", "%s", c->recent_count > shown || c->recent_more.len > 0
                                            ? "`touchline timeline' has them all" : "");
    for (size_t i = 0; i < shown; i++) {
        const struct tl_recent *r = &c->recent[i];

        print_cellf(&t, "%s", print_when(when, r->time, c->now));
        print_cell(&t, r->channel);
        print_cellf(&t, "%.*s%s", TEXT(r->type), r->unverified ? " (unverified)" : "");
        print_cell(&t, r->summary);
    }
    return print_rows(&t, 2, stdout);
}

static int
show_freshness(const struct tl_context *c)
{
    struct print_table t = {.columns = 2};
    char when[PRINT_WHEN_BYTES], gaps[32];

    show_heading("AS OF", "%s, position %.*s", print_moment(when, c->now), TEXT(c->position));
    for (size_t i = 0; i < c->freshness_count; i++) {
        print_cell(&t, c->freshness[i].source);
        if (c->freshness[i].gaps > 0)
            snprintf(gaps, sizeof gaps, ", %u MISSING", c->freshness[i].gaps);
        print_cellf(&t, "last heard %s%s", print_when(when, c->freshness[i].last_event, c->now),
                    c->freshness[i].gaps > 0 ? gaps : "");
    }
    for (size_t i = 0; i < c->omitted_count; i++) {
        print_cell(&t, c->omitted[i]);
        print_cellf(&t, "left out: not known for then");
    }
    return print_rows(&t, 2, stdout);
}

static int
show(const struct tl_reply *reply)
{
    static int (*const sections[])(const struct tl_context *) = {
        show_who,           show_reasons, show_offered,   show_commitments, show_contact,
        show_feedback,      show_value,   show_household, show_conversations,
        show_talk,
        show_recent,        show_freshness,
    };
    const struct tl_context *c = tl_reply_context(reply);
    int err = 0;

    for (size_t i = 0; err == 0 && i < sizeof sections / sizeof sections[0]; i++)
        err = sections[i](c);
    return err;
}

/* -------------------------------------------------------------------- verb */

int
verb_context(struct verb_call *call)
{
    struct verb_list sections = {0};
    struct tl_query query = {0};
    const struct verb_option options[] = {
        {"--as-of", VERB_TEXT, &query.as_of},
        {"--section", VERB_LIST, &sections},
        {0},
    };
    struct tl_client *client;
    struct tl_reply *reply;
    int code;

    if ((code = verb_options(call, options, 1, 1)) != 0
        || (code = verb_customer(call, call->argv[0])) != 0
        || (code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    query.sections = sections.items;
    query.sections_count = sections.count;
    code = show_reply(call, tl_context(client, call->argv[0], &query, &reply), &reply, show);
    tl_close(&client);
    return code;
}
