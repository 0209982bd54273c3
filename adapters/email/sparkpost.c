#include "adapters/email/sparkpost.h"

#include <string.h>

#include "adapters/email/webhook.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"injection", "email.queued", false, "made", NULL},
    {"delivery", "email.delivered", false, "delivered", NULL},
    {"delay", "email.deferred", false, NULL, NULL},
    {"bounce", "email.bounced", false, "undelivered", NULL},
    {"auto_reply", "email.replied", true, NULL, NULL},       /* bounces of a class */
    {"subscribe", "consent.granted", true, NULL, "granted"},
    {"unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"out_of_band", "email.bounced", false, "undelivered", NULL},
    {"policy_rejection", "email.dropped", false, "undelivered", NULL},
    {"generation_failure", "email.dropped", false, "undelivered", NULL},
    {"generation_rejection", "email.dropped", false, "undelivered", NULL},
    {"open", "email.opened", true, "presented", NULL},
    {"initial_open", "email.opened", true, "presented", NULL},
    {"click", "email.link_clicked", true, "clicked", NULL},
    {"amp_open", "email.opened", true, "presented", NULL},
    {"amp_initial_open", "email.opened", true, "presented", NULL},
    {"amp_click", "email.link_clicked", true, "clicked", NULL},
    {"spam_complaint", "email.marked_as_spam", true, NULL, "revoked"},
    {"list_unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"link_unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    /* Mail that comes in, a test of the sender's own, and his account. */
    {"relay_injection", NULL, true, NULL, NULL},
    {"relay_delivery", NULL, true, NULL, NULL},
    {"relay_rejection", NULL, true, NULL, NULL},
    {"relay_tempfail", NULL, true, NULL, NULL},
    {"relay_permfail", NULL, true, NULL, NULL},
    {"ab_test_completed", NULL, false, NULL, NULL},
    {"ab_test_cancelled", NULL, false, NULL, NULL},
    {"ingest_success", NULL, false, NULL, NULL},
    {"ingest_error", NULL, false, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "type", "rcpt_to", "event_id", "timestamp", "message_id", "subject", "friendly_from",
    "target_link_url", "user_agent", "campaign_id", "reason", NULL,
};

static bool
machine(const struct value *event)
{
    return value_is_true(value_get(event, "is_bot"))
           || value_is_true(value_get(event, "initial_pixel_prefetched"));
}

/* Some bounces are none.
 * https://support.sparkpost.com/docs/deliverability/bounce-classification-codes */
static const char *
event_of(const struct value *event)
{
    static const struct {
        const char *class, *event;
    } answers[] = {{"60", "auto_reply"}, {"80", "subscribe"}, {"90", "unsubscribe"}};
    const char *type = webhook_word(event, "type"), *class = webhook_word(event, "bounce_class");

    if (type == NULL || class == NULL || strcmp(type, "bounce") != 0)
        return type;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(class, answers[i].class) == 0)
            return answers[i].event;
    return type;
}

static void
read_event(struct decoder *d, struct value *event)
{
    struct webhook_facts f = {
        .event = event_of(event),
        .id = webhook_member(d, event, "event_id"),
        .recipient = webhook_member(d, event, "rcpt_to"),
        .message = webhook_member(d, event, "message_id"),
        .subject = webhook_member(d, event, "subject"),
        .sender = webhook_member(d, event, "friendly_from"),
        .url = webhook_member(d, event, "target_link_url"),
        .status = webhook_member(d, event, "error_code"),
        .reason = webhook_member(d, event, "reason"),
        .user_agent = webhook_member(d, event, "user_agent"),
        .campaign = webhook_member(d, event, "campaign_id"),
        .tags = {value_get(event, "rcpt_tags")},
        .arguments = {value_get(event, "rcpt_meta")},
        .silent = machine(event),
    };

    if (f.recipient.len == 0)
        f.recipient = webhook_member(d, event, "raw_rcpt_to");
    webhook_time(&f, value_get(event, "timestamp"), CLOCK_SECOND);
    webhook_event(d, event, &f);
}

static void
read_element(struct decoder *d, struct value *element)
{
    struct value *msys = value_get(element, "msys"), *event;

    if (!value_is_object(msys)) {
        webhook_refuse(d, "no `msys`: not of SparkPost's event webhooks");
    } else if (value_members(msys) == 0) {
        webhook_ignored(d, "ping");
    } else {
        value_each_member(msys, event) {
            if (value_is_object(event))
                read_event(d, event);
            else
                webhook_refuse(d, "a member of `msys` is no object");
        }
    }
}

static const struct webhook_service service = {
    .name = "sparkpost",
    .title = "SparkPost's event webhooks",
    .event = "type",
    .address = "rcpt_to",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
sparkpost_open(struct decoder **out, const struct format_options *o,
               const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
