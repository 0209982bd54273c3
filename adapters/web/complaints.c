#include "adapters/web/complaints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/csv/csv.h"
#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/listening.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/zone.h"

#define WHY_BYTES 512
#define COLUMNS_MAX 64
#define COLUMN_BYTES 64
#define LINE_BYTES_MAX (1u << 20)
#define ID_BYTES_MAX 256

struct decoder {
    struct format_sink sink;
    struct tl_str source, region;
    struct zone *zone;
    struct draft draft;
    struct csv *csv;
    bool begun, is_json, skipping;
    struct buf line;            /* of JSON, not yet whole */
    uint64_t line_number;
    size_t columns_count;       /* 0: the header is to come */
    char columns[COLUMNS_MAX][COLUMN_BYTES];
    struct map seen;            /* rows without a number -> how many were equal */
};

static const struct {
    const char *submitted, *channel;
} channels[] = {
    {"Web", "web"},   {"Web Referral", "web"}, {"Phone", "call"},  {"Postal mail", "mail"},
    {"Fax", "fax"},   {"Referral", "referral"}, {"Email", "email"},
};

/* --------------------------------------------------------------- complaint */

/* 9/24/19, or what ISO 8601 writes; an empty one is not known (yet). */
static bool
read_date(const struct decoder *d, struct draft *draft, struct tl_str text, int64_t *ns)
{
    struct timeformat_time t = {0};
    const char *slash = text.len > 0 ? memrchr(text.ptr, '/', text.len) : NULL;

    *ns = 0;
    if (text.len == 0)
        return true;
    if (slash != NULL && text.ptr + text.len - slash == 3)
        text = draft_printf(draft, "%.*s20%.*s", (int)(slash + 1 - text.ptr), text.ptr, 2,
                            slash + 1);
    if (!timeformat_iso(&t, text, d->zone)
        && !timeformat_read(&t, text, TL_STR("%m/%d/%Y"), d->zone, false))
        return false;
    *ns = t.ns;
    return true;
}

static struct tl_str
channel_of(struct draft *draft, struct value *row)
{
    struct tl_str submitted = member_text(draft, row, "submitted_via");

    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
        if (text_is(submitted, channels[i].submitted))
            return text_of(channels[i].channel);
    return TL_STR("feed");
}

static struct tl_str
state_of(struct draft *draft, struct value *row)
{
    struct tl_str said = member_text(draft, row, "company_response");

    return said.len >= 6 && memcmp(said.ptr, "Closed", 6) == 0 ? TL_STR("resolved")
                                                                : TL_STR("heard");
}

/* Of a row without a number: which of its equals it is. */
static uintptr_t
occurrence(struct decoder *d, struct tl_str hash)
{
    void **count = map_put(&d->seen, hash.ptr, hash.len);

    *count = (void *)((uintptr_t)*count + 1);
    return (uintptr_t)*count;
}

static void
put_ids(struct decoder *d, struct value *row)
{
    struct draft *draft = &d->draft;
    struct tl_str number = member_take_id(draft, row, "complaint_id", ID_BYTES_MAX - 26);
    struct tl_str hash;

    /* When a row was exported is not the complaint's. */
    value_drop(row, ":updated_at");
    value_drop(row, ":created_at");
    value_drop(row, "date_indexed");
    value_drop(row, "date_indexed_formatted");
    hash = member_hash(draft, "complaints", row);
    if (number.len == 0)
        number = draft_printf(draft, "%.*s-%zu", (int)hash.len, hash.ptr,
                              (size_t)occurrence(d, hash));
    draft->event.id = draft_printf(draft, "%.*s-%.*s", (int)number.len, number.ptr, (int)hash.len,
                                   hash.ptr);
    draft->event.subject = number;
    draft->feedback.id = number;
    draft_identifier(draft, TL_STR("x-complaint"), number);
}

static void
put_feedback(struct draft *draft, struct value *row)
{
    static const char *const texts[] = {"complaint_what_happened",
                                        "consumer_complaint_narrative"};
    struct tl_feedback *f = &draft->feedback;

    f->kind = TL_STR("complaint");
    f->is_public = true;
    f->state = state_of(draft, row);
    f->title = member_take(draft, row, "issue");
    f->product = member_take(draft, row, "product");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (f->text.len == 0)
            f->text = listening_text(draft, member_text(draft, row, texts[i]));
        value_drop(row, texts[i]);
    }
    draft->event.feedback = f;
}

static void
read_row(struct decoder *d, struct value *row, struct tl_str record, uint64_t line)
{
    struct draft *draft = &d->draft;
    struct tl_event *ev = &draft->event;

    draft_begin(draft);
    if (!read_date(d, draft, member_text(draft, row, "date_received"), &ev->time)) {
        d->sink.reject(d->sink.arg, record, line,
                       "a `date_received` that is no date from 1970 to 2100");
        return;
    }
    if (member_text(draft, row, "issue").len == 0 && member_text(draft, row, "product").len == 0) {
        d->sink.reject(d->sink.arg, record, line, "neither `issue` nor `product`");
        return;
    }
    ev->source = d->source;
    ev->region = d->region;
    ev->type = TL_STR("feedback.complaint");
    ev->direction = TL_STR("inbound");
    ev->channel = channel_of(draft, row);
    put_ids(d, row);
    put_feedback(draft, row);
    value_drop(row, "date_received");
    value_drop(row, "date_received_formatted");
    member_attributes(draft, row, "");
    draft_end(draft);
    if (draft->failed)
        d->sink.reject(d->sink.arg, record, line, "a row of more than a MiB");
    else
        d->sink.event(d->sink.arg, ev);
}

/* --------------------------------------------------------------------- CSV */

/* The names of the newer header are those of the older and of JSON, but for
 * capitals, blanks and these. */
static const char *
short_name(const char *column)
{
    static const char *const names[][2] = {
        {"company_response_to_consumer", "company_response"},
        {"consumer_consent_provided_", "consumer_consent_provided"},
        {"timely_response_", "timely"},
        {"consumer_disputed_", "consumer_disputed"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(column, names[i][0]) == 0)
            return names[i][1];
    return column;
}

static void
read_header(struct decoder *d, const struct csv_row *row)
{
    char name[COLUMN_BYTES];

    d->columns_count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        struct tl_str text = text_trim(row->fields[i]);
        size_t len = 0;

        for (; len < text.len && len < sizeof name - 1; len++) {
            char c = text.ptr[len];
            char lower = (char)(c | 0x20);

            name[len] = lower >= 'a' && lower <= 'z' ? lower
                        : (c >= '0' && c <= '9') ? c : '_';
        }
        name[len] = '\0';
        snprintf(d->columns[i], COLUMN_BYTES, "%s", short_name(name));
    }
}

static void
on_row(void *arg, const struct csv_row *row)
{
    struct decoder *d = arg;
    struct value *object;
    bool ok = true;

    if (row->count > COLUMNS_MAX || (d->columns_count > 0 && row->count != d->columns_count)) {
        d->sink.reject(d->sink.arg, row->raw, row->line,
                       d->columns_count > 0 ? "not as many fields as the header has"
                                            : "a header of more than 64 columns");
        return;
    }
    if (d->columns_count == 0) {
        read_header(d, row);
        return;
    }
    values_clear(&d->draft.json);
    object = values_object(&d->draft.json);
    for (size_t i = 0; ok && i < row->count; i++)
        if (row->fields[i].len > 0)
            ok = value_put(&d->draft.json, object, text_of(d->columns[i]),
                           values_string(&d->draft.json, row->fields[i]));
    if (ok)
        read_row(d, object, row->raw, row->line);
    else
        d->sink.reject(d->sink.arg, row->raw, row->line, "a row that is not UTF-8");
}

static void
on_bad(void *arg, struct tl_str raw, uint64_t line, const char *reason)
{
    struct decoder *d = arg;

    d->sink.reject(d->sink.arg, raw, line, reason);
}

/* ----------------------------------------------------------- lines of JSON */

static void
read_line(struct decoder *d)
{
    struct tl_str text = text_trim((struct tl_str){(const char *)d->line.ptr, d->line.len});
    struct parse_error error = {0};
    char why[WHY_BYTES];
    struct value *row;

    d->line_number++;
    if (d->skipping) {
        d->sink.reject(d->sink.arg, text, d->line_number, "a line of more than a MiB");
    } else if (text.len > 0) {
        values_clear(&d->draft.json);
        row = parse_json(&d->draft.json, text, &error);
        if (value_is_object(row)) {
            read_row(d, row, text, d->line_number);
        } else {
            snprintf(why, sizeof why, "no JSON object: %s",
                     row == NULL ? error.text : "something else");
            d->sink.reject(d->sink.arg, text, d->line_number, why);
        }
    }
    buf_clear(&d->line);
    d->skipping = false;
}

static void
feed_json(struct decoder *d, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t piece = end != NULL ? (size_t)(end - bytes) : len;
        size_t room = LINE_BYTES_MAX - d->line.len;

        d->skipping = d->skipping || piece > room;
        buf_append(&d->line, bytes, piece > room ? room : piece);
        if (end != NULL) {
            read_line(d);
            piece++;
        }
        bytes += piece;
        len -= piece;
    }
}

/* ----------------------------------------------------------------- decoder */

int
complaints_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why)
{
    struct decoder *d = calloc(1, sizeof *d);
    const struct csv_sink rows = {on_row, on_bad, d};
    char zone_why[ZONE_WHY_BYTES] = "out of memory";

    if (d == NULL || (d->csv = csv_reader_new(',', &rows)) == NULL
        || zone_open(&d->zone, o->timezone != NULL ? o->timezone : "UTC", zone_why) != 0) {
        snprintf(why, WHY_BYTES, "%s", zone_why);
        complaints_close(&d);
        return TL_EARGUMENT;
    }
    d->sink = *sink;
    d->source = text_of(o->source != NULL ? o->source : "complaints");
    d->region = text_of(o->region);
    draft_init(&d->draft);
    *out = d;
    return 0;
}

void
complaints_feed(struct decoder *d, const void *bytes, size_t len)
{
    if (!d->begun && len > 0) {
        d->begun = true;
        d->is_json = *(const char *)bytes == '{';
    }
    if (d->is_json)
        feed_json(d, bytes, len);
    else
        csv_reader_feed(d->csv, bytes, len);
}

void
complaints_end(struct decoder *d)
{
    if (d->is_json && d->line.len > 0)
        read_line(d);
    if (!d->is_json)
        csv_reader_end(d->csv);
    d->begun = d->is_json = false;
    d->columns_count = 0;
    d->line_number = 0;
    map_fini(&d->seen);
    d->seen = (struct map){0};
}

void
complaints_close(struct decoder **d)
{
    if (*d == NULL)
        return;
    csv_reader_free(&(*d)->csv);
    zone_close(&(*d)->zone);
    draft_fini(&(*d)->draft);
    buf_free(&(*d)->line);
    map_fini(&(*d)->seen);
    free(*d);
    *d = NULL;
}
