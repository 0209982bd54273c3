/* rows.h -- the CSV files of Asterisk: no header, columns by position. */

#ifndef ADAPTERS_CALL_ROWS_H
#define ADAPTERS_CALL_ROWS_H

#include "adapters/call/calls.h"
#include "adapters/reading.h"

#define ROWS_COLUMNS_MAX 32

struct csv_row;

struct row {
    struct decoder *d;
    struct draft *draft;
    struct calls *calls;
    const struct csv_row *csv;
    struct tl_str raw;
    struct tl_str columns[ROWS_COLUMNS_MAX];    /* what there is not is empty */
    size_t count;
};

struct rows_kind {
    struct reader_kind reader;
    /* An event is begun; the row's text is the draft's. */
    void (*read)(struct row *r);
};

int rows_open(struct decoder **out, const struct rows_kind *kind, const struct format_options *o,
              const struct format_sink *sink, char *why);

/* For a kind's `reader`. */
void rows_feed(struct decoder *d, const void *bytes, size_t len);
void *rows_begin(void);
void rows_finish(void *state);

/* Begins another event of the same row. */
void rows_again(struct row *r);

/* Columns by name become attributes, unless they are empty; the list ends with a
 * name NULL.  What is beyond the last column of a format is column20 and so on. */
struct rows_attribute {
    const char *name;
    size_t column;
};

void rows_keep(struct row *r, const struct rows_attribute *attributes, size_t columns_known);

#endif
