/* tables.h -- the map and the joined tables of a table that was dropped.
 *
 * Maps are files NAME.map of one folder; a table is read by the one with the longest
 * NAME its own name begins with: `transactions-2024-05-01.csv` by `transactions.map`.
 * What a map joins is looked for beside the table, among those read before it (done/),
 * and beside the map. */

#ifndef ADAPTERS_TABLES_H
#define ADAPTERS_TABLES_H

#include "adapters/formats.h"

#define TABLES_WHY_BYTES 512
#define TABLES_MAX 8                        /* joined to one */
#define TABLES_BYTES_MAX (256u << 20)       /* of one that is joined */

struct tables {
    const char *maps;
    char dir[4096];
    char map_name[256];
    char *map_text;
    char *joined[TABLES_MAX];
    size_t joined_count;
};

/* Every map there is can be read; 0 or -1 with a sentence. */
int tables_check(const char *maps, char why[TABLES_WHY_BYTES]);

/* Sets what options say of the map, for the table at `path`; lives until tables_close.
 * 0 or -1 with a sentence: none fits, or it cannot be read. */
int tables_open(struct tables *t, const char *maps, const char *path,
                struct format_options *options, char why[TABLES_WHY_BYTES]);
void tables_close(struct tables *t);

#endif
