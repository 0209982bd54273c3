#include "adapters/call/rows.h"

#include <stdlib.h>

#include "adapters/csv/csv.h"
#include "adapters/text.h"
#include "base/must.h"

struct rows {
    struct csv *csv;
    struct calls *calls;
    struct decoder *d;
};

void
rows_again(struct row *r)
{
    reader_begin(r->d);
    for (size_t i = 0; i < r->count && i < ROWS_COLUMNS_MAX; i++)
        r->columns[i] = text_trim(draft_copy(r->draft, r->csv->fields[i]));
}

static void
on_row(void *arg, const struct csv_row *csv)
{
    struct rows *rows = arg;
    struct decoder *d = rows->d;
    struct row r = {.d = d, .draft = &d->draft, .calls = rows->calls, .csv = csv,
                    .raw = csv->raw, .count = csv->count};

    d->line = csv->line;
    rows_again(&r);
    /* A kind begins with its reader's. */
    ((const struct rows_kind *)(const void *)d->kind)->read(&r);
}

static void
on_bad(void *arg, struct tl_str raw, uint64_t line, const char *reason)
{
    struct rows *rows = arg;

    rows->d->line = line;
    reader_reject(rows->d, raw, reason);
}

void *
rows_begin(void)
{
    struct rows *rows = calloc(1, sizeof *rows);
    struct csv_sink sink = {on_row, on_bad, rows};

    must(rows != NULL && (rows->csv = csv_reader_new(',', &sink)) != NULL);
    rows->calls = calls_new();
    return rows;
}

void
rows_finish(void *state)
{
    struct rows *rows = state;

    csv_reader_free(&rows->csv);
    calls_free(rows->calls);
    free(rows);
}

int
rows_open(struct decoder **out, const struct rows_kind *kind, const struct format_options *o,
          const struct format_sink *sink, char *why)
{
    return reader_open(out, &kind->reader, o, sink, why);
}

void
rows_feed(struct decoder *d, const void *bytes, size_t len)
{
    struct rows *rows = d->state;

    rows->d = d;
    if (bytes != NULL)
        csv_reader_feed(rows->csv, bytes, len);
    else
        csv_reader_end(rows->csv);
}

void
rows_keep(struct row *r, const struct rows_attribute *attributes, size_t columns_known)
{
    for (; attributes->name != NULL; attributes++)
        draft_attribute(r->draft, text_of(attributes->name), r->columns[attributes->column]);
    for (size_t i = columns_known; i < r->count && i < ROWS_COLUMNS_MAX; i++)
        draft_attribute(r->draft, draft_printf(r->draft, "column%zu", i + 1), r->columns[i]);
    if (r->count > ROWS_COLUMNS_MAX)
        r->draft->attributes_more += r->count - ROWS_COLUMNS_MAX;
}
