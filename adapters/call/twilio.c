#include "adapters/call/twilio.h"

#include <stdio.h>
#include <string.h>

#include "adapters/call/facts.h"
#include "adapters/form.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/intake.h"

/* Its four parts are read by timeformat once the month has become a number. */
#define DATE_BYTES 64

static const struct {
    const char *status;
    const char *type;
} kinds[] = {
    {"queued", "call.queued"},       {"initiated", "call.offered"},
    {"ringing", "call.ringing"},     {"in-progress", "call.answered"},
    {"answered", "call.answered"},   {"completed", "call.ended"},
    {"busy", "call.ended"},          {"no-answer", "call.ended"},
    {"failed", "call.ended"},        {"canceled", "call.abandoned"},
};

/* What a field of the event says. */
static const char *const held[] = {
    "CallSid", "CallStatus", "From", "To", "Called", "Caller", "Direction", "Timestamp",
    "SequenceNumber", "ParentCallSid", "CallDuration", "campaign", NULL,
};

struct callback {
    struct decoder *d;
    struct draft *draft;
    struct form form, query;
};

static struct tl_str
get(struct callback *c, const char *name)
{
    const struct form_field *f = form_find(&c->form, name);

    if (f == NULL)
        f = form_find(&c->query, name);
    return f != NULL ? text_trim(draft_copy(c->draft, f->value)) : (struct tl_str){0};
}

/* RFC 2822: `Tue, 14 Nov 2023 22:13:23 +0000`. */
static int64_t
date_of(struct tl_str text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timeformat_time t;
    char name[4] = "", date[DATE_BYTES];
    const char *month;

    if (text.len < 12 || text.len > 40 || text.ptr[3] != ',')
        return 0;
    memcpy(name, text.ptr + 8, 3);
    if ((month = strstr(months, name)) == NULL || strlen(name) != 3)
        return 0;
    snprintf(date, sizeof date, "%.2s %02d %.*s", text.ptr + 5, (int)((month - months) / 3 + 1),
             (int)(text.len - 12), text.ptr + 12);
    return timeformat_read(&t, text_of(date), TL_STR("%d %m %Y %H:%M:%S %z"), NULL, false) ? t.ns
                                                                                            : 0;
}

static struct tl_str
without_scheme(struct tl_str address)
{
    const char *colon = address.len > 0 ? memchr(address.ptr, ':', address.len) : NULL;
    const char *at;

    if (colon != NULL) {
        address.len -= (size_t)(colon + 1 - address.ptr);
        address.ptr = colon + 1;
    }
    at = address.len > 0 ? memchr(address.ptr, '@', address.len) : NULL;
    if (at != NULL)
        address.len = (size_t)(at - address.ptr);
    return address;
}

static bool
is_house(struct tl_str address)
{
    return (address.len > 7 && memcmp(address.ptr, "client:", 7) == 0)
           || (address.len > 4 && memcmp(address.ptr, "sip:", 4) == 0);
}

/* A leg to an agent is about the customer at its other end. */
static void
put_parties(struct callback *c, struct tl_str sid)
{
    struct tl_str from = get(c, "From"), to = get(c, "To"), direction = get(c, "Direction");
    bool inbound = text_is(direction, "inbound");
    struct tl_str customer = is_house(to) ? from : is_house(from) ? to : inbound ? from : to;

    c->draft->event.direction = inbound ? TL_STR("inbound") : TL_STR("outbound");
    if (is_house(to))
        fact_desk(c->draft, without_scheme(to));
    else if (is_house(from))
        fact_desk(c->draft, without_scheme(from));
    c->draft->call.caller = from;
    c->draft->call.callee = to;
    fact_customer(c->draft, customer, sid);
}

static uint64_t
number(struct tl_str text)
{
    return (uint64_t)fact_ms(text) / 1000;
}

static void
put_rest(struct callback *c, const struct form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        struct tl_str name = form->fields[i].name;
        bool is_held = false;

        for (size_t k = 0; held[k] != NULL && !is_held; k++)
            is_held = text_is(name, held[k]);
        if (!is_held)
            draft_attribute(c->draft, draft_copy(c->draft, name),
                            text_trim(draft_copy(c->draft, form->fields[i].value)));
    }
}

static void
build(struct callback *c, struct tl_str sid, struct tl_str status, const char *type)
{
    struct tl_event *ev = &c->draft->event;
    struct tl_str sequence = get(c, "SequenceNumber"), parent = get(c, "ParentCallSid");
    struct tl_str campaign = get(c, "campaign");

    ev->id = draft_printf(c->draft, "%.*s-%.*s", (int)sid.len, sid.ptr,
                          (int)(sequence.len > 0 ? sequence.len : status.len),
                          sequence.len > 0 ? sequence.ptr : status.ptr);
    ev->type = text_of(type);
    ev->time = date_of(get(c, "Timestamp"));
    ev->channel = TL_STR("call");
    fact_call(c->draft, parent.len > 0 ? parent : sid, sid);
    ev->subject = sid;
    ev->revision = sequence.len > 0 ? number(sequence) + 1 : 0;
    put_parties(c, sid);
    c->draft->call.disposition = status;
    c->draft->call.talk_ms = fact_ms(get(c, "CallDuration"));
    if (campaign.len <= DRAFT_NAME_BYTES_MAX && !text_is(campaign, "none"))
        ev->campaign = campaign;
    put_rest(c, &c->form);
    put_rest(c, &c->query);
}

static const char *
type_of(struct tl_str status)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_is(status, kinds[i].status))
            return kinds[i].type;
    return NULL;
}

static void
read_callback(struct callback *c, struct tl_str body)
{
    struct tl_str sid, status;
    const char *type;

    intake_begin(c->d);
    sid = get(c, "CallSid");
    status = get(c, "CallStatus");
    type = type_of(status);
    if (sid.len == 0 || sid.len > DRAFT_NAME_BYTES_MAX || get(c, "SequenceNumber").len > 20) {
        intake_reject(c->d, body, "no CallSid: no status callback of Twilio's for a call");
    } else if (type == NULL) {
        intake_reject(c->d, body, "a CallStatus this decoder does not know");
    } else {
        build(c, sid, status, type);
        intake_finish(c->d, body);
    }
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct callback c = {.d = d, .draft = &d->draft};

    if (form_read(&c.form, text_trim(r->body)) != 0 || form_read(&c.query, r->query) != 0)
        intake_reject(d, r->body, "a form of more than a thousand fields");
    else
        read_callback(&c, r->body);
    form_free(&c.form);
    form_free(&c.query);
}

int
twilio_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
            char *why)
{
    return intake_open(out, o, sink, why, "twilio", read_request);
}
