#include "adapters/call/ami.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/call/agent.h"
#include "adapters/call/calls.h"
#include "adapters/call/facts.h"
#include "adapters/call/fields.h"
#include "adapters/reading.h"
#include "adapters/text.h"
#include "base/clock.h"
#include "base/must.h"

struct ami {
    struct fields fields;
    struct calls *calls;
};

/* What a handler works with. */
struct block {
    struct decoder *d;
    struct draft *draft;
    struct fields *fields;
    struct tl_str record;
    struct tl_str linkedid, leg;
    struct call *call;          /* NULL: of no call, or not known yet */
};

/* ------------------------------------------------------------------ events */

static struct tl_str
get(struct block *b, const char *name)
{
    return fields_get(b->fields, name);
}

/* Names of what a channel is doing anyway, in every event about it. */
static const char *const passing[] = {
    "Event", "Privilege", "Timestamp", "Uniqueid", "Linkedid", "DestUniqueid", "DestLinkedid",
    "ChannelState", "ChannelStateDesc", "DestChannelState", "DestChannelStateDesc", "Priority",
    "DestPriority", NULL,
};

static void
emit(struct block *b, const char *type)
{
    struct tl_event *ev = &b->draft->event;

    if (type != NULL)
        ev->type = text_of(type);
    if (b->call == NULL && b->linkedid.len == 0 && ev->identifiers_count == 0) {
        reader_reject(b->d, b->record, "names neither a customer nor a call known here");
        return;
    }
    if (b->call != NULL) {
        fact_customer(b->draft, text_of(b->call->customer), b->linkedid);
        ev->direction = b->call->outbound ? TL_STR("outbound") : TL_STR("inbound");
    }
    fact_customer(b->draft, (struct tl_str){0}, b->linkedid);
    fields_pass(b->fields, passing);
    fields_keep(b->fields, b->draft);
    reader_emit(b->d, b->record);
}

static void
ignore(struct block *b)
{
    reader_ignore(b->d, get(b, "Event"));
}

static void
set_agent(struct block *b, struct tl_str agent)
{
    fact_desk(b->draft, agent);
    if (b->call != NULL)
        call_keep(b->call->agent, agent);
}

static void
set_lower(struct block *b, struct tl_str word)
{
    char *text = (char *)(uintptr_t)draft_copy(b->draft, word).ptr;

    for (size_t i = 0; text != NULL && i < word.len; i++)
        text[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    if (text != NULL)
        b->draft->call.disposition = (struct tl_str){text, word.len};
}

/* ------------------------------------------------------------------ queues */

static void
begin_queued(struct block *b)
{
    static const char *const members[] = {"Interface", "MemberName", NULL};
    struct tl_str agent = {0};

    b->draft->call.queue = get(b, "Queue");
    b->draft->call.caller = get(b, "CallerIDNum");
    b->draft->call.wait_ms = fact_ms(get(b, "HoldTime"));
    b->draft->event.call = &b->draft->call;
    if ((b->call = calls_get(((struct ami *)b->d->state)->calls, b->linkedid)) != NULL) {
        b->call->queued = true;
        call_keep(b->call->leg, b->leg);
        if (b->call->customer[0] == '\0')
            call_keep(b->call->customer, b->draft->call.caller);
    } else {
        fact_customer(b->draft, b->draft->call.caller, b->linkedid);
    }
    agent = fact_agent(fields_first(b->fields, members));
    if (agent.len > 0)
        set_agent(b, agent);
}

static void
join(struct block *b)
{
    begin_queued(b);
    if (b->draft->call.queue.len > 0 && b->draft->call.queue.len <= DRAFT_NAME_BYTES_MAX)
        b->draft->event.touchpoint = draft_printf(b->draft, "queue:%.*s",
                                                  (int)b->draft->call.queue.len,
                                                  b->draft->call.queue.ptr);
    emit(b, "call.offered");
}

static void
agent_called(struct block *b)
{
    begin_queued(b);
    emit(b, "call.ringing");
}

static void
agent_connect(struct block *b)
{
    begin_queued(b);
    if (b->call != NULL)
        b->call->answered = true;
    emit(b, "call.answered");
}

static void
agent_missed(struct block *b)
{
    begin_queued(b);
    emit(b, "call.missed");
}

/* The caller's channel may be gone: then it is the call the agent was on. */
static void
find_by_agent(struct block *b)
{
    struct ami *ami = b->d->state;

    if (b->linkedid.len > 0)
        return;
    b->call = calls_of_agent(ami->calls, fact_agent(get(b, "Interface")));
    if (b->call == NULL)
        return;
    b->linkedid = draft_copy(b->draft, text_of(b->call->id));
    b->leg = draft_copy(b->draft, text_of(b->call->leg));
    fact_call(b->draft, b->linkedid, b->leg);
}

static void
agent_complete(struct block *b)
{
    struct tl_str reason = get(b, "Reason");
    bool transfer = text_is(reason, "transfer");

    find_by_agent(b);
    begin_queued(b);
    b->draft->call.talk_ms = fact_ms(get(b, "TalkTime"));
    b->draft->call.total_ms = b->draft->call.wait_ms + b->draft->call.talk_ms;
    b->draft->call.disposition = reason;
    if (b->call != NULL)
        b->call->ended = !transfer;
    emit(b, transfer ? "call.transferred" : "call.ended");
}

static void
abandon(struct block *b)
{
    begin_queued(b);
    b->draft->call.total_ms = b->draft->call.wait_ms;
    if (b->call != NULL)
        b->call->ended = true;
    emit(b, "call.abandoned");
}

/* ----------------------------------------------------------------- dialling */

/* 12025550114 of `12025550114@outbound/n`, `PJSIP/trunk/12025550114`. */
static struct tl_str
dialled(struct tl_str string)
{
    const char *at = string.len > 0 ? memchr(string.ptr, '@', string.len) : NULL;
    const char *slash;

    if (at != NULL)
        string.len = (size_t)(at - string.ptr);
    slash = string.len > 0 ? memrchr(string.ptr, '/', string.len) : NULL;
    if (slash != NULL) {
        string.len -= (size_t)(slash + 1 - string.ptr);
        string.ptr = slash + 1;
    }
    return string;
}

static bool
goes_out(struct block *b, struct tl_str number)
{
    struct tl_str caller = get(b, "CallerIDNum");

    if (b->call != NULL)
        return b->call->outbound;
    /* Nobody's channel dials: the manager was asked to (Originate). */
    if (get(b, "Channel").len == 0)
        return fact_is_phone(number);
    return fact_is_outbound(caller, number, get(b, "Context"));
}

/* A call that no queue hands out; app_queue tells of its own by AgentCalled. */
static bool
begin_dialled(struct block *b)
{
    struct tl_str number = dialled(get(b, "DialString"));
    struct tl_str caller = get(b, "CallerIDNum");
    bool outbound = goes_out(b, number);

    if (!outbound && (b->call == NULL || b->call->queued) && !fact_is_phone(caller))
        return false;
    if (b->call != NULL && (b->call->queued || b->call->ended))
        return false;
    if (b->call == NULL
        && (b->call = calls_get(((struct ami *)b->d->state)->calls, b->linkedid)) == NULL)
        return false;
    if (b->call->customer[0] == '\0') {
        b->call->outbound = outbound;
        call_keep(b->call->customer, outbound ? number : caller);
        call_keep(b->call->leg, outbound ? get(b, "DestUniqueid") : get(b, "Uniqueid"));
    }
    return true;
}

static void
set_dialled(struct block *b)
{
    struct tl_str number = dialled(get(b, "DialString"));

    fact_call(b->draft, b->linkedid, get(b, "DestUniqueid"));
    if (b->call->outbound) {
        b->draft->call.caller = get(b, "DestCallerIDNum");
        b->draft->call.callee = draft_copy(b->draft, text_of(b->call->customer));
    } else {
        b->draft->call.caller = draft_copy(b->draft, text_of(b->call->customer));
        b->draft->call.callee = number;
        set_agent(b, number.len > 0 ? number : fact_agent(get(b, "DestChannel")));
    }
}

static void
dial_begin(struct block *b)
{
    bool known = b->call != NULL;

    if (!begin_dialled(b)) {
        ignore(b);
        return;
    }
    set_dialled(b);
    emit(b, known ? "call.ringing" : "call.offered");
}

static void
dial_end(struct block *b)
{
    struct tl_str status = get(b, "DialStatus");

    if (b->call == NULL || b->call->queued || b->call->ended || b->call->answered) {
        ignore(b);
        return;
    }
    set_dialled(b);
    set_lower(b, status);
    if (text_is(status, "ANSWER")) {
        b->call->answered = true;
        b->call->answered_time = b->draft->event.time;
        emit(b, "call.answered");
    } else if (b->call->outbound) {
        b->call->ended = true;
        emit(b, "call.ended");
    } else {
        emit(b, "call.missed");
    }
}

/* The end of a call that nothing else has ended. */
static void
hangup(struct block *b)
{
    struct call *call = b->call;
    int64_t time = b->draft->event.time;

    if (call == NULL || call->ended || (call->queued && call->answered)
        || !text_is(b->leg, call->leg)) {
        ignore(b);
        return;
    }
    call->ended = true;
    fact_desk(b->draft, draft_copy(b->draft, text_of(call->agent)));
    b->draft->call.disposition = get(b, "Cause-txt");
    if (call->answered_time > 0 && time > call->answered_time)
        b->draft->call.talk_ms = (time - call->answered_time) / CLOCK_MS;
    emit(b, call->answered || call->outbound ? "call.ended" : "call.abandoned");
}

/* ------------------------------------------------------------------- others */

static void
hold(struct block *b)
{
    if (b->call == NULL)
        ignore(b);
    else
        emit(b, "call.held");
}

static void
unhold(struct block *b)
{
    if (b->call == NULL)
        ignore(b);
    else
        emit(b, "call.resumed");
}

static void
transfer(struct block *b)
{
    static const char *const calls[] = {"TransfereeLinkedid", "OrigTransfererLinkedid",
                                        "TransfererLinkedid", NULL};
    struct tl_str linkedid = fields_first(b->fields, calls);

    b->call = calls_find(((struct ami *)b->d->state)->calls, linkedid);
    if (b->call == NULL) {
        ignore(b);
        return;
    }
    b->linkedid = linkedid;
    fact_call(b->draft, linkedid, (struct tl_str){0});
    b->draft->call.callee = get(b, "Extension");
    emit(b, "call.transferred");
}

/* The answer to CoreShowChannels: calls that began while nobody listened. */
static void
show_channel(struct block *b)
{
    struct ami *ami = b->d->state;
    struct tl_str caller = get(b, "CallerIDNum"), callee = get(b, "Exten"), customer;
    bool outbound = fact_is_outbound(caller, callee, get(b, "Context"));

    if (b->call == NULL)
        b->call = calls_get(ami->calls, b->linkedid);
    customer = outbound ? callee : caller;
    if (b->call != NULL && b->call->customer[0] == '\0' && fact_is_phone(customer)) {
        b->call->outbound = outbound;
        call_keep(b->call->customer, customer);
        call_keep(b->call->leg, b->leg);
    }
    if (b->call != NULL && text_is(get(b, "Application"), "Queue")) {
        b->call->queued = true;
        call_keep(b->call->leg, b->leg);
    }
    if (b->call != NULL && get(b, "BridgeId").len > 0)
        b->call->answered = true;
    ignore(b);
}

static void
user(struct block *b)
{
    struct tl_str number = get(b, "CustomerNumber");
    struct tl_str customer = draft_copy(b->draft, text_of(b->call != NULL ? b->call->customer
                                                                          : NULL));
    struct tl_str name = get(b, "UserEvent");
    char why[READER_WHY_BYTES];

    if (b->call != NULL)
        b->draft->event.direction = b->call->outbound ? TL_STR("outbound") : TL_STR("inbound");
    agent_customer(b->draft, b->fields, number.len > 0 ? number : customer, b->linkedid);
    switch (agent_read(b->draft, b->fields, name, b->d->zone, why)) {
    case AGENT_EVENT:
        b->call = NULL;
        emit(b, NULL);
        break;
    case AGENT_IGNORED:
        reader_ignore(b->d, text_of(why));
        break;
    case AGENT_WRONG:
        reader_reject(b->d, b->record, why);
        break;
    }
}

static const struct {
    const char *event;
    void (*read)(struct block *b);
} handlers[] = {
    {"QueueCallerJoin", join},
    {"AgentCalled", agent_called},
    {"AgentConnect", agent_connect},
    {"AgentRingNoAnswer", agent_missed},
    {"AgentComplete", agent_complete},
    {"QueueCallerAbandon", abandon},
    {"DialBegin", dial_begin},
    {"DialEnd", dial_end},
    {"Hangup", hangup},
    {"Hold", hold},
    {"Unhold", unhold},
    {"BlindTransfer", transfer},
    {"AttendedTransfer", transfer},
    {"CoreShowChannel", show_channel},
    {"UserEvent", user},
};

/* ------------------------------------------------------------------- blocks */

/* An event needs no timestamp (timestampevents=no); it then happened when it
 * came. */
static void
begin(struct block *b)
{
    static const char *const linkedids[] = {"Linkedid", "DestLinkedid", NULL};
    struct tl_event *ev = reader_begin(b->d);

    /* What an event may not hold is mended in the copy. */
    fields_read(b->fields, draft_copy(b->draft, b->record));
    b->linkedid = fields_first(b->fields, linkedids);
    b->leg = get(b, "Uniqueid");
    b->call = calls_find(((struct ami *)b->d->state)->calls, b->linkedid);
    reader_set_id(b->d, b->linkedid, get(b, "Event"), b->record);
    ev->time = fact_time(get(b, "Timestamp"), b->d->zone);
    ev->channel = TL_STR("call");
    fact_call(b->draft, b->linkedid, b->leg);
}

static void
read_block(struct decoder *d, struct tl_str record)
{
    struct ami *ami = d->state;
    struct block b = {.d = d, .draft = &d->draft, .fields = &ami->fields, .record = record};
    struct tl_str event;

    fields_read(b.fields, record);
    event = get(&b, "Event");
    if (event.len == 0) {
        /* The greeting, answers to actions. */
        reader_ignore(d, get(&b, "Response").len > 0 ? TL_STR("Response") : TL_STR("greeting"));
        return;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (text_is(event, handlers[i].event)) {
            begin(&b);
            handlers[i].read(&b);
            return;
        }
    reader_ignore(d, event);
}

static void *
begin_state(void)
{
    struct ami *ami = calloc(1, sizeof *ami);

    must(ami != NULL);
    ami->calls = calls_new();
    return ami;
}

static void
end_state(void *state)
{
    struct ami *ami = state;

    calls_free(ami->calls);
    free(ami);
}

int
ami_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
         char *why)
{
    static const struct reader_kind kind = {"asterisk-ami", reader_block, read_block, false,
                                            NULL, begin_state, end_state};

    return reader_open(out, &kind, o, sink, why);
}
