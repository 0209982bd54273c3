#include "adapters/email/mailersend.h"

#include "adapters/email/webhook.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"activity.sent", "email.sent", false, "made", NULL},
    {"activity.deferred", "email.deferred", false, NULL, NULL},
    {"activity.delivered", "email.delivered", false, "delivered", NULL},
    {"activity.soft_bounced", "email.bounced", false, "undelivered", NULL},
    {"activity.hard_bounced", "email.bounced", false, "undelivered", NULL},
    {"activity.opened", "email.opened", true, "presented", NULL},
    {"activity.opened_unique", "email.opened", true, "presented", NULL},
    {"activity.clicked", "email.link_clicked", true, "clicked", NULL},
    {"activity.clicked_unique", "email.link_clicked", true, "clicked", NULL},
    {"activity.unsubscribed", "email.unsubscribed", true, NULL, "revoked"},
    {"activity.spam_complaint", "email.marked_as_spam", true, NULL, "revoked"},
    {"activity.survey_opened", NULL, true, NULL, NULL},
    {"activity.survey_submitted", NULL, true, NULL, NULL},
    {"sender_identity.verified", NULL, false, NULL, NULL},
    {"maintenance.start", NULL, false, NULL, NULL},
    {"maintenance.end", NULL, false, NULL, NULL},
    {"inbound_forward.failed", NULL, false, NULL, NULL},
    {"email_single.verified", NULL, false, NULL, NULL},
    {"email_list.verified", NULL, false, NULL, NULL},
    {"bulk_email.completed", NULL, false, NULL, NULL},
    {"recipient.on_hold_added", NULL, false, NULL, NULL},
    {"recipient.on_hold_removed", NULL, false, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "id", "type", "created_at", NULL,
};

static void
read_element(struct decoder *d, struct value *element)
{
    struct value *data = value_get(element, "data");
    const struct value *email = value_get(data, "email"), *morph = value_get(data, "morph");
    const struct value *recipient = value_get(email, "recipient");
    const struct value *message = value_get(email, "message");
    struct webhook_facts f = {
        .event = webhook_word(element, "type"),
        .id = webhook_member(d, data, "id"),
        .recipient = webhook_member(d, recipient, "email"),
        .message = webhook_member(d, message, "id"),
        .subject = webhook_member(d, email, "subject"),
        .sender = webhook_member(d, email, "from"),
        .url = webhook_member(d, morph, "url"),
        .reason = webhook_member(d, morph, "reason"),
        .user_agent = webhook_member(d, morph, "user_agent"),
        .tags = {value_get(email, "tags")},
        .evidence = webhook_member(d, morph, "readable_reason"),
    };

    webhook_time(&f, value_get(data, "created_at"), CLOCK_SECOND);
    webhook_event(d, value_is_object(data) ? data : element, &f);
}

static const struct webhook_service service = {
    .name = "mailersend",
    .title = "MailerSend's webhooks",
    .event = "type",
    .address = "data.email.recipient.email",
    .time = "created_at",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
mailersend_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
