#include "adapters/csv/csv.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

struct csv {
    struct csv_parser parser;
    struct csv_sink sink;

    struct buf input;
    size_t start;               /* where the row begins in it */
    size_t fed;                 /* bytes of the row the parser has */
    uint64_t line;              /* of the row */
    bool begun;                 /* past a byte order mark */
    bool skipping;              /* the rest of a line that was too long */

    struct buf cells;           /* the row's fields, one after the other */
    size_t ends[CSV_FIELDS_MAX];
    struct tl_str fields[CSV_FIELDS_MAX];
    size_t count;
    bool complete;
};

/* libcsv drops these at a field's end: the CR of CR LF. */
static int
is_blank(unsigned char c)
{
    return c == '\r';
}

static int
is_end(unsigned char c)
{
    return c == '\n';
}

struct csv *
csv_reader_new(char delimiter, const struct csv_sink *sink)
{
    struct csv *csv = calloc(1, sizeof *csv);

    if (csv == NULL)
        return NULL;
    if (csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        free(csv);
        return NULL;
    }
    csv_set_delim(&csv->parser, (unsigned char)delimiter);
    csv_set_space_func(&csv->parser, is_blank);
    csv_set_term_func(&csv->parser, is_end);
    csv->sink = *sink;
    csv->line = 1;
    return csv;
}

void
csv_reader_free(struct csv **csv)
{
    if (*csv == NULL)
        return;
    csv_free(&(*csv)->parser);
    buf_free(&(*csv)->input);
    buf_free(&(*csv)->cells);
    free(*csv);
    *csv = NULL;
}

/* ---------------------------------------------------------------- libcsv */

static void
take_field(void *bytes, size_t len, void *arg)
{
    struct csv *csv = arg;
    const char *at = bytes;

    for (size_t i = 0; i < len;) {
        const char *cr = memchr(at + i, '\r', len - i);
        size_t stop = cr != NULL ? (size_t)(cr - at) : len;

        buf_append(&csv->cells, at + i, stop - i);
        if (cr != NULL && (stop + 1 == len || at[stop + 1] != '\n'))
            buf_byte(&csv->cells, '\r');
        i = stop + 1;
    }
    if (csv->count < CSV_FIELDS_MAX)
        csv->ends[csv->count] = csv->cells.len;
    csv->count++;
}

static void
take_row(int c, void *arg)
{
    struct csv *csv = arg;

    (void)c;
    csv->complete = true;
}

/* ------------------------------------------------------------------ rows */

static const char *
row_at(const struct csv *csv)
{
    return (const char *)csv->input.ptr + csv->start;
}

static size_t
row_left(const struct csv *csv)
{
    return csv->input.len - csv->start;
}

/* Bytes of the row up to the end of the line at `from`; 0: no end in sight. */
static size_t
line_end(const struct csv *csv, size_t from)
{
    size_t left = row_left(csv);
    const char *nl = from < left ? memchr(row_at(csv) + from, '\n', left - from) : NULL;

    return nl != NULL ? (size_t)(nl - row_at(csv)) + 1 : 0;
}

static struct tl_str
raw_row(const struct csv *csv, size_t bytes)
{
    const char *at = row_at(csv);

    if (bytes > 0 && at[bytes - 1] == '\n')
        bytes--;
    while (bytes > 0 && at[bytes - 1] == '\r')
        bytes--;
    return (struct tl_str){at, bytes};
}

/* The next row begins `bytes` further on. */
static void
advance(struct csv *csv, size_t bytes)
{
    const char *at = row_at(csv), *end = at + bytes;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        csv->line++;
        at++;
    }
    csv->start += bytes;
    csv->fed = 0;
    /* A strict csv_fini that finds a quote open does not begin anew. */
    csv_set_opts(&csv->parser, CSV_STRICT);
    csv_fini(&csv->parser, NULL, NULL, NULL);
    csv_set_opts(&csv->parser, CSV_STRICT | CSV_STRICT_FINI);
    buf_clear(&csv->cells);
    csv->count = 0;
    csv->complete = false;
}

/* Only the first line: what follows may be sound again. */
static void
reject_line(struct csv *csv, const char *reason)
{
    size_t bytes = line_end(csv, 0);

    if (bytes == 0)
        bytes = row_left(csv);
    csv->sink.bad(csv->sink.arg, raw_row(csv, bytes), csv->line, reason);
    csv->skipping = row_at(csv)[bytes - 1] != '\n';
    advance(csv, bytes);
}

static void
give_row(struct csv *csv, size_t bytes)
{
    const char *cells = csv->cells.len > 0 ? (const char *)csv->cells.ptr : "";
    struct csv_row row = {csv->fields, csv->count, raw_row(csv, bytes), csv->line};
    const char *reason = csv->count > CSV_FIELDS_MAX ? "a row of more than 1024 columns"
                         : csv->cells.failed ? "out of memory"
                         : !utf8_text(cells, csv->cells.len)
                             ? "not UTF-8 text, or control characters in it"
                             : NULL;
    size_t from = 0;

    if (reason != NULL) {
        csv->sink.bad(csv->sink.arg, row.raw, row.line, reason);
        return;
    }
    for (size_t i = 0; i < csv->count; i++) {
        csv->fields[i] = (struct tl_str){cells + from, csv->ends[i] - from};
        from = csv->ends[i];
    }
    csv->sink.row(csv->sink.arg, &row);
}

/* Hands the row's bytes up to `end` to libcsv.  Returns what is wrong with it. */
static const char *
parse(struct csv *csv, size_t end, bool final)
{
    size_t len = end - csv->fed;

    if (csv_parse(&csv->parser, row_at(csv) + csv->fed, len, take_field, take_row, csv) != len)
        return csv_error(&csv->parser) == CSV_EPARSE ? "a quote where CSV allows none"
                                                     : "out of memory";
    csv->fed = end;
    if (csv->complete || !final || end < row_left(csv))
        return NULL;
    return csv_fini(&csv->parser, take_field, take_row, csv) == 0
               ? NULL : "a quote that is not closed";
}

static void
skip_mark(struct csv *csv)
{
    csv->begun = true;
    if (row_left(csv) >= 3 && memcmp(row_at(csv), "\xef\xbb\xbf", 3) == 0)
        csv->start += 3;
}

/* Reads one line.  Returns false when there is none. */
static bool
step(struct csv *csv, bool final)
{
    size_t end = line_end(csv, csv->fed);
    const char *reason;

    if (row_left(csv) == 0 || (end == 0 && !final && row_left(csv) <= CSV_ROW_BYTES_MAX))
        return false;
    if (!csv->begun) {
        skip_mark(csv);
        return true;
    }
    if (end == 0)
        end = row_left(csv);
    if (end > CSV_ROW_BYTES_MAX) {
        reject_line(csv, "a row of more than 64 KiB");
    } else if (csv->fed == 0 && raw_row(csv, end).len == 0) {
        advance(csv, end);
    } else if ((reason = parse(csv, end, final)) != NULL) {
        reject_line(csv, reason);
    } else if (csv->complete) {
        give_row(csv, end);
        advance(csv, end);
    }
    return true;
}

void
csv_reader_feed(struct csv *csv, const void *bytes, size_t len)
{
    const char *nl;

    if (csv->skipping) {
        if ((nl = memchr(bytes, '\n', len)) == NULL)
            return;
        len -= (size_t)(nl + 1 - (const char *)bytes);
        bytes = nl + 1;
        csv->skipping = false;
        csv->line++;
    }
    buf_append(&csv->input, bytes, len);
    if (csv->input.failed) {
        csv->sink.bad(csv->sink.arg, (struct tl_str){bytes, len}, csv->line, "out of memory");
        csv->input.failed = false;
    }
    while (step(csv, false))
        ;
    buf_drop_front(&csv->input, csv->start);
    csv->start = 0;
}

void
csv_reader_end(struct csv *csv)
{
    while (step(csv, true))
        ;
    buf_clear(&csv->input);
    csv->start = 0;
    csv->line = 1;
    csv->begun = csv->skipping = false;
}
