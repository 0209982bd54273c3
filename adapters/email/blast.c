#include "adapters/email/blast.h"

#include <string.h>
#include <strings.h>

#include "adapters/email/mailbox.h"
#include "adapters/email/mailing.h"
#include "adapters/text.h"

#define BLAST_ID_BYTES_MAX 256

/* Fields the event has elsewhere, or that are about the transport. */
static const char *const not_kept[] = {
    "X-Campaign-ID", "X-Offer-ID", "X-Offer-Terms", "Message-ID", "Subject", "From", "Date", "To",
    "Cc", "Bcc", "Received", "Return-Path", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding", "Content-Disposition", "DKIM-Signature", "ARC-Seal",
    "ARC-Message-Signature", "ARC-Authentication-Results", "Authentication-Results",
    "Received-SPF", "X-Client-Addr", "X-Client-Proto", "X-Helo-Args", "X-Mail-Args", "X-Rcpt-Args",
};

static bool
is_kept(struct tl_str name)
{
    for (size_t i = 0; i < sizeof not_kept / sizeof not_kept[0]; i++)
        if (strlen(not_kept[i]) == name.len && strncasecmp(not_kept[i], name.ptr, name.len) == 0)
            return false;
    return true;
}

/* Those of the envelope are whom it went to; Bcc is only there. */
static size_t
recipients(struct mime *m, struct tl_str *out)
{
    static const char *const envelope[] = {"X-Rcpt-Args", "X-Envelope-To", "Envelope-To"};
    static const char *const header[] = {"To", "Cc", "Bcc"};
    size_t count = 0;

    for (size_t i = 0; i < sizeof envelope / sizeof envelope[0]; i++) {
        out[0] = text_unbracket(mime_header(m, envelope[i]));
        if (out[0].len > 0)
            return 1;
    }
    for (size_t i = 0; i < sizeof header / sizeof header[0] && count <= BLAST_RECIPIENTS_MAX; i++)
        count += mime_addresses(m, header[i], out + count, BLAST_RECIPIENTS_MAX - count);
    return count;
}

static struct tl_str
shortened(struct tl_str text)
{
    text = text_trim(text);
    if (text.len > BLAST_TEXT_BYTES_MAX)
        text.len = BLAST_TEXT_BYTES_MAX;
    /* Not in the middle of a character. */
    while (text.len == BLAST_TEXT_BYTES_MAX && (text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

static void
put_attributes(struct decoder *d, struct mime *m)
{
    struct draft *draft = mailbox_draft(d);
    struct tl_str name, value;

    for (size_t i = 0; mime_field(m, i, &name, &value); i++)
        if (is_kept(name))
            draft_attribute(draft, draft_copy(draft, name), draft_copy(draft, value));
}

static void
put_event(struct decoder *d, struct mime *m, const struct mailing *mailing, struct tl_str recipient,
          bool one_of_several)
{
    struct draft *draft = mailbox_draft(d);
    struct tl_event *ev = mailbox_begin(d, "email.sent", "outbound");
    struct tl_str address = draft_copy(draft, recipient);

    ev->id = mailing->message.len > 0 ? draft_copy(draft, mailing->message)
                                      : draft_hash(draft, "blast", mailbox_record(d));
    if (one_of_several)
        ev->id = draft_printf(draft, "%.*s/%.*s", (int)ev->id.len, ev->id.ptr, (int)address.len,
                              address.ptr);
    if (ev->id.len > BLAST_ID_BYTES_MAX)
        ev->id = draft_hash(draft, "blast", ev->id);
    ev->time = mime_date(mime_header(m, "Date"));
    draft_identifier(draft, TL_STR("email"), address);
    /* Shared by several, they would make them one. */
    if (!one_of_several)
        mailing_identify(mailing, draft);
    mailing_put(mailing, draft, "made");
    draft->message.recipient = address;
    draft->message.text = draft_copy(draft, shortened(mime_text(m)));
    put_attributes(d, m);
    mailbox_event(d);
}

static void
read_message(struct decoder *d, struct mime *m)
{
    struct tl_str to[BLAST_RECIPIENTS_MAX];
    struct mailing mailing;
    size_t count = recipients(m, to);

    if (count == 0) {
        mailbox_refuse(d, "a message to nobody: no To, Cc or Bcc, and no envelope noted");
    } else if (count > BLAST_RECIPIENTS_MAX) {
        mailbox_refuse(d, "a message to more than 100");
    } else {
        mailing_read(&mailing, m);
        for (size_t i = 0; i < count; i++)
            put_event(d, m, &mailing, to[i], count > 1);
    }
}

static const struct mailbox_format format = {"blast", read_message};

int
blast_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
           char *why)
{
    return mailbox_open(out, &format, o, sink, why);
}
