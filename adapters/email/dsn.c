#include "adapters/email/dsn.h"

#include <string.h>
#include <strings.h>

#include "adapters/email/guess.h"
#include "adapters/email/mailbox.h"
#include "adapters/email/mailing.h"
#include "adapters/email/report.h"
#include "adapters/text.h"

/* What became of a recipient. */
static const struct action {
    const char *action, *type, *outcome;
} actions[] = {
    {"failed", "email.bounced", "undelivered"},
    {"delayed", "email.deferred", NULL},
    {"delivered", "email.delivered", "delivered"},
    {"relayed", "email.delivered", "delivered"},
    {"expanded", "email.delivered", "delivered"},
};

/* Fields of a report that are elsewhere in the event. */
static const char *const mapped[] = {"Status", "Diagnostic-Code", NULL};

/* Recipients of the returned message, of whom it must have been the only one. */
static struct tl_str
only_recipient(struct mime *attached)
{
    struct tl_str to = {0};

    return attached != NULL && mime_addresses(attached, "To", &to, 1) == 1
               ? report_address(to) : (struct tl_str){0};
}

/* The address we mailed is the original one; a forwarder's final one is not ours. */
static struct tl_str
address(struct decoder *d, struct mime *m, const struct report_group *g,
        const struct mailing *mailing)
{
    static const char *const names[] = {"Original-Recipient", "Final-Recipient",
                                        "X-Actual-Recipient"};
    struct tl_str found = {0};

    for (size_t i = 0; found.len == 0 && i < sizeof names / sizeof names[0]; i++)
        found = report_address(report_value(g, names[i]));
    if (found.len == 0)
        found = mailing_recipient(mailing, mailbox_draft(d));
    if (found.len == 0)
        found = report_address(mime_header(m, "X-Failed-Recipients"));
    return found.len > 0 ? found : only_recipient(mime_attached(m));
}

static struct tl_str
status(const struct report_group *g)
{
    struct tl_str code = report_code(report_value(g, "Status"));

    return code.len > 0 ? code : report_code(report_value(g, "Diagnostic-Code"));
}

static const struct action *
action(const struct report_group *g)
{
    struct tl_str word = report_value(g, "Action"), code = status(g);

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        size_t len = strlen(actions[i].action);

        /* `failed (bad mailbox)` */
        if (word.len >= len && strncasecmp(word.ptr, actions[i].action, len) == 0)
            return &actions[i];
    }
    return code.len == 0 || code.ptr[0] == '5' ? &actions[0]
           : code.ptr[0] == '4' ? &actions[1] : &actions[2];
}

static int64_t
when(struct mime *m, const struct report_group *about, const struct report_group *g)
{
    int64_t ns = mime_date(report_value(g, "Last-Attempt-Date"));

    if (ns == 0)
        ns = mime_date(mime_header(m, "Date"));
    return ns != 0 ? ns : mime_date(report_value(about, "Arrival-Date"));
}

static void
put_recipient(struct decoder *d, struct mime *m, const struct report_group *about,
              const struct report_group *g, const struct mailing *mailing, struct tl_str text)
{
    const struct action *what = action(g);
    struct draft *draft = mailbox_draft(d);
    struct tl_event *ev = mailbox_begin(d, what->type, "outbound");
    struct tl_str who = draft_copy(draft, address(d, m, g, mailing));

    ev->id = mailbox_id(d, m, text,
                        draft_printf(draft, "%.*s\n%.*s\n%.*s", (int)who.len, who.ptr,
                                     (int)mailing->message.len, mailing->message.ptr,
                                     (int)mailing->subject.len, mailing->subject.ptr));
    ev->time = when(m, about, g);
    draft_identifier(draft, TL_STR("email"), who);
    if (who.len == 0)
        mailing_identify(mailing, draft);
    mailing_put(mailing, draft, what->outcome);
    draft->message.recipient = who;
    draft->message.status = draft_copy(draft, status(g));
    draft->message.reason = report_line(draft, report_value(g, "Diagnostic-Code"));
    report_attributes(about, mapped, draft);
    report_attributes(g, mapped, draft);
    mailbox_event(d);
}

static bool
is_about_recipient(const struct report_group *g)
{
    return report_value(g, "Final-Recipient").len > 0
           || report_value(g, "Original-Recipient").len > 0 || report_value(g, "Action").len > 0;
}

/* An event for each recipient; returns how many there were. */
static size_t
read_report(struct decoder *d, struct mime *m, struct tl_str report,
            const struct mailing *mailing)
{
    struct report_group about = {0}, group;
    struct tl_str rest = report, before;
    size_t recipients = 0;

    while (before = rest, report_next(&group, &rest)) {
        if (is_about_recipient(&group)) {
            before.len -= rest.len;
            put_recipient(d, m, &about, &group, mailing, before);
            recipients++;
        } else if (about.count == 0) {
            about = group;
        }
    }
    return recipients;
}

/* What the report's own address and the queue it comes from say of the sender. */
static void
read_sender(struct mailing *mailing, struct mime *m, struct tl_str report)
{
    static const char *const headers[] = {"To", "X-Original-To", "Delivered-To"};
    struct tl_str rest = report, to;
    struct report_group about;

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (mime_addresses(m, headers[i], &to, 1) > 0)
            mailing_verp(mailing, to);
    mailing_verp(mailing, text_unbracket(mime_header(m, "X-Rcpt-Args")));
    if (report_next(&about, &rest))
        mailing_verp(mailing, report_address(report_value(&about, "X-Postfix-Sender")));
}

/* A report whose parts cannot be told apart, or that is none but for its text. */
static struct tl_str
find_report(struct tl_str whole)
{
    static const char *const fields[] = {"\nReporting-MTA:", "\nFinal-Recipient:",
                                         "\nOriginal-Recipient:"};
    const char *from = NULL;

    for (size_t i = 0; from == NULL && i < sizeof fields / sizeof fields[0]; i++)
        for (size_t at = 0, len = strlen(fields[i]); from == NULL && at + len <= whole.len; at++)
            if (whole.ptr[at] == '\n' && strncasecmp(whole.ptr + at, fields[i], len) == 0)
                from = whole.ptr + at + 1;
    return from != NULL ? (struct tl_str){from, (size_t)(whole.ptr + whole.len - from)}
                        : (struct tl_str){0};
}

static void
read_message(struct decoder *d, struct mime *m)
{
    struct tl_str report = mime_part(m, "message", "delivery-status");
    struct mailing mailing = {0};
    struct mime *attached = mime_attached(m);

    if (report.len == 0)
        report = mime_part(m, "message", "global-delivery-status");     /* RFC 6533 */
    if (report.len == 0)
        report = find_report(mailbox_record(d));
    if (attached != NULL)
        mailing_read(&mailing, attached);
    read_sender(&mailing, m, report);
    if (read_report(d, m, report, &mailing) == 0)
        guess_read(d, m, &mailing);
}

static const struct mailbox_format format = {"dsn", read_message};

int
dsn_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
         char *why)
{
    return mailbox_open(out, &format, o, sink, why);
}
