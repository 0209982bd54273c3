#include "adapters/email/arf.h"

#include <string.h>
#include <strings.h>

#include "adapters/email/mailbox.h"
#include "adapters/email/mailing.h"
#include "adapters/email/report.h"
#include "adapters/text.h"

static const struct kind {
    const char *feedback, *type, *consent;
    bool complaint;
} kinds[] = {
    {"abuse", "email.marked_as_spam", "revoked", true},
    {"fraud", "email.marked_as_spam", "revoked", true},
    {"virus", "email.marked_as_spam", "revoked", true},
    {"miscategorized", "email.marked_as_spam", "revoked", true},
    {"other", "email.marked_as_spam", "revoked", true},
    {"opt-out", "email.unsubscribed", "revoked", false},
    {"opt-out-list", "email.unsubscribed", "revoked", false},
    {"not-spam", "email.marked_as_not_spam", NULL, false},
    {"auth-failure", "email.authentication_failed", NULL, false},
};

/* RFC 5965 2d: a type that is not known is read as `other`. */
static const struct kind *
find_kind(struct tl_str feedback)
{
    const struct kind *other = NULL;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].feedback) == feedback.len
            && strncasecmp(kinds[i].feedback, feedback.ptr, feedback.len) == 0)
            return &kinds[i];
        if (strcmp(kinds[i].feedback, "other") == 0)
            other = &kinds[i];
    }
    return other;
}

/* -------------------------------------------------------------- recipients */

static size_t
in_report(const struct report_group *g, struct tl_str out[ARF_RECIPIENTS_MAX])
{
    static const char *const names[] = {"Original-Rcpt-To", "Removal-Recipient"};
    size_t count = 0;

    for (size_t n = 0; n < sizeof names / sizeof names[0] && count == 0; n++) {
        for (size_t i = 0; i < g->count && count < ARF_RECIPIENTS_MAX; i++) {
            const struct report_field *f = &g->fields[i];

            if (f->name.len != strlen(names[n])
                || strncasecmp(f->name.ptr, names[n], f->name.len) != 0)
                continue;
            out[count] = report_address(f->value);
            count += out[count].len > 0;
        }
    }
    return count;
}

static size_t
in_returned(struct mime *returned, struct tl_str out[ARF_RECIPIENTS_MAX])
{
    static const char *const names[] = {"X-HmXmrOriginalRecipient", "X-Original-To",
                                        "Delivered-To", "To"};
    struct tl_str address;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (mime_addresses(returned, names[i], &address, 1) != 1)
            continue;
        out[0] = report_address(address);
        if (out[0].len > 0)
            return 1;
    }
    return 0;
}

/* ----------------------------------------------------------------- events */

static void
put_consent(struct draft *d, const struct kind *kind, bool has_address)
{
    struct tl_consent *consent;

    if (kind->consent == NULL || (consent = draft_consent(d)) == NULL)
        return;
    consent->purpose = TL_STR("marketing");
    consent->channel = TL_STR("email");
    consent->status = text_of(kind->consent);
    consent->evidence = draft_printf(d, "arf %s", kind->feedback);
    if (has_address)
        consent->identifier = &d->identifiers[0];
}

static void
put_event(struct decoder *d, struct mime *m, const struct report_group *g,
          const struct mailing *mailing, struct tl_str report, struct tl_str recipient)
{
    static const char *const none[] = {NULL};
    const struct kind *kind = find_kind(report_value(g, "Feedback-Type"));
    struct draft *draft = mailbox_draft(d);
    struct tl_event *ev = mailbox_begin(d, kind->type, "inbound");
    struct tl_str who =
        draft_copy(draft, recipient.len > 0 ? recipient : mailing_recipient(mailing, draft));
    int64_t ns = mime_date(report_value(g, "Arrival-Date"));

    ns = ns != 0 ? ns : mime_date(report_value(g, "Received-Date"));
    ev->id = mailbox_id(d, m, report.len > 0 ? report : mailbox_record(d), who);
    ev->time = ns != 0 ? ns : mime_date(mime_header(m, "Date"));
    draft_identifier(draft, TL_STR("email"), who);
    if (who.len == 0)
        mailing_identify(mailing, draft);
    mailing_put(mailing, draft, NULL);
    draft->message.recipient = who;
    draft->message.user_agent = draft_copy(draft, report_value(g, "User-Agent"));
    put_consent(draft, kind, who.len > 0);
    if (kind->complaint) {
        draft->feedback = (struct tl_feedback){
            .id = ev->id, .kind = TL_STR("complaint"), .state = TL_STR("heard")};
        ev->feedback = &draft->feedback;
    }
    report_attributes(g, none, draft);
    mailbox_event(d);
}

/* Hotmail's: the complaint is all in the returned message's header. */
static bool
is_hotmails(struct mime *m, struct mime *returned)
{
    struct tl_str from = mime_header(m, "From");

    return returned != NULL && text_find(from, "staff@hotmail.com") != NULL;
}

static void
read_message(struct decoder *d, struct mime *m)
{
    struct tl_str report = mime_part(m, "message", "feedback-report"), rest = report;
    struct mime *returned = mime_attached(m);
    struct tl_str who[ARF_RECIPIENTS_MAX];
    struct report_group group = {0};
    struct mailing mailing = {0};
    size_t count;

    if (!report_next(&group, &rest) && !is_hotmails(m, returned)) {
        mailbox_refuse(d, "no feedback report (RFC 5965) in it");
        return;
    }
    if (returned != NULL)
        mailing_read(&mailing, returned);
    mailing_verp(&mailing, report_address(report_value(&group, "Original-Mail-From")));
    count = in_report(&group, who);
    if (count == 0 && returned != NULL)
        count = in_returned(returned, who);
    if (count == 0)
        put_event(d, m, &group, &mailing, report, (struct tl_str){0});
    for (size_t i = 0; i < count; i++)
        put_event(d, m, &group, &mailing, report, who[i]);
}

static const struct mailbox_format format = {"arf", read_message};

int
arf_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
         char *why)
{
    return mailbox_open(out, &format, o, sink, why);
}
