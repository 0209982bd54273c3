/* join.h -- a table beside the input, looked up by one of its columns. */

#ifndef ADAPTERS_CSV_JOIN_H
#define ADAPTERS_CSV_JOIN_H

#include "client/touchline.h"

#define JOIN_WHY_BYTES 512
#define JOIN_BYTES_MAX (256u << 20)     /* of memory for one table */

struct join;

/* Reads the table's text (a header row, then rows with a value of their own in
 * `key`).  Returns 0, or -1 with a sentence. */
int join_open(struct join **out, struct tl_str table, struct tl_str key, struct tl_str text,
              char delimiter, char why[JOIN_WHY_BYTES]);
void join_close(struct join **j);

int join_column(const struct join *j, struct tl_str name);      /* -1: there is none */
const struct tl_str *join_find(const struct join *j, struct tl_str value);  /* the row, or NULL */

#endif
