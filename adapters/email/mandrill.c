#include "adapters/email/mandrill.h"

#include <string.h>

#include "adapters/email/webhook.h"
#include "adapters/parse.h"
#include "base/clock.h"

static const struct webhook_kind kinds[] = {
    {"send", "email.sent", false, "made", NULL},
    {"delivered", "email.delivered", false, "delivered", NULL},
    {"deferral", "email.deferred", false, NULL, NULL},
    {"soft_bounce", "email.bounced", false, "undelivered", NULL},
    {"hard_bounce", "email.bounced", false, "undelivered", NULL},
    {"reject", "email.dropped", false, "undelivered", NULL},
    {"open", "email.opened", true, "presented", NULL},
    {"click", "email.link_clicked", true, "clicked", NULL},
    {"spam", "email.marked_as_spam", true, NULL, "revoked"},
    {"unsub", "email.unsubscribed", true, NULL, "revoked"},
    {"denylist add", "email.suppressed", false, NULL, NULL},
    {"denylist change", "email.suppressed", false, NULL, NULL},
    {"denylist remove", "email.unsuppressed", false, NULL, NULL},
    {"allowlist add", "email.unsuppressed", false, NULL, NULL},
    {"allowlist remove", NULL, false, NULL, NULL},
    {"inbound", NULL, true, NULL, NULL},
    {0},
};

static const char *const held[] = {
    "event", "ts", "url", "user_agent", NULL,
};

/* An address came to, or left, one of the lists: {type, action, reject}. */
static void
read_sync(struct decoder *d, struct value *element)
{
    static const struct {
        const char *type, *action, *event;
    } changes[] = {
        {"blacklist", "add", "denylist add"},       {"blacklist", "change", "denylist change"},
        {"blacklist", "remove", "denylist remove"}, {"denylist", "add", "denylist add"},
        {"denylist", "change", "denylist change"},  {"denylist", "remove", "denylist remove"},
        {"whitelist", "add", "allowlist add"},      {"whitelist", "remove", "allowlist remove"},
        {"safelist", "add", "allowlist add"},       {"safelist", "remove", "allowlist remove"},
        {"allowlist", "add", "allowlist add"},      {"allowlist", "remove", "allowlist remove"},
    };
    const char *type = webhook_word(element, "type"), *action = webhook_word(element, "action");
    const struct value *entry = value_get(element, "reject");
    struct webhook_facts f = {0};

    if (entry == NULL)
        entry = value_get(element, "entry");
    f.recipient = webhook_member(d, entry, "email");
    f.reason = webhook_member(d, entry, "reason");
    for (size_t i = 0; action != NULL && i < sizeof changes / sizeof changes[0]; i++)
        if (strcmp(type, changes[i].type) == 0 && strcmp(action, changes[i].action) == 0)
            f.event = changes[i].event;
    webhook_time(&f, value_get(element, "ts"), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static void
read_message(struct decoder *d, struct value *element)
{
    const struct value *msg = value_get(element, "msg");
    struct webhook_facts f = {
        .event = webhook_word(element, "event"),
        .recipient = webhook_member(d, msg, "email"),
        .message = webhook_member(d, msg, "_id"),
        .subject = webhook_member(d, msg, "subject"),
        .sender = webhook_member(d, msg, "sender"),
        .url = webhook_member(d, element, "url"),
        .status = webhook_member(d, msg, "bounce_description"),
        .reason = webhook_member(d, msg, "diag"),
        .user_agent = webhook_member(d, element, "user_agent"),
        .tags = {value_get(msg, "tags")},
        .arguments = {value_get(msg, "metadata")},
    };

    webhook_time(&f, value_get(element, "ts"), CLOCK_SECOND);
    webhook_event(d, element, &f);
}

static void
read_element(struct decoder *d, struct value *element)
{
    if (value_get(element, "event") == NULL && webhook_word(element, "type") != NULL)
        read_sync(d, element);
    else
        read_message(d, element);
}

static struct value *
read_form(struct values *in, const struct form *form)
{
    const struct form_field *events = form_find(form, "mandrill_events");

    return events != NULL ? parse_json(in, events->value, NULL) : NULL;
}

static const struct webhook_service service = {
    .name = "mandrill",
    .title = "Mandrill's webhooks",
    .event = "event",
    .address = "msg.email",
    .kinds = kinds,
    .held = held,
    .element = read_element,
    .form = read_form,
};

int
mandrill_open(struct decoder **out, const struct format_options *o,
              const struct format_sink *sink, char *why)
{
    return webhook_open(out, &service, o, sink, why);
}
