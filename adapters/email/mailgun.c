#include "adapters/email/mailgun.h"

#include <string.h>

#include "adapters/email/webhook.h"
#include "adapters/text.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"accepted", "email.queued", false, "made", NULL},
    {"delivered", "email.delivered", false, "delivered", NULL},
    {"failed", "email.bounced", false, "undelivered", NULL},
    {"temporary_fail", "email.deferred", false, NULL, NULL},   /* failed, severity temporary */
    {"rejected", "email.dropped", false, "undelivered", NULL},
    {"opened", "email.opened", true, "presented", NULL},
    {"clicked", "email.link_clicked", true, "clicked", NULL},
    {"complained", "email.marked_as_spam", true, NULL, "revoked"},
    {"unsubscribed", "email.unsubscribed", true, NULL, "revoked"},
    /* The older ones. */
    {"bounced", "email.bounced", false, "undelivered", NULL},
    {"dropped", "email.dropped", false, "undelivered", NULL},
    {"stored", NULL, false, NULL, NULL},
    {"list_member_uploaded", NULL, false, NULL, NULL},
    {"list_member_upload_error", NULL, false, NULL, NULL},
    {"list_uploaded", NULL, false, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "event", "timestamp", "recipient", "url", "id", "signature", NULL,
};

/* The answer of the receiving server, or why there was none. */
static struct tl_str
reason(struct decoder *d, const struct value *element)
{
    static const char *const of_form[] = {"error", "description", "notification", "reason"};
    const struct value *status = value_get(element, "delivery-status");
    const struct value *reject = value_get(element, "reject");
    struct tl_str text = webhook_member(d, status, "message");

    if (text.len == 0)
        text = webhook_member(d, status, "description");
    if (text.len == 0)
        text = webhook_member(d, reject, "reason");
    for (size_t i = 0; text.len == 0 && i < sizeof of_form / sizeof of_form[0]; i++)
        text = webhook_member(d, element, of_form[i]);
    return text;
}

static bool
failed(const char *event)
{
    static const char *const events[] = {"failed", "temporary_fail", "rejected", "bounced",
                                         "dropped"};

    for (size_t i = 0; event != NULL && i < sizeof events / sizeof events[0]; i++)
        if (strcmp(event, events[i]) == 0)
            return true;
    return false;
}

/* `failed` is for good or for now. */
static const char *
event_of(const struct value *element)
{
    const char *event = webhook_word(element, "event");
    const char *severity = webhook_word(element, "severity");

    return event != NULL && strcmp(event, "failed") == 0 && severity != NULL
                   && strcmp(severity, "temporary") == 0
               ? "temporary_fail" : event;
}

static struct tl_str
message_id(struct decoder *d, const struct value *element, const struct value *headers)
{
    struct tl_str id = webhook_member(d, headers, "message-id");

    if (id.len == 0)
        id = webhook_member(d, element, "Message-Id");
    if (id.len == 0)
        id = webhook_member(d, element, "message-id");
    return text_unbracket(id);
}

static void
read_event(struct decoder *d, struct value *element)
{
    const struct value *headers = value_get(value_get(element, "message"), "headers");
    const struct value *client = value_get(element, "client-info");
    const struct value *status = value_get(element, "delivery-status");
    const struct value *tags = value_get(element, "tags");
    const char *bot = webhook_word(client, "bot");
    struct webhook_facts f = {
        .event = event_of(element),
        .id = webhook_member(d, element, "id"),
        .recipient = webhook_member(d, element, "recipient"),
        .message = message_id(d, element, headers),
        .subject = webhook_member(d, headers, "subject"),
        .sender = webhook_member(d, headers, "from"),
        .url = webhook_member(d, element, "url"),
        .user_agent = webhook_member(d, client, "user-agent"),
        .tags = {value_get(element, "campaigns"), tags},
        .arguments = {value_get(element, "user-variables"), element},
        .silent = bot != NULL && bot[0] != '\0',
    };

    /* Of what was never sent only the headers say for whom it was. */
    if (f.recipient.len == 0)
        f.recipient = webhook_member(d, headers, "to");
    if (f.user_agent.len == 0)
        f.user_agent = webhook_member(d, element, "user-agent");
    if (tags == NULL)
        f.tags[1] = value_get(element, "tag");
    if (f.tags[1] == NULL)
        f.tags[1] = value_get(element, "X-Mailgun-Tag");
    if (failed(f.event)) {
        f.reason = reason(d, element);
        f.status = webhook_member(d, status, "enhanced-code");
        if (f.status.len == 0)
            f.status = webhook_member(d, status, "code");
        if (f.status.len == 0)
            f.status = webhook_member(d, element, "code");
    }
    webhook_time(&f, value_get(element, "timestamp"), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static void
read_element(struct decoder *d, struct value *element)
{
    struct value *data = value_get(element, "event-data");

    read_event(d, value_is_object(data) ? data : element);
}

/* A field that comes more than once is an array.  What proves the call is left out:
 * it differs when the call is repeated. */
static bool
put_field(struct values *in, struct value *object, const struct form_field *field)
{
    struct value *value = values_string(in, field->value), *both;
    struct value *there = value_find(object, field->name);

    if (there == NULL)
        return value_put(in, object, field->name, value);
    if (value_is_array(there))
        return value_append(there, value);
    both = values_array(in);
    return value_append(both, values_copy(in, there)) && value_append(both, value)
           && value_put(in, object, field->name, both);
}

/* NULL when it is no UTF-8: multipart, or no form at all. */
static struct value *
read_form(struct values *in, const struct form *form)
{
    static const char *const proof[] = {"signature", "token"};
    struct value *object = values_object(in);

    for (size_t i = 0; i < form->count; i++)
        if (!put_field(in, object, &form->fields[i]))
            return NULL;
    for (size_t i = 0; i < sizeof proof / sizeof proof[0]; i++)
        value_drop(object, proof[i]);
    if (value_get(object, "event") != NULL && value_get(object, "timestamp") != NULL)
        return object;
    return NULL;
}

static const struct webhook_service service = {
    .name = "mailgun",
    .title = "Mailgun's webhooks",
    .event = "event",
    .address = "recipient",
    .time = "timestamp",
    .kinds = kinds,
    .held = held,
    .element = read_element,
    .form = read_form,
};

int
mailgun_open(struct decoder **out, const struct format_options *o,
             const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
