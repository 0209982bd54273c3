/* print.h -- how the command says things: for eyes (tables, dates, money) and
 * for programs (JSON, CSV).
 *
 * What others wrote is shown without its control characters, so that no
 * customer's name can move a terminal's cursor. */

#ifndef TOOLS_PRINT_H
#define TOOLS_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "client/touchline.h"

#define PRINT_WHEN_BYTES 40
#define PRINT_MONEY_BYTES 40

/* ---------------------------------------------------------------- for eyes */

/* A moment as one says it at `now`, in local time: "today 14:03",
 * "last Tue 14:03", "20 Apr 2016".  0 is "". */
char *print_when(char out[PRINT_WHEN_BYTES], int64_t ns, int64_t now);

/* "2 Jun 2017 14:03:05", in local time. */
char *print_moment(char out[PRINT_WHEN_BYTES], int64_t ns);

/* 1234567 minor units of USD are "12,345.67 USD". */
char *print_money(char out[PRINT_MONEY_BYTES], int64_t minor, struct tl_str currency);

/* "1,234,567" */
char *print_count(char out[32], uint64_t count);

/* Appends text fit for a terminal: control characters become blanks. */
void print_clean(struct buf *out, struct tl_str text);

/* Columns on a terminal. */
int print_width(struct tl_str text);

/* Rows of cells, aligned when printed; the last column runs on. */
struct print_table {
    struct buf cells;       /* each with its NUL */
    size_t columns;
    size_t count;           /* of cells */
    unsigned right;         /* bit i: column i is aligned to the right */
};

/* Adds a cell; the row is full when every column has one. */
void print_cell(struct print_table *t, struct tl_str text);
__attribute__((format(printf, 2, 3))) void print_cellf(struct print_table *t, const char *fmt, ...);

/* Prints the rows, each after `indent` blanks, none wider than the terminal,
 * and empties the table.  Returns 0 or TL_ENOMEM. */
int print_rows(struct print_table *t, int indent, FILE *out);

/* ------------------------------------------------------------ for programs */

/* Appends "text" with its quotes, escaped as JSON or as CSV (RFC 4180). */
void print_json_text(struct buf *out, struct tl_str text);
void print_csv_text(struct buf *out, struct tl_str text);

/* Writes the line in `out`, a newline added, flushes it if `flush`, and empties
 * it.  Returns 0, TL_ENOMEM, or TL_EIO when standard output takes no more. */
int print_line(struct buf *out, bool flush);

/* The reply's JSON as a line.  The same codes. */
int print_reply(const struct tl_reply *reply);

#endif
