#include "adapters/email/ses.h"

#include <string.h>
#include <strings.h>

#include "adapters/email/webhook.h"
#include "adapters/text.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"Send", "email.sent", false, "made", NULL},
    {"Delivery", "email.delivered", false, "delivered", NULL},
    {"DeliveryDelay", "email.deferred", false, NULL, NULL},
    {"Bounce", "email.bounced", false, "undelivered", NULL},
    {"Reject", "email.dropped", false, "undelivered", NULL},
    {"Rendering Failure", "email.dropped", false, "undelivered", NULL},
    {"Open", "email.opened", true, "presented", NULL},
    {"Click", "email.link_clicked", true, "clicked", NULL},
    {"Complaint", "email.marked_as_spam", true, NULL, "revoked"},
    {"Unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"Subscribe", "consent.granted", true, NULL, "granted"},
    {"Preferences", "email.preferences_set", true, NULL, NULL},    /* of topics */
    {"Received", NULL, true, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "eventType", "notificationType", NULL,
};

/* Where each kind of record keeps what is its own. */
static const struct part {
    const char *event, *member, *recipients;
} parts[] = {
    {"Send", "send", NULL},
    {"Delivery", "delivery", "recipients"},
    {"DeliveryDelay", "deliveryDelay", "delayedRecipients"},
    {"Bounce", "bounce", "bouncedRecipients"},
    {"Reject", "reject", NULL},
    {"Rendering Failure", "failure", NULL},
    {"Open", "open", NULL},
    {"Click", "click", NULL},
    {"Complaint", "complaint", "complainedRecipients"},
    {"Subscription", "subscription", NULL},
};

static const struct part *
find_part(const char *event)
{
    for (size_t i = 0; event != NULL && i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i].event, event) == 0)
            return &parts[i];
    return NULL;
}

static bool
from_all(const struct value *part, const char *preferences)
{
    return value_is_true(value_get(value_get(part, preferences), "unsubscribeAll"));
}

/* A subscription changes either way. */
static const char *
event_of(const char *event, const struct value *part)
{
    if (event != NULL && strcmp(event, "Subscription") == 0)
        return from_all(part, "newTopicPreferences")   ? "Unsubscribe"
               : from_all(part, "oldTopicPreferences") ? "Subscribe" : "Preferences";
    return event;
}

/* Tags are lists; a header is {name, value}, and only those that mean something. */
static const struct value *
arguments(struct decoder *d, const struct value *mail)
{
    static const struct {
        const char *header, *argument;
    } meant[] = {{"X-Campaign-ID", "campaign_id"},
                 {"X-Offer-ID", "offer_id"},
                 {"X-Offer-Terms", "offer_terms"}};
    struct values *in = webhook_values(d);
    struct value *object = values_object(in), *value;

    value_each(value_get(mail, "headers"), value) {
        const char *header = webhook_word(value, "name");

        for (size_t m = 0; header != NULL && m < sizeof meant / sizeof meant[0]; m++)
            if (strcasecmp(header, meant[m].header) == 0)
                value_put(in, object, text_of(meant[m].argument),
                          values_copy(in, value_get(value, "value")));
    }
    value_each_member(value_get(mail, "tags"), value)
        value_put(in, object, value->name, values_copy(in, value_at(value, 0)));
    return object;
}

static struct tl_str
first_of(struct decoder *d, const struct value *object, const char *const *names)
{
    struct tl_str text = {0};

    while (text.len == 0 && *names != NULL)
        text = webhook_member(d, object, *names++);
    return text;
}

/* A recipient is an address, or an object with one and what happened to it. */
static void
read_recipient(struct decoder *d, struct value *record, const struct value *part, const char *event,
               const struct value *recipient, bool one_of_several)
{
    static const char *const reasons[] = {"smtpResponse", "reason", "errorMessage", NULL};
    const struct value *mail = value_get(record, "mail");
    const struct value *common = value_get(mail, "commonHeaders");
    const struct value *address = value_get(recipient, "emailAddress");
    struct webhook_facts f = {
        .event = event_of(event, part),
        .id = webhook_hash(d, record),
        .recipient = webhook_text(d, address != NULL ? address : recipient),
        .one_of_several = one_of_several,
        .message = webhook_member(d, mail, "messageId"),
        .subject = webhook_member(d, common, "subject"),
        .sender = webhook_member(d, mail, "source"),
        .url = webhook_member(d, part, "link"),
        .status = webhook_member(d, recipient, "status"),
        .reason = webhook_member(d, recipient, "diagnosticCode"),
        .user_agent = webhook_member(d, part, "userAgent"),
        .arguments = {arguments(d, mail)},
        .evidence = webhook_member(d, part, "complaintFeedbackType"),
    };

    if (f.reason.len == 0)
        f.reason = first_of(d, part, reasons);
    webhook_time(&f, value_get(part, "timestamp"), CLOCK_SECOND);
    if (f.time == 0)
        webhook_time(&f, value_get(mail, "timestamp"), CLOCK_SECOND);
    webhook_event(d, record, &f);
}

static void
read_record(struct decoder *d, struct value *record, const char *event)
{
    const struct part *p = find_part(event);
    const struct value *part = p != NULL ? value_get(record, p->member) : NULL;
    const struct value *list = p != NULL && p->recipients != NULL
                             ? value_get(part, p->recipients) : NULL, *one;
    bool opened = event != NULL && (strcmp(event, "Open") == 0 || strcmp(event, "Click") == 0);

    if (value_count(list) == 0)
        list = value_get(value_get(record, "mail"), "destination");
    if (opened && value_count(list) > 1) {
        webhook_refuse(d, "who of several recipients it was is not said");
        return;
    }
    if (value_count(list) == 0)
        read_recipient(d, record, part, event, NULL, false);
    value_each(list, one)
        read_recipient(d, record, part, event, one, value_count(list) > 1);
}

static void read_element(struct decoder *d, struct value *element);

/* SNS: {Type, Message}, the record a text; SQS: {body}, the same. */
static void
read_wrapped(struct decoder *d, const struct value *text)
{
    static const char hello[] = "Successfully validated SNS topic";
    struct value *inner = webhook_parsed(d, text);

    if (value_is_object(inner))
        read_element(d, inner);
    else if (value_is_string(text) && strncmp(value_text(text), hello, strlen(hello)) == 0)
        webhook_ignored(d, "SNS topic validated");
    else
        webhook_refuse(d, "a notification whose message is no record of Amazon SES");
}

static void
read_element(struct decoder *d, struct value *element)
{
    const char *event = webhook_word(element, "eventType"), *type = webhook_word(element, "Type");
    struct value *records = value_get(element, "Records");
    struct value *detail = value_get(element, "detail"), *sns = value_get(element, "Sns");

    if (event == NULL)
        event = webhook_word(element, "notificationType");
    if (event != NULL)
        read_record(d, element, event);
    else if (value_is_array(records))
        webhook_each(d, records);
    else if (value_is_object(detail))
        read_element(d, detail);
    else if (value_is_object(sns))
        read_element(d, sns);
    else if (value_is_object(value_get(element, "ses")))
        webhook_ignored(d, "Received");
    else if (type != NULL && strstr(type, "Confirmation") != NULL)
        webhook_ignored(d, type);
    else if (type != NULL)
        read_wrapped(d, value_get(element, "Message"));
    else if (value_is_string(value_get(element, "body")))
        read_wrapped(d, value_get(element, "body"));
    else
        webhook_refuse(d, "no `eventType` or `notificationType`: not of Amazon SES");
}

static const struct webhook_service service = {
    .name = "ses",
    .title = "Amazon SES",
    .event = "eventType",
    .address = "recipients",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
ses_open(struct decoder **out, const struct format_options *o,
         const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
