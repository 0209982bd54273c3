#include "adapters/email/mailjet.h"

#include "adapters/email/webhook.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"sent", "email.delivered", false, "delivered", NULL},
    {"bounce", "email.bounced", false, "undelivered", NULL},
    {"blocked", "email.dropped", false, "undelivered", NULL},
    {"open", "email.opened", true, "presented", NULL},
    {"click", "email.link_clicked", true, "clicked", NULL},
    {"spam", "email.marked_as_spam", true, NULL, "revoked"},
    {"unsub", "email.unsubscribed", true, NULL, "revoked"},
    {0},
};

static const char *const held[] = {
    "event", "time", "MessageID", "email", "url", "agent", NULL,
};

static struct tl_str
campaign(struct decoder *d, const struct value *element)
{
    struct tl_str custom = webhook_member(d, element, "customcampaign");
    const struct value *own = value_get(element, "mj_campaign_id");

    return custom.len > 0 || value_integer(own) == 0 ? custom : webhook_text(d, own);
}

static void
read_element(struct decoder *d, struct value *element)
{
    struct webhook_facts f = {
        .event = webhook_word(element, "event"),
        .recipient = webhook_member(d, element, "email"),
        .message = webhook_member(d, element, "MessageID"),
        .url = webhook_member(d, element, "url"),
        .status = webhook_member(d, element, "error_related_to"),
        .reason = webhook_member(d, element, "error"),
        .user_agent = webhook_member(d, element, "agent"),
        .campaign = campaign(d, element),
        .arguments = {webhook_parsed(d, value_get(element, "Payload"))},
    };

    webhook_time(&f, value_get(element, "time"), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static const struct webhook_service service = {
    .name = "mailjet",
    .title = "Mailjet's event callbacks",
    .event = "event",
    .address = "email",
    .time = "time",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
mailjet_open(struct decoder **out, const struct format_options *o,
             const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
