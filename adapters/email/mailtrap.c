#include "adapters/email/mailtrap.h"

#include <string.h>

#include "adapters/email/webhook.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"delivery", "email.delivered", false, "delivered", NULL},
    {"soft bounce", "email.bounced", false, "undelivered", NULL},
    {"bounce", "email.bounced", false, "undelivered", NULL},
    {"suspension", "email.dropped", false, "undelivered", NULL},
    {"reject", "email.dropped", false, "undelivered", NULL},
    {"open", "email.opened", true, "presented", NULL},
    {"click", "email.link_clicked", true, "clicked", NULL},
    {"spam", "email.marked_as_spam", true, NULL, "revoked"},
    {"unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {0},
};

static const char *const held[] = {
    "event", "timestamp", "email", "event_id", "message_id", "url", "user_agent", "reason", NULL,
};

static void
read_event(struct decoder *d, struct value *element)
{
    const char *stream = webhook_word(element, "sending_stream");
    struct webhook_facts f = {
        .event = webhook_word(element, "event"),
        .recipient = webhook_member(d, element, "email"),
        .message = webhook_member(d, element, "message_id"),
        .url = webhook_member(d, element, "url"),
        .status = webhook_member(d, element, "response_code"),
        .reason = webhook_member(d, element, "reason"),
        .user_agent = webhook_member(d, element, "user_agent"),
        .tags = {value_get(element, "category")},
        .arguments = {value_get(element, "custom_variables")},
        .silent = stream != NULL && strcmp(stream, "transactional") == 0,
    };

    /* All of the vendor's examples have one event_id. */
    if (f.event != NULL)
        f.id = webhook_labelled(d, f.event, webhook_member(d, element, "event_id"));
    if (f.reason.len == 0)
        f.reason = webhook_member(d, element, "response");
    webhook_time(&f, value_get(element, "timestamp"), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static void
read_element(struct decoder *d, struct value *element)
{
    struct value *events = value_get(element, "events");

    if (value_is_array(events))
        webhook_each(d, events);
    else
        read_event(d, element);
}

static const struct webhook_service service = {
    .name = "mailtrap",
    .title = "Mailtrap's webhooks",
    .event = "event",
    .address = "email",
    .time = "timestamp",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
mailtrap_open(struct decoder **out, const struct format_options *o,
              const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
