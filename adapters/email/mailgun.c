#include "adapters/email/mailgun.h"

#include <string.h>

#include "adapters/draft.h"
#include "adapters/email/webhook.h"
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
reason(struct decoder *d, const json_t *element)
{
    static const char *const of_form[] = {"error", "description", "notification", "reason"};
    const json_t *status = json_object_get(element, "delivery-status");
    const json_t *reject = json_object_get(element, "reject");
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
event_of(const json_t *element)
{
    const char *event = webhook_word(element, "event");
    const char *severity = webhook_word(element, "severity");

    return event != NULL && strcmp(event, "failed") == 0 && severity != NULL
                   && strcmp(severity, "temporary") == 0
               ? "temporary_fail" : event;
}

static struct tl_str
message_id(struct decoder *d, const json_t *element, const json_t *headers)
{
    struct tl_str id = webhook_member(d, headers, "message-id");

    if (id.len == 0)
        id = webhook_member(d, element, "Message-Id");
    if (id.len == 0)
        id = webhook_member(d, element, "message-id");
    return text_unbracket(id);
}

static void
read_event(struct decoder *d, json_t *element)
{
    const json_t *headers = json_object_get(json_object_get(element, "message"), "headers");
    const json_t *client = json_object_get(element, "client-info");
    const json_t *status = json_object_get(element, "delivery-status");
    const json_t *tags = json_object_get(element, "tags");
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
        .tags = {json_object_get(element, "campaigns"), tags},
        .arguments = {json_object_get(element, "user-variables"), element},
        .silent = bot != NULL && bot[0] != '\0',
    };

    /* Of what was never sent only the headers say for whom it was. */
    if (f.recipient.len == 0)
        f.recipient = webhook_member(d, headers, "to");
    if (f.user_agent.len == 0)
        f.user_agent = webhook_member(d, element, "user-agent");
    if (tags == NULL)
        f.tags[1] = json_object_get(element, "tag");
    if (f.tags[1] == NULL)
        f.tags[1] = json_object_get(element, "X-Mailgun-Tag");
    if (failed(f.event)) {
        f.reason = reason(d, element);
        f.status = webhook_member(d, status, "enhanced-code");
        if (f.status.len == 0)
            f.status = webhook_member(d, status, "code");
        if (f.status.len == 0)
            f.status = webhook_member(d, element, "code");
    }
    webhook_time(&f, json_object_get(element, "timestamp"), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static void
read_element(struct decoder *d, json_t *element)
{
    json_t *data = json_object_get(element, "event-data");

    read_event(d, json_is_object(data) ? data : element);
}

/* A field that comes more than once is an array.  What proves the call is left out:
 * it differs when the call is repeated. */
static json_t *
read_form(const struct form *form)
{
    static const char *const proof[] = {"signature", "token"};
    json_t *object = json_object();

    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        json_t *value = json_stringn(field->value.ptr, field->value.len);
        json_t *there = json_object_getn(object, field->name.ptr, field->name.len);

        if (value == NULL) {        /* no UTF-8: multipart, or no form at all */
            json_decref(object);
            return NULL;
        }
        if (json_is_array(there))
            json_array_append_new(there, value);
        else if (there != NULL)
            json_object_setn_new(object, field->name.ptr, field->name.len,
                                 json_pack("[O, o]", there, value));
        else
            json_object_setn_new(object, field->name.ptr, field->name.len, value);
    }
    for (size_t i = 0; i < sizeof proof / sizeof proof[0]; i++)
        json_object_del(object, proof[i]);
    if (json_object_get(object, "event") != NULL && json_object_get(object, "timestamp") != NULL)
        return object;
    json_decref(object);
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
