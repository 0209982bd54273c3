#include "adapters/email/brevo.h"

#include "adapters/email/webhook.h"
#include "adapters/text.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"request", "email.queued", false, "made", NULL},
    {"sent", "email.queued", false, "made", NULL},
    {"delivered", "email.delivered", false, "delivered", NULL},
    {"deferred", "email.deferred", false, NULL, NULL},
    {"soft_bounce", "email.bounced", false, "undelivered", NULL},
    {"hard_bounce", "email.bounced", false, "undelivered", NULL},
    {"invalid_email", "email.dropped", false, "undelivered", NULL},
    {"blocked", "email.dropped", false, "undelivered", NULL},
    {"error", "email.dropped", false, "undelivered", NULL},
    {"opened", "email.opened", true, "presented", NULL},
    {"unique_opened", "email.opened", true, "presented", NULL},
    {"proxy_open", "email.opened", true, NULL, NULL},        /* a machine's */
    {"unique_proxy_open", "email.opened", true, NULL, NULL},
    {"click", "email.link_clicked", true, "clicked", NULL},
    {"spam", "email.marked_as_spam", true, NULL, "revoked"},
    {"complaint", "email.marked_as_spam", true, NULL, "revoked"},
    {"unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"unsubscribed", "email.unsubscribed", true, NULL, "revoked"},
    {"list_addition", NULL, false, NULL, NULL},
    {"contact_updated", NULL, false, NULL, NULL},
    {"contact_deleted", NULL, false, NULL, NULL},
    {"inboundEmailProcessed", NULL, true, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "event", "email", "message-id", "subject", "link", "URL", "reason", "user_agent", NULL,
};

/* Tags come as an array, and as its text, too. */
static const struct value *
tags(struct decoder *d, const struct value *element)
{
    const struct value *list = value_get(element, "tags"), *one = value_get(element, "tag");
    const struct value *parsed;

    if (list != NULL || one == NULL)
        return list;
    parsed = webhook_parsed(d, one);
    return parsed != NULL ? parsed : one;
}

static void
read_time(struct webhook_facts *f, const struct value *element)
{
    static const struct {
        const char *member;
        int64_t unit;
    } times[] = {{"ts_epoch", CLOCK_MS},     {"s_epoch", CLOCK_MS}, {"ts_event", CLOCK_SECOND},
                 {"ts_sent", CLOCK_SECOND},  {"ts", CLOCK_SECOND}};

    for (size_t i = 0; f->time == 0 && i < sizeof times / sizeof times[0]; i++)
        webhook_time(f, value_get(element, times[i].member), times[i].unit);
}

static void
read_element(struct decoder *d, struct value *element)
{
    const struct value *custom = value_get(element, "X-Mailin-custom");
    struct webhook_facts f = {
        .event = webhook_word(element, "event"),
        .recipient = webhook_member(d, element, "email"),
        .message = text_unbracket(webhook_member(d, element, "message-id")),
        .subject = webhook_member(d, element, "subject"),
        .url = webhook_member(d, element, "link"),
        .reason = webhook_member(d, element, "reason"),
        .user_agent = webhook_member(d, element, "user_agent"),
        .campaign = webhook_member(d, element, "camp_id"),
        .tags = {tags(d, element)},
        .arguments = {webhook_parsed(d, custom)},
    };

    if (f.url.len == 0)
        f.url = webhook_member(d, element, "URL");
    read_time(&f, element);
    webhook_event(d, element, &f);
}

static const struct webhook_service service = {
    .name = "brevo",
    .title = "Brevo's webhooks",
    .event = "event",
    .address = "email",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
brevo_open(struct decoder **out, const struct format_options *o,
           const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
