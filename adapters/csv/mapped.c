#include "adapters/csv/mapped.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/csv/csv.h"
#include "adapters/csv/csvmap.h"
#include "adapters/csv/join.h"
#include "adapters/csv/sum.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/draft.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/must.h"

#define WHY_BYTES 512
#define NAMES_BYTES_MAX (1u << 20)

struct decoder {
    struct format_sink sink;
    struct csvmap *map;
    struct zone *zone;
    struct tl_str source, region, timezone;
    struct csv *reader;
    struct join *joins[CSVMAP_JOINS_MAX];

    /* From the header on. */
    struct tl_str *names;
    size_t columns;
    int index[CSVMAP_REFS_MAX];             /* where a ref's column is */
    size_t others[CSVMAP_LIST_MAX];         /* columns the map does not name */
    size_t others_count;
    struct arena header;
    char header_wrong[WHY_BYTES];

    /* The row. */
    struct tl_str values[CSVMAP_REFS_MAX];  /* of the refs */

    /* The event: one row, or the rows of a group. */
    bool open;
    struct draft draft;
    struct buf key;
    struct buf raw;
    uint64_t line;
    struct sum sums[CSVMAP_LIST_MAX];       /* of the sale's amounts */
    int digits;                             /* of its currency */
    char wrong[WHY_BYTES];
    struct map seen;                        /* id -> how often */
};

__attribute__((format(printf, 2, 3))) static bool
wrong(struct decoder *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (d->wrong[0] == '\0')
        vsnprintf(d->wrong, sizeof d->wrong, fmt, args);
    va_end(args);
    return false;
}

#define SHOW(s) (int)((s).len < 80 ? (s).len : 80), (s).ptr

/* ---------------------------------------------------------------- values */

/* The first empty column the set needs, or NULL. */
static const struct csvmap_ref *
empty_column(const struct decoder *d, const struct csvmap_set *set)
{
    for (size_t i = 0; i < set->pieces_count; i++)
        if (set->pieces[i].ref >= 0 && d->values[set->pieces[i].ref].len == 0)
            return &d->map->refs[set->pieces[i].ref];
    return NULL;
}

static struct tl_str
piece_text(const struct decoder *d, const struct csvmap_piece *piece)
{
    return piece->ref >= 0 ? d->values[piece->ref] : piece->text;
}

/* A group outlives its rows, so their text is copied. */
static struct tl_str
text_value(struct decoder *d, const struct csvmap_set *set)
{
    struct tl_str out = {0};
    size_t len = 0;
    char *to;

    if (set->pieces_count == 1 && (d->map->group < 0 || set->pieces[0].ref < 0))
        return piece_text(d, &set->pieces[0]);
    for (size_t i = 0; i < set->pieces_count; i++)
        len += piece_text(d, &set->pieces[i]).len;
    if ((to = arena_alloc(&d->draft.text, len)) == NULL) {
        d->draft.failed = true;
        return out;
    }
    for (size_t i = 0; i < set->pieces_count; i++) {
        struct tl_str text = piece_text(d, &set->pieces[i]);

        if (text.len > 0)
            memcpy(to + out.len, text.ptr, text.len);
        out.len += text.len;
    }
    out.ptr = to;
    return out;
}

/* An empty cell is no time. */
static bool
time_value(struct decoder *d, const struct csvmap_set *set, int64_t *out)
{
    struct tl_str text = text_value(d, set);
    struct timeformat_time t = {0};

    if (text.len > 0
        && !timeformat_read(&t, text, d->map->time_format, d->zone, set->end_of_day))
        return wrong(d, "%.*s: `%.*s` is no time of the form %.*s", SHOW(set->name), SHOW(text),
                     SHOW(d->map->time_format));
    if (t.local)
        d->draft.event.timezone = d->timezone;
    *out = t.ns;
    return true;
}

/* An empty cell adds nothing. */
static bool
add_amount(struct decoder *d, const struct csvmap_set *set, struct sum *sum)
{
    for (size_t i = 0; i < set->pieces_count; i++) {
        const struct csvmap_piece *piece = &set->pieces[i];
        struct tl_str text = d->values[piece->ref];

        if (text.len > 0 && !sum_add(sum, text.ptr, text.len, piece->minus))
            return wrong(d, "%.*s: `%.*s` in column %.*s is no decimal number", SHOW(set->name),
                         SHOW(text), SHOW(d->map->refs[piece->ref].column));
    }
    return true;
}

static bool
amount_value(struct decoder *d, const struct csvmap_set *set, const struct sum *sum, int digits,
             int64_t *out)
{
    return sum_minor(sum, digits, out)
           || wrong(d, "%.*s: too large an amount", SHOW(set->name));
}

static bool
count_value(struct decoder *d, const struct csvmap_set *set, uint64_t *out)
{
    struct tl_str text = text_value(d, set);

    *out = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(*out, 10, out)
            || __builtin_add_overflow(*out, (uint64_t)(text.ptr[i] - '0'), out))
            return wrong(d, "%.*s: `%.*s` is no whole number", SHOW(set->name), SHOW(text));
    return true;
}

/* Fills the fields of a struct that are no amounts: those want its currency. */
static bool
fill(struct decoder *d, const struct csvmap_list *list, void *to)
{
    bool ok = true;

    for (size_t i = 0; ok && i < list->count; i++) {
        const struct csvmap_set *set = &list->sets[i];
        void *field = (char *)to + set->offset;

        if (set->kind == CSVMAP_TEXT)
            *(struct tl_str *)field = text_value(d, set);
        else if (set->kind == CSVMAP_TIME)
            ok = time_value(d, set, field);
        else if (set->kind == CSVMAP_COUNT)
            ok = count_value(d, set, field);
    }
    return ok;
}

static bool
fill_amounts(struct decoder *d, const struct csvmap_list *list, void *to, int digits)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct csvmap_set *set = &list->sets[i];
        struct sum sum = {0};

        if (set->kind == CSVMAP_AMOUNT
            && (!add_amount(d, set, &sum)
                || !amount_value(d, set, &sum, digits,
                                 (int64_t *)(void *)((char *)to + set->offset))))
            return false;
    }
    return true;
}

/* --------------------------------------------------------------- an event */

static bool
put_identifiers(struct decoder *d, const struct csvmap_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct csvmap_set *set = &list->sets[i];

        if (empty_column(d, set) == NULL)
            draft_identifier(&d->draft, set->name, text_value(d, set));
    }
    return d->draft.event.identifiers_count > 0;
}

static void
put_attributes(struct decoder *d)
{
    for (size_t i = 0; i < d->map->attributes.count; i++) {
        const struct csvmap_set *set = &d->map->attributes.sets[i];

        draft_attribute(&d->draft, set->name, text_value(d, set));
    }
}

static void
put_others(struct decoder *d, const struct csv_row *row)
{
    for (size_t i = 0; i < d->others_count; i++) {
        struct tl_str value = text_trim(row->fields[d->others[i]]);

        if (d->map->group >= 0)
            value = draft_copy(&d->draft, value);
        draft_attribute(&d->draft, d->names[d->others[i]], value);
    }
}

static bool
put_offers(struct decoder *d)
{
    struct draft *draft = &d->draft;

    if (d->map->offers_count > 0 && !draft_has_offers(draft))
        return wrong(d, "out of memory");
    for (size_t i = 0; i < d->map->offers_count; i++) {
        struct tl_offer_touch *touch = &draft->offers[i];

        *touch = (struct tl_offer_touch){0};
        if (!fill(d, &d->map->offers[i], touch)
            || !fill_amounts(d, &d->map->offers[i], touch, tl_currency_decimals(touch->currency)))
            return false;
        if (touch->offer.len == 0)
            return wrong(d, "the column of the offer is empty");
    }
    draft->event.offers_count = d->map->offers_count;
    return true;
}

static bool
put_envelope(struct decoder *d)
{
    struct tl_event *ev = &d->draft.event;
    const struct csvmap_list *list = &d->map->event;

    for (size_t i = 0; i < list->count; i++) {
        const struct csvmap_ref *empty;

        if (text_is(list->sets[i].name, "id")
            && (empty = empty_column(d, &list->sets[i])) != NULL)
            return wrong(d, "id needs the column %.*s, which is empty", SHOW(empty->column));
    }
    ev->source = d->source;
    ev->region = d->region;
    if (!fill(d, list, ev))
        return false;
    if (ev->type.len == 0 || ev->channel.len == 0 || ev->time == 0)
        return wrong(d, "the column of %s is empty",
                     ev->type.len == 0 ? "type" : ev->channel.len == 0 ? "channel" : "time");
    return true;
}

static bool
begin_event(struct decoder *d, const struct csv_row *row)
{
    if (!put_envelope(d))
        return false;
    if (!put_identifiers(d, &d->map->identifiers) && !put_identifiers(d, &d->map->anonymous))
        return wrong(d, "every column of an identifier is empty");
    put_attributes(d);
    put_others(d, row);
    if (!put_offers(d))
        return false;
    if (d->map->sale.count == 0)
        return true;
    d->draft.event.sale = &d->draft.sale;
    if (!fill(d, &d->map->sale, &d->draft.sale))
        return false;
    d->digits = tl_currency_decimals(d->draft.sale.currency);
    return true;
}

static bool
add_line(struct decoder *d)
{
    struct tl_sale_line line = {0};

    /* The rest is only counted. */
    if (d->draft.sale.lines_more == 0
        && (!fill(d, &d->map->line, &line)
            || !fill_amounts(d, &d->map->line, &line, d->digits)))
        return false;
    draft_line(&d->draft, &line);
    return true;
}

static bool
add_row(struct decoder *d)
{
    const struct csvmap_list *sale = &d->map->sale;

    for (size_t i = 0; i < sale->count; i++)
        if (sale->sets[i].kind == CSVMAP_AMOUNT
            && !add_amount(d, &sale->sets[i], &d->sums[i]))
            return false;
    return d->map->line.count == 0 || add_line(d);
}

/* The second row with an id is `id-2`: in the same table it always is. */
static void
number_id(struct decoder *d)
{
    struct tl_str *id = &d->draft.event.id;
    void **place = map_put(&d->seen, id->ptr, id->len);
    uintptr_t times = (uintptr_t)*place + 1;

    *place = (void *)times;
    if (times > 1)
        *id = draft_printf(&d->draft, "%.*s-%ju", (int)id->len, id->ptr, (uintmax_t)times);
}

static bool
finish_event(struct decoder *d)
{
    const struct csvmap_list *sale = &d->map->sale;

    for (size_t i = 0; i < sale->count; i++)
        if (sale->sets[i].kind == CSVMAP_AMOUNT
            && !amount_value(d, &sale->sets[i], &d->sums[i], d->digits,
                             (int64_t *)(void *)((char *)&d->draft.sale + sale->sets[i].offset)))
            return false;
    if (d->map->number_repeats)
        number_id(d);
    draft_end(&d->draft);
    return !d->draft.failed || wrong(d, "more than a MiB of text for one event");
}

/* ------------------------------------------------------------------ rows */

static void
open_event(struct decoder *d, const struct csv_row *row)
{
    struct tl_str key = d->map->group >= 0 ? d->values[d->map->group] : (struct tl_str){0};

    d->open = true;
    d->line = row->line;
    d->wrong[0] = '\0';
    buf_clear(&d->raw);
    buf_clear(&d->key);
    buf_append(&d->key, key.ptr, key.len);
    memset(d->sums, 0, sizeof d->sums[0] * d->map->sale.count);
    draft_begin(&d->draft);
}

static void
close_event(struct decoder *d)
{
    struct tl_str raw = {(const char *)d->raw.ptr, d->raw.len};

    if (!d->open)
        return;
    d->open = false;
    if (d->wrong[0] == '\0' && finish_event(d))
        d->sink.event(d->sink.arg, &d->draft.event);
    else
        d->sink.reject(d->sink.arg, raw, d->line, d->wrong);
}

/* A bad row spoils its whole group: a total without it would be false. */
static void
keep_raw(struct decoder *d, const struct csv_row *row)
{
    if (d->raw.len + row->raw.len > MAPPED_GROUP_BYTES_MAX) {
        wrong(d, "more than a MiB of rows for one event");
        return;
    }
    if (d->raw.len > 0)
        buf_byte(&d->raw, '\n');
    buf_append(&d->raw, row->raw.ptr, row->raw.len);
    if (d->raw.failed || d->key.failed)
        wrong(d, "out of memory");
}

static bool
find_values(struct decoder *d, const struct csv_row *row)
{
    const struct csvmap *m = d->map;
    const struct tl_str *joined[CSVMAP_JOINS_MAX] = {0};

    for (size_t i = 0; i < m->refs_count; i++)
        if (m->refs[i].join < 0)
            d->values[i] = text_trim(row->fields[d->index[i]]);
    for (size_t i = 0; i < m->joins_count; i++)
        joined[i] = join_find(d->joins[i], d->values[m->joins[i].key]);
    for (size_t i = 0; i < m->refs_count; i++) {
        int join = m->refs[i].join;

        if (join >= 0)
            d->values[i] = joined[join] != NULL ? joined[join][d->index[i]] : (struct tl_str){0};
    }
    for (size_t i = 0; i < m->joins_count; i++)
        if (joined[i] == NULL)
            return false;
    return true;
}

static void
name_missing_join(struct decoder *d)
{
    const struct csvmap *m = d->map;

    for (size_t i = 0; i < m->joins_count; i++) {
        struct tl_str value = d->values[m->joins[i].key];

        if (join_find(d->joins[i], value) == NULL)
            wrong(d, "no row of %.*s has the %.*s `%.*s`", SHOW(m->joins[i].table),
                  SHOW(m->refs[m->joins[i].key].column), SHOW(value));
    }
}

static bool
same_group(const struct decoder *d)
{
    struct tl_str key = {(const char *)d->key.ptr, d->key.len};

    return d->map->group >= 0 && text_equal(key, d->values[d->map->group]);
}

static void
read_row(struct decoder *d, const struct csv_row *row)
{
    bool whole = find_values(d, row), first;

    if (d->open && !same_group(d))
        close_event(d);
    first = !d->open;
    if (first)
        open_event(d, row);
    keep_raw(d, row);
    if (!whole)
        name_missing_join(d);
    if (d->wrong[0] == '\0' && (!first || begin_event(d, row)))
        add_row(d);
    if (d->map->group < 0)
        close_event(d);
}

/* ---------------------------------------------------------------- header */

static int
find_column(const struct decoder *d, struct tl_str name)
{
    for (size_t i = 0; i < d->columns; i++)
        if (text_equal(d->names[i], name))
            return (int)i;
    return -1;
}

static bool
named_by_map(const struct decoder *d, size_t column)
{
    const struct csvmap *m = d->map;

    for (size_t i = 0; i < m->refs_count; i++)
        if (m->refs[i].join < 0 && d->index[i] == (int)column)
            return true;
    for (size_t i = 0; i < m->ignored_count; i++)
        if (text_equal(m->ignored[i], d->names[column]))
            return true;
    return false;
}

static bool
find_others(struct decoder *d)
{
    d->others_count = 0;
    for (size_t i = 0; i < d->columns; i++) {
        if (named_by_map(d, i) || d->names[i].len == 0)
            continue;
        if (d->others_count + d->map->attributes.count >= DRAFT_ATTRIBUTES_MAX - 1)
            return wrong(d, "more than %d columns to keep as attributes: list some of those the "
                            "map %.*s does not use under ignore",
                         DRAFT_ATTRIBUTES_MAX - 1, SHOW(d->map->name));
        d->others[d->others_count++] = i;
    }
    return true;
}

static bool
find_refs(struct decoder *d)
{
    const struct csvmap *m = d->map;

    for (size_t i = 0; i < m->refs_count; i++) {
        const struct csvmap_ref *ref = &m->refs[i];

        d->index[i] = ref->join < 0 ? find_column(d, ref->column)
                                    : join_column(d->joins[ref->join], ref->column);
        if (d->index[i] < 0)
            return wrong(d, "the table %.*s has no column `%.*s`, which line %d of the map %.*s "
                            "uses",
                         SHOW(ref->join < 0 ? TL_STR("read") : m->joins[ref->join].table),
                         SHOW(ref->column), ref->line, SHOW(m->name));
    }
    return true;
}

static bool
keep_names(struct decoder *d, const struct csv_row *row)
{
    arena_reset(&d->header);
    d->columns = 0;
    if ((d->names = arena_alloc(&d->header, row->count * sizeof *d->names)) == NULL)
        return wrong(d, "out of memory");
    for (size_t i = 0; i < row->count; i++) {
        struct tl_str name = text_trim(row->fields[i]);

        if (name.len > 0 && find_column(d, name) >= 0)
            return wrong(d, "two columns are named `%.*s`", SHOW(name));
        if ((d->names[i].ptr = arena_copy(&d->header, name.ptr, name.len)) == NULL)
            return wrong(d, "out of memory");
        d->names[i].len = name.len;
        d->columns++;
    }
    return true;
}

/* Without a header that fits the map no row can be read: each goes aside. */
static void
read_header(struct decoder *d, const struct csv_row *row)
{
    d->wrong[0] = d->header_wrong[0] = '\0';
    if (keep_names(d, row) && find_refs(d) && find_others(d))
        return;
    snprintf(d->header_wrong, sizeof d->header_wrong, "%s", d->wrong);
    d->sink.reject(d->sink.arg, row->raw, row->line, d->header_wrong);
}

static void
take_row(void *arg, const struct csv_row *row)
{
    struct decoder *d = arg;
    char why[WHY_BYTES];

    if (d->names == NULL) {
        read_header(d, row);
    } else if (d->header_wrong[0] != '\0') {
        d->sink.reject(d->sink.arg, row->raw, row->line, d->header_wrong);
    } else if (row->count != d->columns) {
        snprintf(why, sizeof why, "a row of %zu columns where the header has %zu", row->count,
                 d->columns);
        d->sink.reject(d->sink.arg, row->raw, row->line, why);
    } else {
        read_row(d, row);
    }
}

static void
take_bad(void *arg, struct tl_str raw, uint64_t line, const char *reason)
{
    struct decoder *d = arg;

    d->sink.reject(d->sink.arg, raw, line, reason);
}

/* --------------------------------------------------------------- decoder */

static bool
open_joins(struct decoder *d, const struct format_options *o, char *why)
{
    const struct csvmap *m = d->map;

    for (size_t i = 0; i < m->joins_count; i++) {
        struct tl_str table = m->joins[i].table, text = {0};
        char name[81];

        snprintf(name, sizeof name, "%.*s", SHOW(table));
        if (o->table != NULL)
            text.ptr = o->table(o->table_arg, name, &text.len);
        if (text.ptr == NULL) {
            snprintf(why, WHY_BYTES, "the map %.*s joins the table %.*s, which is not beside the "
                                     "input as %.*s.csv or .csv.gz",
                     SHOW(m->name), SHOW(table), SHOW(table));
            return false;
        }
        if (join_open(&d->joins[i], table, m->refs[m->joins[i].key].column, text, m->delimiter,
                      why) != 0)
            return false;
    }
    return true;
}

static bool
open_zone(struct decoder *d, const char *option, char *why)
{
    char name[128];

    if (option == NULL && d->map->timezone.len > 0) {
        must(d->map->timezone.len < sizeof name);
        memcpy(name, d->map->timezone.ptr, d->map->timezone.len);
        name[d->map->timezone.len] = '\0';
        option = name;
        d->timezone = d->map->timezone;
    } else {
        option = option != NULL ? option : "UTC";
        d->timezone = text_of(option);
    }
    return zone_open(&d->zone, option, why) == 0;
}

static bool
open_all(struct decoder *d, const struct format_options *o, char *why)
{
    struct csv_sink sink = {take_row, take_bad, d};

    if (o->map_text == NULL) {
        snprintf(why, WHY_BYTES, "the format csv needs a map");
        return false;
    }
    if (csvmap_parse(&d->map, o->map_name != NULL ? o->map_name : "map", o->map_text, why) != 0
        || !open_zone(d, o->timezone, why) || !open_joins(d, o, why))
        return false;
    d->source = o->source != NULL ? text_of(o->source) : d->map->source;
    d->region = text_of(o->region);
    if ((d->reader = csv_reader_new(d->map->delimiter, &sink)) == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        return false;
    }
    return true;
}

int
mapped_open(struct decoder **out, const struct format_options *o,
            const struct format_sink *sink, char *why)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        return TL_EARGUMENT;
    }
    d->sink = *sink;
    draft_init(&d->draft);
    arena_init(&d->header, NAMES_BYTES_MAX);
    if (!open_all(d, o, why)) {
        mapped_close(&d);
        return TL_EARGUMENT;
    }
    *out = d;
    return 0;
}

void
mapped_feed(struct decoder *d, const void *bytes, size_t len)
{
    csv_reader_feed(d->reader, bytes, len);
}

void
mapped_end(struct decoder *d)
{
    csv_reader_end(d->reader);
    close_event(d);
    d->names = NULL;
}

void
mapped_close(struct decoder **decoder)
{
    struct decoder *d = *decoder;

    if (d == NULL)
        return;
    csv_reader_free(&d->reader);
    for (size_t i = 0; i < CSVMAP_JOINS_MAX; i++)
        join_close(&d->joins[i]);
    csvmap_free(&d->map);
    zone_close(&d->zone);
    draft_fini(&d->draft);
    arena_fini(&d->header);
    buf_free(&d->key);
    buf_free(&d->raw);
    map_fini(&d->seen);
    free(d);
    *decoder = NULL;
}
