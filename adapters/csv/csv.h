/* csv.h -- bytes to rows, by RFC 4180 (libcsv).
 *
 * Blanks belong to a field.  Lines end in LF or CR LF; inside of quotes CR LF
 * becomes LF.  A row that is not CSV is given back, and reading goes on with
 * the next line.  Empty lines are passed over. */

#ifndef ADAPTERS_CSV_H
#define ADAPTERS_CSV_H

#include <stdbool.h>

#include "client/touchline.h"

#define CSV_ROW_BYTES_MAX (64u << 10)
#define CSV_FIELDS_MAX 1024

struct csv_row {
    const struct tl_str *fields;
    size_t count;
    struct tl_str raw;          /* as in the input, without the line's end */
    uint64_t line;              /* where it began, from 1 */
};

struct csv_sink {
    /* Both borrow for the call. */
    void (*row)(void *arg, const struct csv_row *row);
    void (*bad)(void *arg, struct tl_str raw, uint64_t line, const char *reason);
    void *arg;
};

struct csv;

/* The names leave libcsv's own alone. */
struct csv *csv_reader_new(char delimiter, const struct csv_sink *sink);    /* NULL: no memory */
void csv_reader_free(struct csv **csv);
void csv_reader_feed(struct csv *csv, const void *bytes, size_t len);
void csv_reader_end(struct csv *csv);   /* the input is complete; another one may begin */

#endif
