#include "adapters/call/freeswitch.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/call/agent.h"
#include "adapters/call/facts.h"
#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/reading.h"
#include "adapters/text.h"
#include "adapters/value.h"
#include "base/must.h"

#define BODY_BYTES_MAX (512u << 10)     /* of a frame; what says it has more has none */
#define VARIABLE "variable_"

struct event {
    struct decoder *d;
    struct draft *draft;
    struct fields *fields;
    struct tl_str record, name;
    struct tl_str uuid, call;
    bool outbound;
};

/* ------------------------------------------------------------------ frames */

static size_t
head_end(struct tl_str have)
{
    size_t begin = 0;
    bool any = false;

    for (const char *end; (end = memchr(have.ptr + begin, '\n', have.len - begin)) != NULL;) {
        size_t next = (size_t)(end - have.ptr) + 1;
        bool blank = next - begin == 1 || (next - begin == 2 && have.ptr[begin] == '\r');

        if (blank && any)
            return next;
        any = any || !blank;
        begin = next;
    }
    return 0;
}

static size_t
body_bytes(struct tl_str head)
{
    static const char name[] = "content-length:";
    size_t len = strlen(name), bytes = 0;

    for (size_t at = 0; at + len < head.len; at++) {
        if ((at > 0 && head.ptr[at - 1] != '\n') || strncasecmp(head.ptr + at, name, len) != 0)
            continue;
        for (at += len; at < head.len && head.ptr[at] == ' '; at++)
            continue;
        for (; at < head.len && head.ptr[at] >= '0' && head.ptr[at] <= '9'; at++)
            if (bytes <= BODY_BYTES_MAX)
                bytes = bytes * 10 + (size_t)(head.ptr[at] - '0');
        return bytes <= BODY_BYTES_MAX ? bytes : 0;
    }
    return 0;
}

static size_t
next_frame(struct tl_str have, bool final)
{
    size_t head = head_end(have), all;

    if (head == 0)
        return final ? have.len : 0;
    all = head + body_bytes((struct tl_str){have.ptr, head});
    return all <= have.len ? all : final ? have.len : 0;
}

/* ------------------------------------------------------------------ fields */

/* A plus is a plus here, unlike in a form. */
static struct tl_str
decoded(struct draft *draft, struct tl_str value)
{
    struct tl_str out;
    char *to;

    if (value.len == 0 || memchr(value.ptr, '%', value.len) == NULL)
        return value;
    to = (char *)(uintptr_t)draft_copy(draft, value).ptr;
    if (to == NULL)
        return (struct tl_str){0};
    out = (struct tl_str){to, text_unescape(to, value, '+')};
    return text_trim(draft_copy(draft, out));
}

static void
read_plain(struct event *e, struct tl_str text)
{
    fields_read(e->fields, draft_copy(e->draft, text));
    for (size_t i = 0; i < e->fields->count; i++)
        e->fields->all[i].value = decoded(e->draft, e->fields->all[i].value);
}

static bool
read_json(struct event *e, struct tl_str text)
{
    struct value *json = parse_json(&e->draft->json, text, NULL), *value;
    struct fields *f = e->fields;

    f->count = f->more = 0;
    if (!value_is_object(json))
        return false;
    value_each_member(json, value) {
        if (f->count == FIELDS_MAX)
            f->more++;
        else
            f->all[f->count++] = (struct field){.name = draft_lent(e->draft, value->name),
                                                .value = member_value(e->draft, value)};
    }
    return true;
}

static struct tl_str
get(struct event *e, const char *name)
{
    return fields_get(e->fields, name);
}

/* An outbound socket is told of its channel under other names. */
static struct tl_str
either(struct event *e, const char *name, const char *other)
{
    const char *const names[] = {name, other, NULL};

    return fields_first(e->fields, names);
}

/* ------------------------------------------------------------------ events */

/* What FreeSWITCH knows of its own inner life, and of the line's. */
static bool
is_passing(struct tl_str name)
{
    static const char *const begin[] = {"Event-", "FreeSWITCH-", "Core-", "Channel-Read-",
                                        "Channel-Write-", "Caller-Channel-", "Caller-Profile-",
                                        "Caller-Screen-", "Caller-Privacy-", "Presence-",
                                        "Answer-State", "Channel-State", "Channel-Profile-",
                                        VARIABLE, NULL};

    for (size_t i = 0; begin[i] != NULL; i++)
        if (name.len >= strlen(begin[i]) && memcmp(name.ptr, begin[i], strlen(begin[i])) == 0)
            return true;
    return false;
}

/* Two hundred variables would push the rest out: they are counted. */
static void
keep(struct event *e)
{
    for (size_t i = 0; i < e->fields->count; i++) {
        struct field *f = &e->fields->all[i];

        if (!f->used && is_passing(f->name)) {
            f->used = true;
            e->draft->attributes_more += f->value.len > 0;
        }
    }
    fields_keep(e->fields, e->draft);
}

static void
emit(struct event *e, const char *type)
{
    if (type != NULL)
        e->draft->event.type = text_of(type);
    if (e->draft->event.identifiers_count == 0 && e->call.len == 0) {
        reader_reject(e->d, e->record, "names neither a customer nor a call");
        return;
    }
    fact_customer(e->draft, (struct tl_str){0}, e->call);
    keep(e);
    reader_emit(e->d, e->record);
}

static void
ignore(struct event *e)
{
    reader_ignore(e->d, e->name);
}

static bool
is_first_leg(const struct event *e)
{
    return e->uuid.len == e->call.len
           && (e->uuid.len == 0 || memcmp(e->uuid.ptr, e->call.ptr, e->uuid.len) == 0);
}

static void
put_parties(struct event *e)
{
    struct tl_str caller = either(e, "Caller-Caller-ID-Number", "Channel-Caller-ID-Number");
    struct tl_str callee = either(e, "Caller-Destination-Number", "Channel-Destination-Number");
    struct tl_str context = either(e, "Caller-Context", "Channel-Context");
    struct tl_str direction = either(e, "Call-Direction", "Channel-Direction");

    /* A first leg that goes out is one the switch was asked to dial. */
    e->outbound = (text_is(direction, "outbound") && is_first_leg(e) && fact_is_phone(callee))
                  || fact_is_outbound(caller, callee, context);
    e->draft->event.direction = e->outbound ? TL_STR("outbound") : TL_STR("inbound");
    e->draft->call.caller = caller;
    e->draft->call.callee = callee;
    if (!e->outbound && !fact_is_phone(callee) && !is_first_leg(e))
        fact_desk(e->draft, callee);
    else if (e->outbound && !fact_is_phone(caller))
        fact_desk(e->draft, caller);
    fact_customer(e->draft, e->outbound ? callee : caller, (struct tl_str){0});
}

static void
created(struct event *e)
{
    put_parties(e);
    emit(e, is_first_leg(e) ? "call.offered" : "call.ringing");
}

static void
answered(struct event *e)
{
    put_parties(e);
    if (!is_first_leg(e))
        ignore(e);
    else
        emit(e, e->outbound ? "call.answered" : "call.connected");
}

static void
bridged(struct event *e)
{
    struct tl_str other = either(e, "Other-Leg-Destination-Number", "Bridge-B-Destination-Number");

    put_parties(e);
    if (!is_first_leg(e)) {
        ignore(e);
        return;
    }
    if (!e->outbound && !fact_is_phone(other))
        fact_desk(e->draft, other);
    emit(e, "call.answered");
}

static void
hung_up(struct event *e)
{
    struct tl_call *call = &e->draft->call;
    struct tl_str answer = get(e, "Caller-Channel-Answered-Time");
    bool reached = answer.len > 0 && !text_is(answer, "0");

    put_parties(e);
    if (!is_first_leg(e)) {
        ignore(e);
        return;
    }
    call->disposition = either(e, "Hangup-Cause", "variable_hangup_cause");
    call->total_ms = fact_ms(get(e, "variable_duration"));
    call->talk_ms = fact_ms(get(e, "variable_billsec"));
    if (call->total_ms > call->talk_ms)
        call->wait_ms = call->total_ms - call->talk_ms;
    emit(e, reached || e->outbound ? "call.ended" : "call.abandoned");
}

static void
held(struct event *e)
{
    put_parties(e);
    emit(e, "call.held");
}

static void
unheld(struct event *e)
{
    put_parties(e);
    emit(e, "call.resumed");
}

/* ------------------------------------------------------------------ custom */

static void
callcenter(struct event *e)
{
    struct tl_str action = get(e, "CC-Action");
    bool ringing = text_is(action, "agent-offering");

    if (!ringing && !text_is(action, "member-queue-start")) {
        reader_ignore(e->d, draft_printf(e->draft, "callcenter::info %.*s", (int)action.len,
                                         action.ptr));
        return;
    }
    e->call = e->uuid = either(e, "CC-Member-Session-UUID", "CC-Member-UUID");
    fact_call(e->draft, e->call, e->uuid);
    e->draft->call.queue = get(e, "CC-Queue");
    e->draft->call.caller = get(e, "CC-Member-CID-Number");
    e->draft->event.direction = TL_STR("inbound");
    if (ringing)
        fact_desk(e->draft, get(e, "CC-Agent"));
    fact_customer(e->draft, e->draft->call.caller, (struct tl_str){0});
    emit(e, ringing ? "call.ringing" : "call.queued");
}

static struct tl_str
last_part(struct tl_str name)
{
    const char *colon = name.len > 0 ? memrchr(name.ptr, ':', name.len) : NULL;

    if (colon == NULL)
        return name;
    return (struct tl_str){colon + 1, name.len - (size_t)(colon + 1 - name.ptr)};
}

static void
custom(struct event *e)
{
    struct tl_str subclass = get(e, "Event-Subclass");
    char why[READER_WHY_BYTES];

    if (text_is(subclass, "callcenter::info")) {
        callcenter(e);
        return;
    }
    agent_customer(e->draft, e->fields, get(e, "CustomerNumber"), (struct tl_str){0});
    switch (agent_read(e->draft, e->fields, last_part(subclass), e->d->zone, why)) {
    case AGENT_EVENT:
        emit(e, NULL);
        break;
    case AGENT_IGNORED:
        reader_ignore(e->d, subclass);
        break;
    case AGENT_WRONG:
        reader_reject(e->d, e->record, why);
        break;
    }
}

static const struct {
    const char *name;
    void (*read)(struct event *e);
} handlers[] = {
    {"CHANNEL_CREATE", created},      {"CHANNEL_DATA", created},
    {"CHANNEL_ANSWER", answered},     {"CHANNEL_BRIDGE", bridged},
    {"CHANNEL_HOLD", held},           {"CHANNEL_UNHOLD", unheld},
    {"CHANNEL_HANGUP_COMPLETE", hung_up}, {"CUSTOM", custom},
};

/* -------------------------------------------------------------------- input */

/* Event-Date-Timestamp is in microseconds. */
static int64_t
time_of(struct event *e)
{
    struct tl_str text = get(e, "Event-Date-Timestamp");

    if (text.len <= 6)
        return 0;
    return fact_time(draft_printf(e->draft, "%.*s.%.*s", (int)(text.len - 6), text.ptr, 6,
                                  text.ptr + text.len - 6),
                     e->d->zone);
}

static void
begin(struct event *e, struct tl_str text)
{
    struct tl_event *ev = &e->draft->event;

    e->uuid = either(e, "Unique-ID", "Channel-Unique-ID");
    e->call = get(e, "Channel-Call-UUID");
    if (e->call.len == 0)
        e->call = e->uuid;
    reader_set_id(e->d, e->uuid, e->name, text);
    ev->time = time_of(e);
    ev->channel = TL_STR("call");
    fact_call(e->draft, e->call, e->uuid);
}

static void
read_event(struct event *e, struct tl_str text)
{
    e->name = get(e, "Event-Name");
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (text_is(e->name, handlers[i].name)) {
            begin(e, text);
            handlers[i].read(e);
            return;
        }
    ignore(e);
}

static void
read_frame(struct decoder *d, struct tl_str record)
{
    struct event e = {.d = d, .draft = &d->draft, .fields = d->state, .record = record};
    size_t head = head_end(record);
    struct tl_str body = {record.ptr + head, record.len - head}, type;

    reader_begin(d);
    read_plain(&e, (struct tl_str){record.ptr, head > 0 ? head : record.len});
    type = get(&e, "Content-Type");
    if (get(&e, "Event-Name").len > 0) {
        read_event(&e, record);
    } else if (text_is(type, "text/event-plain")) {
        read_plain(&e, body);
        read_event(&e, body);
    } else if (text_is(type, "text/event-json") && head > 0 && read_json(&e, body)) {
        read_event(&e, body);
    } else if (text_is(type, "text/event-json")) {
        reader_reject(d, record, "an event that is no JSON object");
    } else if (type.len > 0) {
        reader_ignore(d, type);
    } else {
        reader_reject(d, record, "no frame of the event socket: neither Content-Type nor "
                                 "Event-Name");
    }
}

static void *
begin_state(void)
{
    struct fields *fields = calloc(1, sizeof *fields);

    must(fields != NULL);
    return fields;
}

int
freeswitch_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why)
{
    static const struct reader_kind kind = {"freeswitch", next_frame, read_frame, false, NULL,
                                            begin_state, free};

    return reader_open(out, &kind, o, sink, why);
}
