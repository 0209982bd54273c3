#include "adapters/email/guess.h"

#include <string.h>
#include <strings.h>

#include "adapters/email/report.h"
#include "adapters/text.h"

#define REASON_BYTES_MAX 500
#define ADDRESSES_MAX 32

/* ------------------------------------------------------------ is it one? */

static bool
holds_any(struct tl_str s, const char *const *words)
{
    while (*words != NULL)
        if (text_holds(s, *words++))
            return true;
    return false;
}

static bool
is_bounce(struct mime *m)
{
    static const char *const senders[] = {"mailer-daemon", "postmaster", "mail delivery",
                                          "mail-delivery", "mailerdaemon", "mdaemon",
                                          "delivery subsystem", "mail administrator", NULL};
    static const char *const subjects[] = {
        "undeliver", "delivery", "deliver mail", "returned mail", "failure", "mail error",
        "mail system error", "bounce", "could not be", "not delivered", "rejected",
        "returned to sender", "unknown recipient", "user unknown", "not sent", "nondeliverable",
        "unzustellbar", "non remis", "mail could not", "returned", "error sending",
        "\xe3\x82\xa8\xe3\x83\xa9\xe3\x83\xbc" /* error, in Japanese */, NULL};

    return mime_header(m, "X-Failed-Recipients").len > 0
           || holds_any(mime_header(m, "From"), senders)
           || holds_any(mime_header(m, "Subject"), subjects);
}

/* RFC 3834 section 5, and what was written before it. */
static bool
is_automatic(struct mime *m)
{
    static const char *const words[] = {"auto-replied", "auto-generated", NULL};
    static const char *const subjects[] = {"auto:", "auto-reply", "autoreply", "auto reply",
                                           "out of office", "vacation", "automatic reply", NULL};

    return holds_any(mime_header(m, "Auto-Submitted"), words)
           || mime_header(m, "X-Autoreply").len > 0
           || mime_header(m, "X-Auto-Response-Suppress").len > 0
           || holds_any(mime_header(m, "Subject"), subjects);
}

/* ------------------------------------------------------------------ text */

struct bounce {
    struct tl_str words;            /* of the mailer's own */
    struct mime *returned;          /* the message, when it is part of the text */
    struct tl_str to[ADDRESSES_MAX];
    size_t to_count;
};

static bool
begins_with_any(struct tl_str line, const char *const *words)
{
    for (; *words != NULL; words++)
        if (line.len >= strlen(*words) && strncasecmp(line.ptr, *words, strlen(*words)) == 0)
            return true;
    return false;
}

/* Where the mailer's words end and the message it returns begins. */
static void
split(struct bounce *b, struct tl_str text)
{
    static const char *const fields[] = {"Received: ", "Return-Path: ", "Return-path: ",
                                         "Message-ID: ", "Date: ", "DKIM-Signature: ",
                                         "X-Mailer: ", NULL};
    struct tl_str rest = text;

    b->words = text;
    while (rest.len > 0) {
        struct tl_str line = text_line(&rest);

        if (line.ptr == text.ptr || !begins_with_any(line, fields))
            continue;
        b->words.len = (size_t)(line.ptr - text.ptr);
        b->returned = mime_open((struct tl_str){line.ptr, text.len - b->words.len});
        return;
    }
}

/* -------------------------------------------------------------- addresses */

static bool
part_of_address(char c)
{
    return c > ' ' && c != '\x7f' && strchr("<>()[],;:\"'`|", c) == NULL;
}

static bool
same(struct tl_str a, struct tl_str b)
{
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

static void
add(struct bounce *b, struct tl_str address)
{
    for (size_t i = 0; i < b->to_count; i++)
        if (same(b->to[i], address))
            return;
    if (address.len > 0 && b->to_count < ADDRESSES_MAX)
        b->to[b->to_count++] = address;
}

/* The mailer's own, and the one it writes to, are nobody's that it could not reach. */
static bool
is_theirs(struct mime *m, struct tl_str address)
{
    static const char *const headers[] = {"To", "From", "Reply-To", "Cc", "Sender"};
    static const char *const names[] = {"postmaster@", "mailer-daemon@", "abuse@", "root@", NULL};
    struct tl_str own[4];

    if (begins_with_any(address, names))
        return true;
    for (size_t h = 0; h < sizeof headers / sizeof headers[0]; h++) {
        size_t count = mime_addresses(m, headers[h], own, 4);

        for (size_t i = 0; i < count && i < 4; i++)
            if (same(own[i], address))
                return true;
    }
    return false;
}

/* The next address in a text; empty at its end. */
static struct tl_str
next_address(struct tl_str *rest)
{
    while (rest->len > 0) {
        const char *at = memchr(rest->ptr, '@', rest->len), *from, *to;
        const char *end = rest->ptr + rest->len;
        struct tl_str address;

        if (at == NULL)
            break;
        for (from = at; from > rest->ptr && part_of_address(from[-1]); from--)
            continue;
        for (to = at + 1; to < end && part_of_address(*to); to++)
            continue;
        rest->len = (size_t)(end - to);
        rest->ptr = to;
        while (to > at + 1 && (to[-1] == '.' || to[-1] == '!'))
            to--;
        address = (struct tl_str){from, (size_t)(to - from)};
        if (from < at && memchr(at, '.', (size_t)(to - at)) != NULL
            && memchr(from, '=', address.len) == NULL)
            return report_address(address);
    }
    rest->len = 0;
    return (struct tl_str){0};
}

static void
find_in_header(struct bounce *b, struct mime *m)
{
    struct tl_str rest = mime_header(m, "X-Failed-Recipients");

    while (rest.len > 0)
        add(b, next_address(&rest));
}

/* The one to whom the returned message was, when the words name him; else the first
 * address they name; else the one it was to. */
static void
find_in_text(struct bounce *b, struct mime *m)
{
    struct mime *returned = b->returned != NULL ? b->returned : mime_attached(m);
    struct tl_str to = {0}, rest = b->words, first = {0}, address;
    bool known = returned != NULL && mime_addresses(returned, "To", &to, 1) > 0;

    while (rest.len > 0 && b->to_count == 0) {
        address = next_address(&rest);
        if (address.len == 0 || is_theirs(m, address))
            continue;
        if (first.len == 0)
            first = address;
        if (known && same(address, to))
            add(b, address);
    }
    if (b->to_count == 0)
        add(b, first.len > 0 ? first : report_address(to));
}

/* ----------------------------------------------------------------- reason */

/* `550 ` or `550-`, not in a longer number. */
static bool
has_reply_code(struct tl_str line, char *class)
{
    for (size_t i = 0; i + 3 <= line.len; i++) {
        const char *c = line.ptr + i;
        bool starts = i == 0 || strchr(" \t:(#'\"", c[-1]) != NULL;
        bool ends = i + 3 == line.len || strchr(" -:,;", c[3]) != NULL;

        if (starts && ends && (c[0] == '4' || c[0] == '5') && c[1] >= '0' && c[1] <= '7'
            && c[2] >= '0' && c[2] <= '9') {
            *class = c[0];
            return true;
        }
    }
    return false;
}

/* The line with a code, or the first that says something. */
static struct tl_str
find_reason(struct tl_str words, struct tl_str *code, char *class)
{
    struct tl_str rest = words, reason = {0};

    *code = report_code(words);
    *class = code->len > 0 ? code->ptr[0] : '\0';
    while (rest.len > 0) {
        struct tl_str line = text_line(&rest);
        bool has_code = code->len > 0 && code->ptr >= line.ptr && code->ptr < line.ptr + line.len;
        char found = '\0';

        if (has_code || has_reply_code(line, &found)) {
            if (*class == '\0')
                *class = found;
            reason = line;
            break;
        }
    }
    if (reason.len == 0)
        reason = text_trim(words);
    if (reason.len > REASON_BYTES_MAX)
        reason.len = REASON_BYTES_MAX;
    return reason;
}

static bool
is_delayed(struct mime *m, struct tl_str words)
{
    static const char *const hints[] = {"warning", "delayed", "delay", NULL};
    static const char *const promises[] = {"will be retried", "still being", "will keep trying",
                                           "will continue", "will be attempted", "do not need to",
                                           "need to resend", NULL};

    return holds_any(mime_header(m, "Subject"), hints) || holds_any(words, promises);
}

/* ----------------------------------------------------------------- events */

static void
put_event(struct decoder *d, struct mime *m, const struct bounce *b, const struct mailing *mailing,
          struct tl_str address)
{
    struct draft *draft = mailbox_draft(d);
    struct tl_str code, reason;
    char class;
    bool delayed;
    struct tl_event *ev;
    struct tl_str who;

    reason = find_reason(b->words, &code, &class);
    delayed = class != '5' && is_delayed(m, b->words);
    ev = mailbox_begin(d, delayed ? "email.deferred" : "email.bounced", "outbound");
    who = draft_copy(draft, address.len > 0 ? address : mailing_recipient(mailing, draft));
    ev->id = mailbox_id(d, m, b->words, who);
    ev->time = mime_date(mime_header(m, "Date"));
    draft_identifier(draft, TL_STR("email"), who);
    if (who.len == 0)
        mailing_identify(mailing, draft);
    mailing_put(mailing, draft, delayed ? NULL : "undelivered");
    draft->message.recipient = who;
    draft->message.status = code.len > 0 ? draft_copy(draft, code)
                            : class != '\0' ? draft_printf(draft, "%c.0.0", class) : code;
    draft->message.reason = report_line(draft, reason);
    draft_attribute(draft, TL_STR("report_from"), draft_copy(draft, mime_header(m, "From")));
    draft_attribute(draft, TL_STR("report_subject"), draft_copy(draft, mime_header(m, "Subject")));
    mailbox_event(d);
}

static void
put_reply(struct decoder *d, struct mime *m, const struct mailing *mailing)
{
    struct draft *draft = mailbox_draft(d);
    struct tl_event *ev = mailbox_begin(d, "email.replied", "inbound");
    struct tl_str from = {0}, text = mime_text(m);

    mime_addresses(m, "From", &from, 1);
    from = draft_copy(draft, from);
    ev->id = mailbox_id(d, m, text, from);
    ev->time = mime_date(mime_header(m, "Date"));
    draft_identifier(draft, TL_STR("email"), from);
    mailing_identify(mailing, draft);
    mailing_put(mailing, draft, NULL);
    draft->message.sender = from;
    draft->message.subject = draft_copy(draft, mime_header(m, "Subject"));
    draft->message.in_reply_to =
        draft_copy(draft, text_unbracket(mime_header(m, "In-Reply-To")));
    draft->message.text = report_line(draft, text);
    draft_attribute(draft, TL_STR("Auto-Submitted"),
                    draft_copy(draft, mime_header(m, "Auto-Submitted")));
    mailbox_event(d);
}

static void
put_bounces(struct decoder *d, struct mime *m, struct bounce *b, const struct mailing *known)
{
    struct mailing mailing = *known;

    if (mailing.message.len == 0 && b->returned != NULL)
        mailing_read(&mailing, b->returned);
    find_in_header(b, m);
    if (b->to_count == 0)
        find_in_text(b, m);
    if (b->to_count == 0)
        put_event(d, m, b, &mailing, (struct tl_str){0});
    for (size_t i = 0; i < b->to_count; i++)
        put_event(d, m, b, &mailing, b->to[i]);
}

/* Where the parts cannot be told apart, all that is behind the header. */
static struct tl_str
words(struct decoder *d, struct mime *m)
{
    struct tl_str text = mime_text(m), whole = mailbox_record(d);
    const char *body;

    if (text_trim(text).len > 0)
        return text;
    body = text_find(whole, "\n\n");
    if (body == NULL)
        body = text_find(whole, "\n\r\n");
    return body != NULL ? (struct tl_str){body, (size_t)(whole.ptr + whole.len - body)} : text;
}

void
guess_read(struct decoder *d, struct mime *m, const struct mailing *mailing)
{
    struct bounce b = {0};
    bool bounce = is_bounce(m);

    if (!bounce && is_automatic(m)) {
        put_reply(d, m, mailing);
    } else if (bounce || text_is(mime_header(m, "Return-Path"), "<>")) {
        split(&b, words(d, m));
        put_bounces(d, m, &b, mailing);
        mime_close(&b.returned);
    } else {
        mailbox_refuse(d, "no report of a delivery, and does not look like one");
    }
}
