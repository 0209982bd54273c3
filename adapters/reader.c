#include "adapters/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/text.h"

#define NAME_BYTES 100

/* ----------------------------------------------------------------- records */

size_t
reader_body(struct tl_str have, bool final)
{
    return final ? have.len : 0;
}

size_t
reader_line(struct tl_str have, bool final)
{
    const char *end = memchr(have.ptr, '\n', have.len);

    if (end != NULL)
        return (size_t)(end - have.ptr) + 1;
    return final ? have.len : 0;
}

/* Blank lines belong to the block before them. */
size_t
reader_block(struct tl_str have, bool final)
{
    size_t begin = 0;

    for (const char *end; (end = memchr(have.ptr + begin, '\n', have.len - begin)) != NULL;) {
        size_t next = (size_t)(end - have.ptr) + 1;
        bool blank = next - begin == 1 || (next - begin == 2 && have.ptr[begin] == '\r');

        if (blank)
            return next;
        begin = next;
    }
    return final ? have.len : 0;
}

static uint64_t
lines_in(struct tl_str record)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < record.len; i++)
        lines += record.ptr[i] == '\n';
    return lines;
}

static void
reject_long(struct decoder *d, struct tl_str record)
{
    record.len = READER_RECORD_BYTES_MAX;
    reader_reject(d, record, "a record of more than 1 MiB; this is its beginning");
}

static void
take(struct decoder *d, struct tl_str record)
{
    if (d->skipping)
        d->skipping = false;
    else if (record.len > READER_RECORD_BYTES_MAX)
        reject_long(d, record);
    else if (text_trim(record).len > 0)
        d->kind->read(d, record);
    values_clear(&d->draft.json);
    d->offset += record.len;
    d->line += lines_in(record);
}

/* Holds nothing of a record that is too long but the line it is in: whether that
 * is an empty one must still be seen. */
static void
skip(struct decoder *d)
{
    const char *end = memrchr(d->held.ptr, '\n', d->held.len);
    size_t len = end != NULL ? (size_t)(end - (const char *)d->held.ptr) + 1 : d->held.len - 2;

    d->skipping = true;
    d->offset += len;
    d->line += lines_in((struct tl_str){(const char *)d->held.ptr, len});
    buf_drop_front(&d->held, len);
}

static void
take_records(struct decoder *d, bool final)
{
    size_t done = 0, len;

    while (done < d->held.len) {
        struct tl_str have = {(const char *)d->held.ptr + done, d->held.len - done};

        if ((len = d->kind->next(have, final)) == 0)
            break;
        take(d, (struct tl_str){have.ptr, len});
        done += len;
    }
    buf_drop_front(&d->held, done);
    if (d->held.len <= READER_RECORD_BYTES_MAX)
        return;
    if (!d->skipping)
        reject_long(d, (struct tl_str){(const char *)d->held.ptr, d->held.len});
    skip(d);
}

/* ----------------------------------------------------------------- decoder */

static void
prepare(struct decoder *d)
{
    buf_clear(&d->held);
    d->skipping = false;
    d->offset = 0;
    d->line = 1;
    if (d->state != NULL)
        d->kind->end(d->state);
    d->state = d->kind->begin != NULL ? d->kind->begin() : NULL;
}

int
reader_open(struct decoder **out, const struct reader_kind *kind, const struct format_options *o,
            const struct format_sink *sink, char *why)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d == NULL) {
        snprintf(why, READER_WHY_BYTES, "out of memory");
        return TL_EARGUMENT;
    }
    d->kind = kind;
    d->sink = *sink;
    d->source = text_of(o->source != NULL ? o->source : kind->source);
    d->region = text_of(o->region);
    d->timezone = text_of(o->timezone != NULL ? o->timezone : "UTC");
    draft_init(&d->draft);
    if (zone_open(&d->zone, d->timezone.ptr, why) != 0) {
        reader_close(&d);
        return TL_EARGUMENT;
    }
    prepare(d);
    *out = d;
    return 0;
}

void
reader_feed(struct decoder *d, const void *bytes, size_t len)
{
    const char *at = bytes;

    if (d->kind->feed != NULL) {
        d->kind->feed(d, bytes, len);
        return;
    }
    while (len > 0) {
        size_t piece = len < READER_RECORD_BYTES_MAX ? len : READER_RECORD_BYTES_MAX;

        buf_append(&d->held, at, piece);
        if (d->held.failed)
            return;         /* said at the end */
        take_records(d, false);
        at += piece;
        len -= piece;
    }
}

void
reader_end(struct decoder *d)
{
    if (d->kind->feed != NULL)
        d->kind->feed(d, NULL, 0);
    else if (d->held.failed)
        reader_reject(d, (struct tl_str){0}, "out of memory");
    else
        take_records(d, true);
    prepare(d);
}

void
reader_close(struct decoder **decoder)
{
    struct decoder *d = *decoder;

    if (d == NULL)
        return;
    if (d->state != NULL)
        d->kind->end(d->state);
    zone_close(&d->zone);
    draft_fini(&d->draft);
    buf_free(&d->held);
    free(d);
    *decoder = NULL;
}

/* ------------------------------------------------------------------ events */

struct tl_event *
reader_begin(struct decoder *d)
{
    draft_begin(&d->draft);
    d->draft.event.source = d->source;
    d->draft.event.region = d->region;
    return &d->draft.event;
}

static int
clipped(struct tl_str s)
{
    return (int)(s.len < NAME_BYTES ? s.len : NAME_BYTES);
}

void
reader_set_id(struct decoder *d, struct tl_str about, struct tl_str what, struct tl_str record)
{
    struct tl_str hash = draft_hash(&d->draft, d->kind->source, text_trim(record));

    /* Clipping may cut a character: the copy mends that. */
    d->draft.event.id = draft_copy(
        &d->draft, draft_printf(&d->draft, "%.*s%s%.*s-%.*s", clipped(about), about.ptr,
                                about.len > 0 ? "-" : "", clipped(what), what.ptr, (int)hash.len,
                                hash.ptr));
}

void
reader_emit(struct decoder *d, struct tl_str record)
{
    const struct tl_event *ev = draft_end(&d->draft);

    if (d->draft.failed)
        reader_reject(d, record, "more than a MiB of text");
    else
        d->sink.event(d->sink.arg, ev);
}

void
reader_reject(struct decoder *d, struct tl_str record, const char *reason)
{
    d->sink.reject(d->sink.arg, record, d->kind->by_line ? d->line : d->offset, reason);
}

void
reader_ignore(struct decoder *d, struct tl_str name)
{
    char text[NAME_BYTES];

    snprintf(text, sizeof text, "%.*s", (int)(name.len < NAME_BYTES ? name.len : NAME_BYTES - 1),
             name.ptr != NULL ? name.ptr : "");
    d->sink.ignored(d->sink.arg, text);
}
