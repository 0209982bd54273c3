#include "adapters/csv/join.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/csv/csv.h"
#include "adapters/text.h"
#include "base/arena.h"
#include "base/map.h"

struct join {
    struct tl_str table, key_name;
    struct tl_str *header;
    size_t columns;
    int key;
    struct map rows;            /* value of the key -> fields */
    struct arena text;
    char *why;                  /* while it is read; not empty: stop */
};

static void
fail(struct join *j, uint64_t line, const char *reason)
{
    if (j->why[0] == '\0')
        snprintf(j->why, JOIN_WHY_BYTES, "table %.*s, line %llu: %s", (int)j->table.len,
                 j->table.ptr, (unsigned long long)line, reason);
}

static struct tl_str *
keep(struct join *j, const struct csv_row *row)
{
    struct tl_str *fields = arena_alloc(&j->text, row->count * sizeof *fields);

    for (size_t i = 0; fields != NULL && i < row->count; i++) {
        struct tl_str value = text_trim(row->fields[i]);

        if ((fields[i].ptr = arena_copy(&j->text, value.ptr, value.len)) == NULL)
            return NULL;
        fields[i].len = value.len;
    }
    return fields;
}

static void
take_header(struct join *j, const struct csv_row *row)
{
    if ((j->header = keep(j, row)) == NULL) {
        fail(j, row->line, "out of memory");
        return;
    }
    j->columns = row->count;
    if ((j->key = join_column(j, j->key_name)) < 0)
        fail(j, row->line, "the header has no column of the join's key");
}

static void
take_row(void *arg, const struct csv_row *row)
{
    struct join *j = arg;
    struct tl_str *fields;
    void **place;

    if (j->why[0] != '\0')
        return;
    if (j->header == NULL) {
        take_header(j, row);
        return;
    }
    if (row->count != j->columns) {
        fail(j, row->line, "not as many columns as the header");
        return;
    }
    if ((fields = keep(j, row)) == NULL) {
        fail(j, row->line, "the table is too large to join");
        return;
    }
    place = map_put(&j->rows, fields[j->key].ptr, fields[j->key].len);
    if (*place != NULL)
        fail(j, row->line, "a second row with the same key");
    *place = fields;
}

static void
take_bad(void *arg, struct tl_str raw, uint64_t line, const char *reason)
{
    (void)raw;
    fail(arg, line, reason);
}

static bool
read_table(struct join *j, struct tl_str text, char delimiter)
{
    struct csv_sink sink = {take_row, take_bad, j};
    struct csv *csv = csv_reader_new(delimiter, &sink);

    if (csv == NULL) {
        fail(j, 0, "out of memory");
        return false;
    }
    csv_reader_feed(csv, text.ptr, text.len);
    csv_reader_end(csv);
    csv_reader_free(&csv);
    if (j->header == NULL)
        fail(j, 1, "no header row");
    return j->why[0] == '\0';
}

int
join_open(struct join **out, struct tl_str table, struct tl_str key, struct tl_str text,
          char delimiter, char why[JOIN_WHY_BYTES])
{
    struct join *j = calloc(1, sizeof *j);

    if (j == NULL) {
        snprintf(why, JOIN_WHY_BYTES, "out of memory");
        return -1;
    }
    why[0] = '\0';
    *j = (struct join){.table = table, .key_name = key, .why = why};
    arena_init(&j->text, JOIN_BYTES_MAX);
    if (!read_table(j, text, delimiter)) {
        join_close(&j);
        return -1;
    }
    *out = j;
    return 0;
}

void
join_close(struct join **j)
{
    if (*j == NULL)
        return;
    map_fini(&(*j)->rows);
    arena_fini(&(*j)->text);
    free(*j);
    *j = NULL;
}

int
join_column(const struct join *j, struct tl_str name)
{
    for (size_t i = 0; i < j->columns; i++)
        if (text_equal(j->header[i], name))
            return (int)i;
    return -1;
}

const struct tl_str *
join_find(const struct join *j, struct tl_str value)
{
    return map_get(&j->rows, value.ptr, value.len);
}
