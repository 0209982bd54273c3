#include "adapters/email/resend.h"

#include "adapters/email/webhook.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"email.sent", "email.sent", false, "made", NULL},
    {"email.scheduled", "email.queued", false, NULL, NULL},
    {"email.delivered", "email.delivered", false, "delivered", NULL},
    {"email.delivery_delayed", "email.deferred", false, NULL, NULL},
    {"email.bounced", "email.bounced", false, "undelivered", NULL},
    {"email.failed", "email.dropped", false, "undelivered", NULL},
    {"email.suppressed", "email.dropped", false, "undelivered", NULL},
    {"email.opened", "email.opened", true, "presented", NULL},
    {"email.clicked", "email.link_clicked", true, "clicked", NULL},
    {"email.complained", "email.marked_as_spam", true, NULL, "revoked"},
    {"contact.unsubscribed", "email.unsubscribed", true, NULL, "revoked"},
    /* What its lists and domains are doing. */
    {"contact.created", NULL, false, NULL, NULL},
    {"contact.updated", NULL, false, NULL, NULL},
    {"contact.deleted", NULL, false, NULL, NULL},
    {"domain.created", NULL, false, NULL, NULL},
    {"domain.updated", NULL, false, NULL, NULL},
    {"domain.deleted", NULL, false, NULL, NULL},
    {"email.received", NULL, true, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "email_id", "subject", "from", NULL,
};

static const struct value *
why(const struct value *data)
{
    static const char *const members[] = {"bounce", "failed", "suppressed"};
    const struct value *object = NULL;

    for (size_t i = 0; object == NULL && i < sizeof members / sizeof members[0]; i++)
        object = value_get(data, members[i]);
    return object;
}

static struct tl_str
reason(struct decoder *d, const struct value *why_not)
{
    struct tl_str text = webhook_member(d, why_not, "message");

    return text.len > 0 ? text : webhook_member(d, why_not, "reason");
}

/* For one of those it went to. */
static void
read_recipient(struct decoder *d, const struct value *element, struct value *data,
               const struct value *to, bool one_of_several)
{
    const struct value *click = value_get(data, "click");
    struct tl_str base = webhook_hash(d, element);
    struct webhook_facts f = {
        .event = webhook_word(element, "type"),
        .id = base,
        .recipient = webhook_text(d, to),
        .one_of_several = one_of_several,
        .message = webhook_member(d, data, "email_id"),
        .subject = webhook_member(d, data, "subject"),
        .sender = webhook_member(d, data, "from"),
        .url = webhook_member(d, click, "link"),
        .status = webhook_member(d, why(data), "type"),
        .reason = reason(d, why(data)),
        .user_agent = webhook_member(d, click, "userAgent"),
        .campaign = webhook_member(d, data, "broadcast_id"),
        .arguments = {value_get(data, "tags")},
    };

    webhook_time(&f, value_get(element, "created_at"), CLOCK_SECOND);
    webhook_event(d, data, &f);
}

static void
read_element(struct decoder *d, struct value *element)
{
    struct value *data = value_get(element, "data"), *to = value_get(data, "to");
    const struct value *one;

    if (!value_is_object(data) || value_count(to) == 0)
        read_recipient(d, element, value_is_object(data) ? data : element, to, false);
    else
        value_each(to, one)
            read_recipient(d, element, data, one, value_count(to) > 1);
}

static const struct webhook_service service = {
    .name = "resend",
    .title = "Resend's webhooks",
    .event = "type",
    .address = "data.to",
    .time = "created_at",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
resend_open(struct decoder **out, const struct format_options *o,
            const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
