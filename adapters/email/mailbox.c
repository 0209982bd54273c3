#include "adapters/email/mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/text.h"
#include "base/buf.h"

#define WHY_BYTES 512

static const char mark[] = "\nFrom ";

#define MARK_BYTES (sizeof mark - 1)

struct decoder {
    const struct mailbox_format *format;
    struct format_sink sink;
    struct tl_str source;
    struct tl_str region;
    struct draft draft;
    struct tl_str record;       /* the message being read, */
    uint64_t at;                /* and where it begins */
    struct buf bytes;
    size_t scanned;             /* of them: no message begins there */
    bool mbox;
    bool too_long;
};

/* ----------------------------------------------------------------- events */

struct draft *
mailbox_draft(struct decoder *d)
{
    return &d->draft;
}

struct tl_str
mailbox_record(const struct decoder *d)
{
    return d->record;
}

struct tl_event *
mailbox_begin(struct decoder *d, const char *type, const char *direction)
{
    struct tl_event *ev = &d->draft.event;

    draft_begin(&d->draft);
    ev->source = d->source;
    ev->region = d->region;
    ev->channel = TL_STR("email");
    ev->type = text_of(type);
    ev->direction = text_of(direction);
    return ev;
}

struct tl_str
mailbox_id(struct decoder *d, struct mime *m, struct tl_str text, struct tl_str who)
{
    struct tl_str message = mime_header(m, "Message-ID"), date = mime_header(m, "Date");

    return draft_hash(&d->draft, d->format->name,
                      draft_printf(&d->draft, "%.*s\n%.*s\n%.*s\n%.*s", (int)message.len,
                                   message.len > 0 ? message.ptr : "", (int)date.len,
                                   date.len > 0 ? date.ptr : "", (int)text.len,
                                   text.len > 0 ? text.ptr : "", (int)who.len,
                                   who.len > 0 ? who.ptr : ""));
}

void
mailbox_event(struct decoder *d)
{
    draft_end(&d->draft);
    if (d->draft.failed)
        mailbox_refuse(d, "a message of which more than a MiB would be kept");
    else if (d->draft.event.identifiers_count == 0)
        mailbox_refuse(d, "nothing in it says to whom it was");
    else
        d->sink.event(d->sink.arg, &d->draft.event);
}

void
mailbox_refuse(struct decoder *d, const char *reason)
{
    d->sink.reject(d->sink.arg, d->record, d->at, reason);
}

/* --------------------------------------------------------------- messages */

/* The first `len` bytes are a message, with or without mbox's line before it. */
static void
read_message(struct decoder *d, size_t len)
{
    struct tl_str whole = {(const char *)d->bytes.ptr, len};
    const char *line;
    struct mime *m;

    d->record = text_trim(whole);
    if (d->too_long || len > MAILBOX_MESSAGE_BYTES_MAX) {
        mailbox_refuse(d, "a message of more than 32 MiB");
        return;
    }
    if (d->mbox && (line = memchr(whole.ptr, '\n', len)) != NULL) {
        line++;
        d->record = (struct tl_str){line, (size_t)(whole.ptr + len - line)};
    }
    if (text_trim(d->record).len == 0)
        return;
    if ((m = mime_open(d->record)) == NULL) {
        mailbox_refuse(d, "out of memory");
        return;
    }
    d->format->message(d, m);
    mime_close(&m);
}

static void
drop(struct decoder *d, size_t len)
{
    buf_drop_front(&d->bytes, len);
    d->at += len;
    d->scanned = 0;
}

/* Reads the messages that another one follows. */
static void
read_complete(struct decoder *d)
{
    const unsigned char *next;

    while (d->mbox
           && (next = memmem(d->bytes.ptr + d->scanned, d->bytes.len - d->scanned, mark,
                             MARK_BYTES)) != NULL) {
        size_t len = (size_t)(next - d->bytes.ptr) + 1;

        read_message(d, len);
        drop(d, len);
        d->too_long = false;
    }
    d->scanned = d->bytes.len >= MARK_BYTES ? d->bytes.len - MARK_BYTES + 1 : 0;
}

/* Of a message too long only so much is kept as shows where it ends. */
static void
shorten(struct decoder *d)
{
    if (d->bytes.len <= MAILBOX_MESSAGE_BYTES_MAX)
        return;
    d->too_long = true;
    if (d->bytes.len > MARK_BYTES)
        drop(d, d->bytes.len - MARK_BYTES);
}

int
mailbox_open(struct decoder **out, const struct mailbox_format *format,
             const struct format_options *o, const struct format_sink *sink, char *why)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        return TL_EARGUMENT;
    }
    d->format = format;
    d->sink = *sink;
    d->source = text_of(o->source != NULL ? o->source : format->name);
    d->region = text_of(o->region);
    draft_init(&d->draft);
    *out = d;
    return 0;
}

void
mailbox_feed(struct decoder *d, const void *bytes, size_t len)
{
    bool decided = d->at > 0 || d->bytes.len >= MARK_BYTES;

    buf_append(&d->bytes, bytes, len);
    if (!decided && d->bytes.len >= MARK_BYTES)
        d->mbox = memcmp(d->bytes.ptr, mark + 1, MARK_BYTES - 1) == 0;
    if (d->mbox || d->bytes.len >= MARK_BYTES)
        read_complete(d);
    shorten(d);
}

void
mailbox_end(struct decoder *d)
{
    if (d->bytes.failed) {
        d->record = (struct tl_str){0};
        mailbox_refuse(d, "out of memory");
    } else if (d->bytes.len > 0) {
        read_message(d, d->bytes.len);
    }
    buf_clear(&d->bytes);
    d->at = d->scanned = 0;
    d->mbox = d->too_long = false;
}

void
mailbox_close(struct decoder **d)
{
    if (*d == NULL)
        return;
    draft_fini(&(*d)->draft);
    buf_free(&(*d)->bytes);
    free(*d);
    *d = NULL;
}
