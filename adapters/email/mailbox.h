/* mailbox.h -- what the formats that are mail have in common: one message, or many
 * of them as mbox has them (a line `From ` before each), become messages taken
 * apart, one at a time. */

#ifndef ADAPTERS_MAILBOX_H
#define ADAPTERS_MAILBOX_H

#include "adapters/draft.h"
#include "adapters/email/mime.h"
#include "adapters/formats.h"

#define MAILBOX_MESSAGE_BYTES_MAX (32u << 20)

struct mailbox_format {
    const char *name;
    /* Calls mailbox_event for each event, or mailbox_refuse. */
    void (*message)(struct decoder *d, struct mime *m);
};

int mailbox_open(struct decoder **out, const struct mailbox_format *format,
                 const struct format_options *o, const struct format_sink *sink, char *why);
void mailbox_feed(struct decoder *d, const void *bytes, size_t len);
void mailbox_end(struct decoder *d);
void mailbox_close(struct decoder **d);

/* For a format's message(): the event being made, and the message's bytes. */
struct draft *mailbox_draft(struct decoder *d);
struct tl_str mailbox_record(const struct decoder *d);

/* Begins an event of the channel, with the source. */
struct tl_event *mailbox_begin(struct decoder *d, const char *type, const char *direction);
/* An id for what the message says (`text`) of somebody.  The same report has the same
 * ids, whichever way it came; two of one Message-ID, as some mailers write, have not. */
struct tl_str mailbox_id(struct decoder *d, struct mime *m, struct tl_str text,
                         struct tl_str who);
void mailbox_event(struct decoder *d);
void mailbox_refuse(struct decoder *d, const char *reason);

#endif
