#include "adapters/email/postmark.h"

#include <string.h>

#include "adapters/email/webhook.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"Delivery", "email.delivered", false, "delivered", NULL},
    {"Bounce", "email.bounced", false, "undelivered", NULL},
    {"Transient", "email.deferred", false, NULL, NULL},     /* bounces of a type */
    {"AutoResponder", "email.replied", true, NULL, NULL},
    {"Open", "email.opened", true, "presented", NULL},
    {"Click", "email.link_clicked", true, "clicked", NULL},
    {"SpamComplaint", "email.marked_as_spam", true, NULL, "revoked"},
    {"Unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"Subscribe", "consent.granted", true, NULL, "granted"},
    {"Inbound", NULL, true, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "RecordType", "Email", "Recipient", "MessageID", "Subject", "From", "OriginalLink",
    "UserAgent", "DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt", NULL,
};

/* A bounce has types, a subscription two ways to change. */
static const char *
event_of(const struct value *element)
{
    static const struct {
        const char *type, *event;
    } bounces[] = {
        {"Transient", "Transient"},         {"DnsError", "Transient"},
        {"AutoResponder", "AutoResponder"}, {"Unsubscribe", "Unsubscribe"},
        {"Subscribe", "Subscribe"},         {"SpamNotification", "SpamComplaint"},
        {"SpamComplaint", "SpamComplaint"},
    };
    const char *event = webhook_word(element, "RecordType"), *type = webhook_word(element, "Type");

    if (event == NULL)
        return NULL;
    if (strcmp(event, "SubscriptionChange") == 0)
        return value_is_true(value_get(element, "SuppressSending")) ? "Unsubscribe"
                                                                          : "Subscribe";
    if (strcmp(event, "Bounce") == 0 && type != NULL)
        for (size_t i = 0; i < sizeof bounces / sizeof bounces[0]; i++)
            if (strcmp(type, bounces[i].type) == 0)
                return bounces[i].event;
    return event;
}

static struct tl_str
first_of(struct decoder *d, const struct value *element, const char *one, const char *other)
{
    struct tl_str text = webhook_member(d, element, one);

    return text.len > 0 ? text : webhook_member(d, element, other);
}

static void
read_element(struct decoder *d, struct value *element)
{
    static const char *const times[] = {"DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"};
    const char *record = webhook_word(element, "RecordType");
    struct webhook_facts f = {
        .event = event_of(element),
        .recipient = first_of(d, element, "Recipient", "Email"),
        .message = webhook_member(d, element, "MessageID"),
        .subject = webhook_member(d, element, "Subject"),
        .sender = webhook_member(d, element, "From"),
        .url = webhook_member(d, element, "OriginalLink"),
        .user_agent = webhook_member(d, element, "UserAgent"),
        .tags = {value_get(element, "Tag")},
        .arguments = {value_get(element, "Metadata")},
        .evidence = webhook_member(d, element, "SuppressionReason"),
    };

    if (record != NULL && strcmp(record, "Bounce") == 0) {
        f.reason = first_of(d, element, "Details", "Description");
        f.status = webhook_member(d, element, "Type");
    }
    for (size_t i = 0; f.time == 0 && i < sizeof times / sizeof times[0]; i++)
        webhook_time(&f, value_get(element, times[i]), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static const struct webhook_service service = {
    .name = "postmark",
    .title = "Postmark's webhooks",
    .event = "RecordType",
    .address = "Recipient",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
postmark_open(struct decoder **out, const struct format_options *o,
              const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
