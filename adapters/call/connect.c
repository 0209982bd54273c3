#include "adapters/call/connect.h"

#include <stdio.h>
#include <string.h>

#include "adapters/call/facts.h"
#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/value.h"
#include "adapters/web/intake.h"
#include "base/clock.h"

#define WHY_BYTES 512
#define ID_MAX 128
#define ENVELOPES_MAX 4         /* SNS around EventBridge around the event, and one more */

/* Members are taken out of it as they are read; the rest becomes attributes. */
struct contact {
    struct decoder *d;
    struct draft *draft;
    struct value *json;
    struct tl_str id;
};

static struct tl_str
take(struct contact *c, struct value *of, const char *name)
{
    return member_take_id(c->draft, of, name, ID_MAX);
}

static struct value *
part(const struct contact *c, const char *name)
{
    return value_get(c->json, name);
}

static int64_t
time_of(struct contact *c, struct tl_str text)
{
    struct timeformat_time t;

    return text.len > 0 && timeformat_iso(&t, text, c->d->zone) ? t.ns : 0;
}

static int64_t
take_time(struct contact *c, struct value *of, const char *name)
{
    return time_of(c, take(c, of, name));
}

/* Whole seconds, to milliseconds. */
static int64_t
take_seconds(struct contact *c, struct value *of, const char *name)
{
    return fact_ms(take(c, of, name));
}

/* `arn:aws:connect:...:instance/I/agent/A`: the last part. */
static struct tl_str
last_part(struct tl_str arn)
{
    const char *slash = arn.len > 0 ? memrchr(arn.ptr, '/', arn.len) : NULL;

    if (slash == NULL)
        return arn;
    return (struct tl_str){slash + 1, arn.len - (size_t)(slash + 1 - arn.ptr)};
}

static void
put_direction(struct contact *c, struct tl_str method)
{
    static const char *const out[] = {"OUTBOUND", "CALLBACK", "EXTERNAL_OUTBOUND",
                                      "AGENT_REPLY", NULL};

    c->draft->event.direction = TL_STR("inbound");
    for (size_t i = 0; out[i] != NULL; i++)
        if (text_is(method, out[i]))
            c->draft->event.direction = TL_STR("outbound");
    draft_attribute(c->draft, TL_STR("initiation_method"), method);
}

static void
put_channel(struct contact *c, struct tl_str channel)
{
    bool chat = channel.len == 4 && strncasecmp(channel.ptr, "chat", 4) == 0;

    c->draft->event.channel = chat ? TL_STR("chat") : TL_STR("call");
}

static void
put_contact(struct contact *c, struct tl_str initial)
{
    fact_call(c->draft, initial.len > 0 ? initial : c->id, c->id);
    c->draft->event.subject = c->id;
}

static void
put_endpoint(struct contact *c, struct value *endpoint)
{
    static const char *const addresses[] = {"Address", "address", NULL};
    static const char *const types[] = {"Type", "type", NULL};
    struct tl_str address = member_take_first(c->draft, endpoint, addresses, ID_MAX);
    struct tl_str type = member_take_first(c->draft, endpoint, types, ID_MAX);

    if (text_is(type, "EMAIL_ADDRESS"))
        draft_identifier(c->draft, TL_STR("email"), address);
    else if (type.len == 0 || text_is(type, "TELEPHONE_NUMBER"))
        fact_customer(c->draft, address, (struct tl_str){0});
    else
        draft_attribute(c->draft, TL_STR("customer_address"), address);
    c->draft->call.caller = address;
}

/* ---------------------------------------------------------- contact records */

static void
put_identities(struct contact *c, struct value *attributes)
{
    static const struct {
        const char *member;
        const char *type;
    } identities[] = {
        {"customerId", "crm"},   {"customer_id", "crm"}, {"accountNumber", "account"},
        {"loyaltyId", "loyalty"}, {"email", "email"},
    };

    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++)
        draft_identifier(c->draft, text_of(identities[i].type),
                         take(c, attributes, identities[i].member));
}

/* A word this decoder does not know stays an attribute. */
static void
put_offer(struct contact *c, struct value *attributes)
{
    struct tl_str code = member_text(c->draft, attributes, "offerCode");
    struct tl_str response = member_text(c->draft, attributes, "offerResponse");
    struct tl_str type = c->draft->event.type;

    if (code.len == 0
        || !fact_response(c->draft, code, response.len > 0 ? response : TL_STR("presented"),
                          (struct tl_str){0}))
        return;
    c->draft->event.type = type;
    value_drop(attributes, "offerCode");
    value_drop(attributes, "offerResponse");
}

static void
put_times(struct contact *c)
{
    struct value *queue = part(c, "Queue"), *agent = part(c, "Agent");
    struct tl_call *call = &c->draft->call;
    int64_t began = time_of(c, member_text(c->draft, c->json, "InitiationTimestamp"));
    int64_t ended = time_of(c, member_text(c->draft, c->json, "DisconnectTimestamp"));

    call->queue = take(c, queue, "Name");
    call->wait_ms = take_seconds(c, queue, "Duration");
    call->talk_ms = take_seconds(c, agent, "AgentInteractionDuration");
    if (began > 0 && ended > began)
        call->total_ms = (ended - began) / CLOCK_MS;
    c->draft->event.time = ended > 0 ? ended : began;
}

static void
read_record(struct contact *c)
{
    struct tl_event *ev = &c->draft->event;
    int64_t updated = take_time(c, c->json, "LastUpdateTimestamp");
    bool answered = value_is_object(part(c, "Agent"));

    put_times(c);
    if (ev->time == 0)
        ev->time = updated;
    put_channel(c, take(c, c->json, "Channel"));
    put_direction(c, take(c, c->json, "InitiationMethod"));
    put_contact(c, take(c, c->json, "InitialContactId"));
    ev->id = draft_printf(c->draft, "%.*s-%lld", (int)c->id.len, c->id.ptr,
                          (long long)(updated / CLOCK_MS));
    ev->revision = (uint64_t)(updated / CLOCK_MS);
    ev->type = answered || text_is(ev->direction, "outbound") ? TL_STR("call.ended")
                                                               : TL_STR("call.abandoned");
    fact_desk(c->draft, take(c, part(c, "Agent"), "Username"));
    c->draft->call.disposition = take(c, c->json, "DisconnectReason");
    put_identities(c, part(c, "Attributes"));
    put_endpoint(c, part(c, "CustomerEndpoint"));
    c->draft->call.callee = take(c, part(c, "SystemEndpoint"), "Address");
    put_offer(c, part(c, "Attributes"));
}

/* ----------------------------------------------------------- contact events */

static const struct {
    const char *event;
    const char *type;
    const char *time;           /* the member that says when, in an object of its own or not */
    const char *within;
} kinds[] = {
    {"INITIATED", "call.offered", "initiationTimestamp", NULL},
    {"CONNECTED_TO_SYSTEM", "call.connected", "connectedToSystemTimestamp", NULL},
    {"QUEUED", "call.queued", "enqueueTimestamp", "queueInfo"},
    {"CONNECTED_TO_AGENT", "call.answered", "connectedToAgentTimestamp", "agentInfo"},
    {"DISCONNECTED", "call.ended", "disconnectTimestamp", NULL},
    {"COMPLETED", "call.completed", "disconnectTimestamp", NULL},
    {"PAUSED", "call.held", NULL, NULL},
    {"RESUMED", "call.resumed", NULL, NULL},
    {"CONTACT_DATA_UPDATED", "call.updated", NULL, NULL},
    {"AMD_DISABLED", "call.amd_disabled", NULL, NULL},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static size_t
find_kind(struct tl_str event)
{
    size_t i = 0;

    while (i < KINDS && !text_is(event, kinds[i].event))
        i++;
    return i;
}

/* The vendor's own examples have agentInfo and AgentInfo. */
static struct value *
either(const struct contact *c, const char *name)
{
    struct value *value = part(c, name);
    char other[64];

    if (value != NULL)
        return value;
    snprintf(other, sizeof other, "%c%s", name[0] - 'a' + 'A', name + 1);
    return part(c, other);
}

static int64_t
event_time(struct contact *c, size_t kind)
{
    struct value *within = kinds[kind].within != NULL ? either(c, kinds[kind].within) : c->json;
    int64_t time = 0;

    if (kinds[kind].time != NULL)
        time = time_of(c, member_text(c->draft, within, kinds[kind].time));
    return time;
}

static void
read_contact_event(struct contact *c, size_t kind, int64_t delivered, struct tl_str envelope_id)
{
    static const char *const agents[] = {"agentArn", "AgentArn", NULL};
    struct tl_event *ev = &c->draft->event;
    struct value *agent = either(c, "agentInfo");
    int64_t time = event_time(c, kind);

    ev->type = text_of(kinds[kind].type);
    ev->time = time > 0 ? time : delivered;
    put_channel(c, take(c, c->json, "channel"));
    put_direction(c, take(c, c->json, "initiationMethod"));
    put_contact(c, take(c, c->json, "initialContactId"));
    ev->id = envelope_id.len > 0
                 ? envelope_id
                 : draft_printf(c->draft, "%.*s-%s-%lld", (int)c->id.len, c->id.ptr,
                                kinds[kind].event, (long long)(ev->time / CLOCK_MS));
    fact_desk(c->draft, last_part(member_take_first(c->draft, agent, agents, 2 * ID_MAX)));
    c->draft->call.queue = last_part(member_take_id(c->draft, either(c, "queueInfo"), "queueArn",
                                                    2 * ID_MAX));
    c->draft->call.disposition = take(c, c->json, "disconnectReason");
    put_endpoint(c, part(c, "customerEndpoint"));
}

/* -------------------------------------------------------------------- input */

static bool
has(const struct value *json, const char *name)
{
    return value_is_string(value_get(json, name));
}

static void
finish(struct contact *c, struct tl_str whole)
{
    fact_customer(c->draft, (struct tl_str){0}, c->id);
    member_attributes(c->draft, c->json, "");
    intake_finish(c->d, whole);
}

static void
read_contact(struct decoder *d, struct value *json, struct tl_str whole, int64_t delivered,
             struct tl_str envelope_id)
{
    struct contact c = {.d = d, .draft = &d->draft, .json = json};
    struct tl_str event = member_text(c.draft, json, "eventType");
    size_t kind = find_kind(event);

    if (has(json, "ContactId") && value_is_string(value_get(json, "LastUpdateTimestamp"))) {
        c.id = take(&c, json, "ContactId");
        read_record(&c);
    } else if (has(json, "contactId") && kind < KINDS) {
        c.id = take(&c, json, "contactId");
        value_drop(json, "eventType");
        read_contact_event(&c, kind, delivered, envelope_id);
    } else {
        intake_reject(d, whole, "neither a contact record (ContactId, LastUpdateTimestamp) "
                                     "nor a contact event (contactId, eventType)");
        return;
    }
    if (c.id.len == 0)
        intake_reject(d, whole, "a contact's id of more than 128 bytes");
    else
        finish(&c, whole);
}

/* An envelope's content, with what it says of it. */
static struct value *
open_envelope(struct decoder *d, struct value *json, int64_t *delivered, struct tl_str *id)
{
    struct value *message = value_get(json, "Message");
    struct timeformat_time t;

    if (value_is_object(value_get(json, "detail"))) {
        *id = member_text(&d->draft, json, "id");
        if (timeformat_iso(&t, member_text(&d->draft, json, "time"), d->zone))
            *delivered = t.ns;
        return value_get(json, "detail");
    }
    if (value_is_string(message) && has(json, "TopicArn"))
        return parse_json(&d->draft.json, message->text, NULL);
    return NULL;
}

static void
read_document(struct decoder *d, struct value *json, struct tl_str whole)
{
    struct value *inner, *at = json;
    struct tl_str id = {0};
    int64_t delivered = 0;

    intake_begin(d);
    for (int depth = 0; depth < ENVELOPES_MAX; depth++) {
        if ((inner = open_envelope(d, at, &delivered, &id)) == NULL)
            break;
        at = inner;
    }
    read_contact(d, at, whole, delivered, id.len <= ID_MAX ? id : (struct tl_str){0});
}

/* Documents stand one behind the other, with or without lines between them.  One
 * that is none takes its line with it. */
static void
read_documents(struct decoder *d, struct tl_str text)
{
    char why[WHY_BYTES];
    struct parse_error error;

    for (text = text_trim(text); text.len > 0; text = text_trim(text)) {
        size_t used = text.len;
        struct value *json;

        values_clear(&d->draft.json);
        json = parse_json_first(&d->draft.json, text, &used, &error);
        if (json == NULL) {
            const char *end = memchr(text.ptr, '\n', text.len);

            used = end != NULL ? (size_t)(end - text.ptr) + 1 : text.len;
            snprintf(why, sizeof why, "not JSON: %s", error.text);
            intake_reject(d, (struct tl_str){text.ptr, used}, why);
        } else if (value_is_object(json)) {
            read_document(d, json, (struct tl_str){text.ptr, used});
        } else {
            intake_reject_json(d, json, "no JSON object");
        }
        text.ptr += used;
        text.len -= used;
    }
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    read_documents(d, r->body);
}

int
connect_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why)
{
    return intake_open(out, o, sink, why, "amazon-connect", read_request);
}
