#include "adapters/call/cel.h"

#include <string.h>

#include "adapters/call/facts.h"
#include "adapters/call/rows.h"
#include "adapters/text.h"
#include "base/clock.h"

enum {
    EVENTTYPE, EVENTTIME, CID_NAME, CID_NUM, CID_ANI, CID_RDNIS, CID_DNID, EXTEN, CONTEXT,
    CHANNAME, APPNAME, APPDATA, AMAFLAGS, ACCOUNTCODE, UNIQUEID, LINKEDID, PEER, USERFIELD,
    USERDEFTYPE, EVENTEXTRA, COLUMNS,
};

static const struct rows_attribute attributes[] = {
    {"cid_name", CID_NAME},   {"cid_ani", CID_ANI},         {"cid_rdnis", CID_RDNIS},
    {"cid_dnid", CID_DNID},   {"exten", EXTEN},             {"context", CONTEXT},
    {"channame", CHANNAME},   {"appname", APPNAME},         {"appdata", APPDATA},
    {"amaflags", AMAFLAGS},   {"accountcode", ACCOUNTCODE}, {"peer", PEER},
    {"userfield", USERFIELD}, {"eventextra", EVENTEXTRA},   {NULL, 0},
};

static struct call *
call_of(struct row *r)
{
    return calls_find(r->calls, r->columns[LINKEDID]);
}

/* Extensions are short numbers; a queue's name in a channel's is no agent. */
static struct tl_str
agent_of(struct tl_str channel)
{
    struct tl_str agent = fact_agent(channel);

    for (size_t i = 0; i < agent.len; i++)
        if (agent.ptr[i] < '0' || agent.ptr[i] > '9')
            return (struct tl_str){0};
    return fact_is_phone(agent) ? (struct tl_str){0} : agent;
}

/* ------------------------------------------------------------------ events */

static void
fill(struct row *r, const char *type, int64_t time)
{
    struct tl_event *ev = &r->draft->event;
    const struct call *call = call_of(r);

    if (type != NULL)
        ev->type = text_of(type);
    ev->time = time;
    ev->channel = TL_STR("call");
    if (call != NULL) {
        ev->direction = call->outbound ? TL_STR("outbound") : TL_STR("inbound");
        fact_customer(r->draft, draft_copy(r->draft, text_of(call->customer)),
                      r->columns[LINKEDID]);
    } else {
        fact_customer(r->draft, r->columns[CID_NUM], r->columns[LINKEDID]);
    }
    fact_call(r->draft, r->columns[LINKEDID], r->columns[UNIQUEID]);
    r->draft->call.caller = r->columns[CID_NUM];
}

static void
emit(struct row *r, const char *type)
{
    fill(r, type, fact_time(r->columns[EVENTTIME], r->d->zone));
    rows_keep(r, attributes, COLUMNS);
    reader_emit(r->d, r->raw);
}

/* Most channels begin before it is known whose they are. */
static void
learn(struct row *r, struct call *call)
{
    const struct tl_str *c = r->columns;

    if (call->customer[0] != '\0' || c[CID_NUM].len == 0)
        return;
    call->outbound = fact_is_outbound(c[CID_NUM], c[EXTEN], c[CONTEXT]);
    if (call->outbound)
        call_keep(call->customer, c[EXTEN]);
    else if (fact_is_phone(c[CID_NUM]))
        call_keep(call->customer, c[CID_NUM]);
}

/* Tells of the call's beginning, once, when it is known whose it is. */
static void
offer(struct row *r, struct call *call)
{
    bool last = text_is(r->columns[EVENTTYPE], "LINKEDID_END");

    if (call->began_time == 0 || (call->customer[0] == '\0' && !last))
        return;
    r->draft->event.id = draft_printf(r->draft, "%s-begin", call->id);
    fill(r, "call.offered", call->began_time);
    r->draft->call.id = draft_copy(r->draft, text_of(call->id));
    draft_attribute(r->draft, TL_STR("exten"), r->columns[EXTEN]);
    draft_attribute(r->draft, TL_STR("context"), r->columns[CONTEXT]);
    reader_emit(r->d, r->raw);
    call->began_time = 0;
    rows_again(r);
}

static void
chan_start(struct row *r)
{
    struct call *call;

    if (!text_equal(r->columns[UNIQUEID], r->columns[LINKEDID])
        || (call = calls_get(r->calls, r->columns[LINKEDID])) == NULL)
        reader_ignore(r->d, r->columns[EVENTTYPE]);
    else
        call->began_time = fact_time(r->columns[EVENTTIME], r->d->zone);
}

static void
answer(struct row *r)
{
    struct call *call = call_of(r);

    if (call == NULL || !call->outbound || call->answered) {
        reader_ignore(r->d, r->columns[EVENTTYPE]);
        return;
    }
    call->answered = true;
    emit(r, "call.answered");
}

static void
bridge_enter(struct row *r)
{
    const struct tl_str *c = r->columns;
    struct call *call = call_of(r);
    bool hands_out = text_is(c[APPNAME], "Queue") || text_is(c[APPNAME], "Dial");

    if (call == NULL || call->outbound || call->answered || !hands_out || c[PEER].len == 0) {
        reader_ignore(r->d, c[EVENTTYPE]);
        return;
    }
    call->answered = true;
    fact_desk(r->draft, agent_of(c[PEER]));
    emit(r, "call.answered");
}

static void
linkedid_end(struct row *r)
{
    const struct call *call = call_of(r);
    bool abandoned = call != NULL && !call->outbound && !call->answered;

    emit(r, abandoned ? "call.abandoned" : "call.ended");
}

static void
transfer(struct row *r)
{
    emit(r, "call.transferred");
}

/* CODE=response, as it is or in {"extra":"CODE=response"}. */
static struct tl_str
extra_of(struct tl_str text)
{
    static const char name[] = "\"extra\":\"";
    const char *at = text.len > 0 ? memmem(text.ptr, text.len, name, strlen(name)) : NULL;
    const char *end;

    if (at == NULL)
        return text;
    at += strlen(name);
    end = memchr(at, '"', text.len - (size_t)(at - text.ptr));
    return end != NULL ? (struct tl_str){at, (size_t)(end - at)} : (struct tl_str){0};
}

static void
offer_response(struct row *r)
{
    const struct tl_str *c = r->columns;
    struct tl_str extra = extra_of(c[EVENTEXTRA]);
    const char *equals = extra.len > 0 ? memchr(extra.ptr, '=', extra.len) : NULL;
    struct tl_str code = {extra.ptr, equals != NULL ? (size_t)(equals - extra.ptr) : 0};
    struct tl_str response = {0};

    if (equals != NULL)
        response = (struct tl_str){equals + 1, extra.len - code.len - 1};
    fact_desk(r->draft, agent_of(c[CHANNAME]));
    if (!fact_response(r->draft, code, response, (struct tl_str){0})) {
        reader_reject(r->d, r->raw, "an OFFER_RESPONSE that is no OFFER=response, as in "
                                    "SPRING10=declined");
        return;
    }
    emit(r, NULL);
}

static const struct {
    const char *type;
    void (*read)(struct row *r);
} kinds[] = {
    {"CHAN_START", chan_start},
    {"ANSWER", answer},
    {"BRIDGE_ENTER", bridge_enter},
    {"LINKEDID_END", linkedid_end},
    {"BLINDTRANSFER", transfer},
    {"ATTENDEDTRANSFER", transfer},
    {"OFFER_RESPONSE", offer_response},
};

static void
read_row(struct row *r)
{
    const struct tl_str *c = r->columns;
    bool user = text_is(c[EVENTTYPE], "USER_DEFINED");
    struct call *call = call_of(r);

    if (r->count < COLUMNS || c[LINKEDID].len == 0
        || fact_time(c[EVENTTIME], r->d->zone) == 0) {
        reader_reject(r->d, r->raw, "no channel event of 20 columns with a time and a linkedid");
        return;
    }
    if (call != NULL) {
        learn(r, call);
        offer(r, call);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_is(r->columns[EVENTTYPE], kinds[i].type)
            || (user && text_is(r->columns[USERDEFTYPE], kinds[i].type))) {
            reader_set_id(r->d, r->columns[LINKEDID], r->columns[EVENTTYPE], r->raw);
            kinds[i].read(r);
            return;
        }
    reader_ignore(r->d, r->columns[user ? USERDEFTYPE : EVENTTYPE]);
}

int
cel_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
         char *why)
{
    static const struct rows_kind kind = {
        {"asterisk-cel", NULL, NULL, true, rows_feed, rows_begin, rows_finish}, read_row};

    return rows_open(out, &kind, o, sink, why);
}
