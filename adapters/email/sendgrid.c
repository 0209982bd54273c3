#include "adapters/email/sendgrid.h"

#include <string.h>

#include "adapters/email/webhook.h"
#include "adapters/text.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"processed", "email.queued", false, "made", NULL},
    {"deferred", "email.deferred", false, NULL, NULL},
    {"delivered", "email.delivered", false, "delivered", NULL},
    {"bounce", "email.bounced", false, "undelivered", NULL},
    {"dropped", "email.dropped", false, "undelivered", NULL},
    {"open", "email.opened", true, "presented", NULL},
    {"click", "email.link_clicked", true, "clicked", NULL},
    {"spamreport", "email.marked_as_spam", true, NULL, "revoked"},
    {"unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"group_unsubscribe", "email.unsubscribed", true, NULL, "revoked"},
    {"group_resubscribe", "consent.granted", true, NULL, "granted"},
    {"account_status_change", NULL, false, NULL, NULL},     /* the sender's own account */
    {0},
};

static const char *const held[] = {
    "email", "event", "timestamp", "sg_event_id", "status", "reason", "url", "useragent", NULL,
};

static struct tl_str
up_to(struct tl_str s, char stop)
{
    const char *at = s.len > 0 ? memchr(s.ptr, stop, s.len) : NULL;

    return at != NULL ? (struct tl_str){s.ptr, (size_t)(at - s.ptr)} : s;
}

/* What the call that sent it answered: sg_message_id up to the first dot.  A
 * dropped message has a filter's name there; its smtp-id still begins with it. */
static struct tl_str
message_id(struct decoder *d, const struct value *element)
{
    struct tl_str id = up_to(webhook_member(d, element, "sg_message_id"), '.');
    struct tl_str smtp = text_unbracket(webhook_member(d, element, "smtp-id"));

    if (id.len > 0 && (id.len < 6 || memcmp(id.ptr, "filter", 6) != 0))
        return id;
    if (smtp.len == 0)
        return id;
    return text_find(smtp, "@ismtpd") != NULL ? up_to(smtp, '@') : smtp;
}

static struct tl_str
reason(struct decoder *d, const struct value *element, const char *event)
{
    struct tl_str text = webhook_member(d, element, "reason");

    if (text.len == 0 && event != NULL && strcmp(event, "deferred") == 0)
        text = webhook_member(d, element, "response");
    return text;
}

static void
read_element(struct decoder *d, struct value *element)
{
    const struct value *unique = value_get(element, "unique_args");
    struct webhook_facts f = {
        .event = webhook_word(element, "event"),
        .id = webhook_member(d, element, "sg_event_id"),
        .recipient = webhook_member(d, element, "email"),
        .message = message_id(d, element),
        .url = webhook_member(d, element, "url"),
        .status = webhook_member(d, element, "status"),
        .user_agent = webhook_member(d, element, "useragent"),
        .campaign = webhook_member(d, element, "marketing_campaign_id"),
        .tags = {value_get(element, "category")},
        .arguments = {element, unique},
        /* A machine that opens all mail has not shown it to anybody. */
        .silent = value_is_true(value_get(element, "sg_machine_open")),
        .evidence = webhook_labelled(d, "group", webhook_member(d, element, "asm_group_id")),
    };

    f.reason = reason(d, element, f.event);
    if (f.campaign.len == 0)
        f.campaign = webhook_member(d, element, "singlesend_id");
    webhook_time(&f, value_get(element, "timestamp"), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static const struct webhook_service service = {
    .name = "sendgrid",
    .title = "SendGrid's Event Webhook",
    .event = "event",
    .address = "email",
    .time = "timestamp",
    .kinds = kinds,
    .held = held,
    .element = read_element,
};

int
sendgrid_open(struct decoder **out, const struct format_options *o,
              const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
