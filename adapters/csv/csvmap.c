#include "adapters/csv/csvmap.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "base/utf8.h"

#define END_OF "end of "

struct parser {
    struct csvmap *map;
    const struct section *section;
    struct csvmap_list *list;   /* that the section fills */
    struct csvmap_join *join;
    int line;
    char *why;
};

struct field {
    const char *name;
    enum csvmap_kind kind;
    size_t offset;
};

/* A section of a map file: fields of a struct by name, or names of the user's
 * own, or settings. */
struct section {
    const char *name;
    size_t list;                /* where the map keeps it */
    const struct field *fields;
    bool (*free_name)(struct tl_str name);
    bool (*setting)(struct parser *p, struct tl_str name, struct tl_str value);
    bool (*open)(struct parser *p, struct tl_str argument);
};

__attribute__((format(printf, 2, 3))) static bool
fail(struct parser *p, const char *fmt, ...)
{
    int len = snprintf(p->why, CSVMAP_WHY_BYTES, "%.*s:%d: ", (int)p->map->name.len,
                       p->map->name.ptr, p->line);
    va_list args;

    va_start(args, fmt);
    if (len >= 0 && len < CSVMAP_WHY_BYTES)
        vsnprintf(p->why + len, (size_t)(CSVMAP_WHY_BYTES - len), fmt, args);
    va_end(args);
    return false;
}

#define SHOW(s) (int)((s).len < 80 ? (s).len : 80), (s).ptr

/* ---------------------------------------------------------------- values */

static int
add_ref(struct parser *p, int join, struct tl_str column)
{
    struct csvmap *m = p->map;

    for (size_t i = 0; i < m->refs_count; i++)
        if (m->refs[i].join == join && text_equal(m->refs[i].column, column))
            return (int)i;
    if (m->refs_count == CSVMAP_REFS_MAX) {
        fail(p, "a map names at most %d columns", CSVMAP_REFS_MAX);
        return -1;
    }
    m->refs[m->refs_count] = (struct csvmap_ref){join, column, p->line};
    return (int)m->refs_count++;
}

static int
find_join(const struct csvmap *m, struct tl_str table)
{
    for (size_t i = 0; i < m->joins_count; i++)
        if (text_equal(m->joins[i].table, table))
            return (int)i;
    return -1;
}

/* `column`, or `table.column` of a joined table. */
static int
read_ref(struct parser *p, struct tl_str text)
{
    const char *dot = text.len > 0 ? memchr(text.ptr, '.', text.len) : NULL;
    struct tl_str table = {text.ptr, dot != NULL ? (size_t)(dot - text.ptr) : 0};
    int join = dot != NULL ? find_join(p->map, table) : -1;

    if (text.len == 0) {
        fail(p, "{} names no column");
        return -1;
    }
    if (join >= 0)
        text = (struct tl_str){dot + 1, text.len - table.len - 1};
    return add_ref(p, join, text);
}

static struct csvmap_piece *
add_piece(struct parser *p, struct csvmap_set *set)
{
    struct csvmap_piece *more =
        arena_alloc(&p->map->text, (set->pieces_count + 1) * sizeof *more);

    if (more == NULL) {
        fail(p, "too much for a map");
        return NULL;
    }
    if (set->pieces_count > 0)
        memcpy(more, set->pieces, set->pieces_count * sizeof *more);
    set->pieces = more;
    more[set->pieces_count].ref = -1;
    return &more[set->pieces_count++];
}

/* `{column}` at the front of `value`. */
static bool
take_column(struct parser *p, struct csvmap_set *set, struct tl_str *value, bool minus)
{
    const char *close = memchr(value->ptr, '}', value->len);
    struct csvmap_piece *piece;
    struct tl_str name;
    int ref;

    if (close == NULL)
        return fail(p, "a { without its }");
    name = text_trim((struct tl_str){value->ptr + 1, (size_t)(close - value->ptr) - 1});
    if ((ref = read_ref(p, name)) < 0 || (piece = add_piece(p, set)) == NULL)
        return false;
    piece->ref = ref;
    piece->minus = minus;
    value->len -= (size_t)(close + 1 - value->ptr);
    value->ptr = close + 1;
    return true;
}

static bool
take_text(struct parser *p, struct csvmap_set *set, struct tl_str *value)
{
    const char *open = memchr(value->ptr, '{', value->len);
    size_t len = open != NULL ? (size_t)(open - value->ptr) : value->len;
    struct csvmap_piece *piece = add_piece(p, set);

    if (piece == NULL)
        return false;
    piece->text = (struct tl_str){value->ptr, len};
    value->ptr += len;
    value->len -= len;
    return true;
}

static bool
read_template(struct parser *p, struct csvmap_set *set, struct tl_str value)
{
    while (value.len > 0)
        if (*value.ptr == '{' ? !take_column(p, set, &value, false) : !take_text(p, set, &value))
            return false;
    return true;
}

/* `{a} - {b} + {c}` */
static bool
read_amount(struct parser *p, struct csvmap_set *set, struct tl_str value)
{
    bool minus = false;

    for (;;) {
        if (value.len == 0 || *value.ptr != '{')
            return fail(p, "an amount is columns joined by + and -: {sales_value} - {coupon_disc}");
        if (!take_column(p, set, &value, minus))
            return false;
        value = text_trim(value);
        if (value.len == 0)
            return true;
        if (*value.ptr != '+' && *value.ptr != '-')
            return fail(p, "between two columns of an amount stands + or -");
        minus = *value.ptr == '-';
        value = text_trim((struct tl_str){value.ptr + 1, value.len - 1});
    }
}

static bool
read_set(struct parser *p, struct csvmap_set *set, struct tl_str value)
{
    if (set->kind == CSVMAP_AMOUNT)
        return read_amount(p, set, value);
    if (set->kind == CSVMAP_TIME && value.len > strlen(END_OF)
        && memcmp(value.ptr, END_OF, strlen(END_OF)) == 0) {
        set->end_of_day = true;
        value = text_trim((struct tl_str){value.ptr + strlen(END_OF), value.len - strlen(END_OF)});
    }
    return read_template(p, set, value);
}

/* -------------------------------------------------------------- settings */

static bool
is_zone(struct tl_str value)
{
    char name[128], why[ZONE_WHY_BYTES];
    struct zone *zone = NULL;

    if (value.len >= sizeof name)
        return false;
    memcpy(name, value.ptr, value.len);
    name[value.len] = '\0';
    if (zone_open(&zone, name, why) != 0)
        return false;
    zone_close(&zone);
    return true;
}

static bool
set_delimiter(struct parser *p, struct tl_str value)
{
    if (text_is(value, "tab"))
        p->map->delimiter = '\t';
    else if (value.len == 1 && *value.ptr != '"')
        p->map->delimiter = *value.ptr;
    else
        return fail(p, "delimiter is one character, or tab");
    return true;
}

static bool
set_repeats(struct parser *p, struct tl_str value)
{
    p->map->number_repeats = text_is(value, "numbered");
    if (!p->map->number_repeats && !text_is(value, "same"))
        return fail(p, "repeats is `same` (rows with one id are one event) or `numbered`");
    return true;
}

static bool
set_ignore(struct parser *p, struct tl_str value)
{
    struct csvmap *m = p->map;

    while (value.len > 0) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma != NULL ? (size_t)(comma - value.ptr) : value.len;

        if (m->ignored_count == CSVMAP_LIST_MAX)
            return fail(p, "at most %d columns to ignore", CSVMAP_LIST_MAX);
        m->ignored[m->ignored_count++] = text_trim((struct tl_str){value.ptr, len});
        len += comma != NULL;
        value = (struct tl_str){value.ptr + len, value.len - len};
    }
    return true;
}

static bool
set_map(struct parser *p, struct tl_str name, struct tl_str value)
{
    struct csvmap *m = p->map;
    const char *wrong;

    if (text_is(name, "source")) {
        m->source = value;
    } else if (text_is(name, "timezone")) {
        m->timezone = value;
        if (!is_zone(value))
            return fail(p, "no time zone `%.*s`", SHOW(value));
    } else if (text_is(name, "time_format")) {
        m->time_format = value;
        if ((wrong = timeformat_check(value)) != NULL)
            return fail(p, "%s", wrong);
    } else if (text_is(name, "delimiter")) {
        return set_delimiter(p, value);
    } else if (text_is(name, "repeats")) {
        return set_repeats(p, value);
    } else if (text_is(name, "group")) {
        return (m->group = read_ref(p, value)) >= 0;
    } else if (text_is(name, "ignore")) {
        return set_ignore(p, value);
    } else {
        return fail(p, "[map] knows source, timezone, time_format, delimiter, repeats, group and "
                       "ignore, not `%.*s`", SHOW(name));
    }
    return true;
}

static bool
set_join(struct parser *p, struct tl_str name, struct tl_str value)
{
    if (!text_is(name, "key"))
        return fail(p, "[join] knows key, not `%.*s`", SHOW(name));
    return (p->join->key = add_ref(p, -1, value)) >= 0;
}

/* -------------------------------------------------------------- sections */

/* Each [offer] is one more of them. */
static bool
open_offer(struct parser *p, struct tl_str argument)
{
    (void)argument;
    if (p->map->offers_count == CSVMAP_OFFERS_MAX)
        return fail(p, "at most %d [offer] sections", CSVMAP_OFFERS_MAX);
    p->list = &p->map->offers[p->map->offers_count++];
    return true;
}

static bool
open_join(struct parser *p, struct tl_str table)
{
    struct csvmap *m = p->map;

    if (table.len == 0 || memchr(table.ptr, '/', table.len) != NULL
        || memchr(table.ptr, '.', table.len) != NULL)
        return fail(p, "[join TABLE] names a table beside the input, without .csv");
    if (find_join(m, table) >= 0 || m->joins_count == CSVMAP_JOINS_MAX)
        return fail(p, "a table is joined once, and at most %d are", CSVMAP_JOINS_MAX);
    p->join = &m->joins[m->joins_count++];
    *p->join = (struct csvmap_join){table, -1};
    return true;
}

static bool
identifier_type(struct tl_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!(name.ptr[i] >= 'a' && name.ptr[i] <= 'z') && name.ptr[i] != '-'
            && !(name.ptr[i] >= '0' && name.ptr[i] <= '9'))
            return false;
    return true;
}

static bool
any_name(struct tl_str name)
{
    (void)name;
    return true;
}

#define EVENT(field, kind) {#field, kind, offsetof(struct tl_event, field)}
#define OFFER(field, kind) {#field, kind, offsetof(struct tl_offer_touch, field)}
#define SALE(field) {#field, CSVMAP_TEXT, offsetof(struct tl_sale, field)}
#define LINE(field) {#field, CSVMAP_TEXT, offsetof(struct tl_sale_line, field)}

static const struct field event_fields[] = {
    EVENT(id, CSVMAP_TEXT), EVENT(type, CSVMAP_TEXT), EVENT(time, CSVMAP_TIME),
    EVENT(channel, CSVMAP_TEXT), EVENT(direction, CSVMAP_TEXT), EVENT(touchpoint, CSVMAP_TEXT),
    EVENT(region, CSVMAP_TEXT), EVENT(subject, CSVMAP_TEXT), EVENT(revision, CSVMAP_COUNT),
    EVENT(conversation, CSVMAP_TEXT), EVENT(session, CSVMAP_TEXT), EVENT(campaign, CSVMAP_TEXT),
    EVENT(locale, CSVMAP_TEXT), {0},
};

static const struct field offer_fields[] = {
    OFFER(offer, CSVMAP_TEXT), OFFER(campaign, CSVMAP_TEXT), OFFER(treatment, CSVMAP_TEXT),
    OFFER(instance, CSVMAP_TEXT), OFFER(outcome, CSVMAP_TEXT), OFFER(reason, CSVMAP_TEXT),
    OFFER(terms, CSVMAP_TEXT), OFFER(currency, CSVMAP_TEXT), OFFER(expires, CSVMAP_TIME),
    OFFER(valid_from, CSVMAP_TIME), OFFER(title, CSVMAP_TEXT),
    OFFER(exclusivity_group, CSVMAP_TEXT),
    {"price", CSVMAP_AMOUNT, offsetof(struct tl_offer_touch, price_minor)}, {0},
};

static const struct field sale_fields[] = {
    SALE(currency), SALE(receipt), SALE(store), SALE(till),
    {"operator", CSVMAP_TEXT, offsetof(struct tl_sale, operator_id)},
    {"total", CSVMAP_AMOUNT, offsetof(struct tl_sale, total_minor)},
    {"tax", CSVMAP_AMOUNT, offsetof(struct tl_sale, tax_minor)},
    {"discount", CSVMAP_AMOUNT, offsetof(struct tl_sale, discount_minor)}, {0},
};

static const struct field line_fields[] = {
    LINE(item), LINE(description), LINE(quantity), LINE(department), LINE(coupon),
    {"amount", CSVMAP_AMOUNT, offsetof(struct tl_sale_line, amount_minor)},
    {"discount", CSVMAP_AMOUNT, offsetof(struct tl_sale_line, discount_minor)}, {0},
};

#define LIST(name) offsetof(struct csvmap, name)

static const struct section sections[] = {
    {"map", 0, NULL, NULL, set_map, NULL},
    {"join", 0, NULL, NULL, set_join, open_join},
    {"event", LIST(event), event_fields, NULL, NULL, NULL},
    {"identifiers", LIST(identifiers), NULL, identifier_type, NULL, NULL},
    {"anonymous", LIST(anonymous), NULL, identifier_type, NULL, NULL},
    {"attributes", LIST(attributes), NULL, any_name, NULL, NULL},
    {"offer", 0, offer_fields, NULL, NULL, open_offer},
    {"sale", LIST(sale), sale_fields, NULL, NULL, NULL},
    {"line", LIST(line), line_fields, NULL, NULL, NULL},
    {0},
};

static bool
open_section(struct parser *p, struct tl_str line)
{
    const struct section *s = sections;
    struct tl_str name, argument;
    size_t len = 0;

    if (line.ptr[line.len - 1] != ']')
        return fail(p, "a [ without its ]");
    line = text_trim((struct tl_str){line.ptr + 1, line.len - 2});
    while (len < line.len && line.ptr[len] != ' ')
        len++;
    name = (struct tl_str){line.ptr, len};
    argument = text_trim((struct tl_str){line.ptr + len, line.len - len});
    while (s->name != NULL && !text_is(name, s->name))
        s++;
    if (s->name == NULL)
        return fail(p, "there is no section [%.*s]; there are map, join, event, identifiers, "
                       "anonymous, attributes, offer, sale and line", SHOW(name));
    if (argument.len > 0 && s->open != open_join)
        return fail(p, "[%s] stands alone", s->name);
    p->section = s;
    if (s->open != NULL)
        return s->open(p, argument);
    p->list = (struct csvmap_list *)(void *)((char *)p->map + s->list);
    return true;
}

/* ----------------------------------------------------------------- lines */

static bool
name_known(struct parser *p, struct tl_str name, struct csvmap_set *set)
{
    char known[400] = "";
    size_t len = 0;

    if (p->section->fields == NULL)
        return p->section->free_name(name)
               || fail(p, "`%.*s` is no identifier type", SHOW(name));
    for (const struct field *f = p->section->fields; f->name != NULL; f++) {
        if (text_is(name, f->name)) {
            set->kind = f->kind;
            set->offset = f->offset;
            return true;
        }
        len += (size_t)snprintf(known + len, sizeof known - len, " %s", f->name);
    }
    return fail(p, "[%s] knows%s, not `%.*s`", p->section->name, known, SHOW(name));
}

static bool
add_set(struct parser *p, struct tl_str name, struct tl_str value)
{
    struct csvmap_set set = {.name = name, .kind = CSVMAP_TEXT, .line = p->line};

    if (!name_known(p, name, &set))
        return false;
    for (size_t i = 0; i < p->list->count; i++)
        if (text_equal(p->list->sets[i].name, name))
            return fail(p, "`%.*s` is set twice", SHOW(name));
    /* An event has one attribute less to give: the count of what did not fit. */
    if (p->list->count == CSVMAP_LIST_MAX - 1)
        return fail(p, "at most %d names in a section", CSVMAP_LIST_MAX - 1);
    if (!read_set(p, &set, value))
        return false;
    p->list->sets[p->list->count++] = set;
    return true;
}

static bool
read_line(struct parser *p, struct tl_str line)
{
    const char *equals;
    struct tl_str name, value;

    if (!utf8_text(line.ptr, line.len))
        return fail(p, "not UTF-8 text, or control characters in it");
    if (line.len == 0 || *line.ptr == '#')
        return true;
    if (*line.ptr == '[')
        return open_section(p, line);
    if ((equals = memchr(line.ptr, '=', line.len)) == NULL)
        return fail(p, "neither [section] nor name = value");
    name = text_trim((struct tl_str){line.ptr, (size_t)(equals - line.ptr)});
    value = text_trim((struct tl_str){equals + 1, (size_t)(line.ptr + line.len - equals) - 1});
    if (p->section == NULL)
        return fail(p, "a setting before the first [section]");
    if (name.len == 0 || value.len == 0)
        return fail(p, "neither the name nor the value may be empty");
    return p->section->setting != NULL ? p->section->setting(p, name, value)
                                       : add_set(p, name, value);
}

static bool
read_lines(struct parser *p, struct tl_str text)
{
    while (text.len > 0) {
        p->line++;
        if (!read_line(p, text_trim(text_line(&text))))
            return false;
    }
    return true;
}

/* ----------------------------------------------------------------- whole */

static bool
has(const struct csvmap_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (text_is(list->sets[i].name, name))
            return true;
    return false;
}

static bool
has_amount(const struct csvmap_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->sets[i].kind == CSVMAP_AMOUNT)
            return true;
    return false;
}

static bool
check_offers(struct parser *p)
{
    for (size_t i = 0; i < p->map->offers_count; i++) {
        const struct csvmap_list *offer = &p->map->offers[i];

        if (!has(offer, "offer") || !has(offer, "outcome"))
            return fail(p, "an [offer] needs offer and outcome");
        if (has_amount(offer) && !has(offer, "currency"))
            return fail(p, "an [offer] with a price needs currency");
    }
    return true;
}

/* What a map cannot do without; the line is the last one. */
static bool
check_whole(struct parser *p)
{
    const struct csvmap *m = p->map;

    if (!has(&m->event, "id") || !has(&m->event, "type") || !has(&m->event, "time")
        || !has(&m->event, "channel"))
        return fail(p, "[event] needs id, type, time and channel");
    if (m->identifiers.count + m->anonymous.count == 0)
        return fail(p, "[identifiers] says whose an event is: it needs at least one");
    if (m->time_format.len == 0)
        return fail(p, "[map] needs time_format, such as %%Y-%%m-%%d");
    if (m->line.count > 0 && m->sale.count == 0)
        return fail(p, "a [line] is part of a [sale]");
    if (m->sale.count > 0 && !(has(&m->sale, "currency") && has(&m->sale, "total")))
        return fail(p, "a [sale] needs currency and total");
    for (size_t i = 0; i < m->joins_count; i++)
        if (m->joins[i].key < 0)
            return fail(p, "[join %.*s] needs key", SHOW(m->joins[i].table));
    return check_offers(p);
}

/* `/etc/maps/shop.map` is the source shop. */
static struct tl_str
source_of(struct tl_str name)
{
    for (size_t i = name.len; i > 0; i--)
        if (name.ptr[i - 1] == '/') {
            name = (struct tl_str){name.ptr + i, name.len - i};
            break;
        }
    if (name.len > 4 && memcmp(name.ptr + name.len - 4, ".map", 4) == 0)
        name.len -= 4;
    return name;
}

static bool
read_map(struct parser *p, const char *name, const char *text)
{
    struct csvmap *m = p->map;
    size_t len = strlen(text);
    const char *copy;

    arena_init(&m->text, 16 * CSVMAP_BYTES_MAX);
    if ((m->name.ptr = arena_copy(&m->text, name, strlen(name))) == NULL)
        return fail(p, "out of memory");
    m->name.len = strlen(name);
    if (len > CSVMAP_BYTES_MAX)
        return fail(p, "more than 64 KiB are no map");
    if ((copy = arena_copy(&m->text, text, len)) == NULL)
        return fail(p, "out of memory");
    return read_lines(p, (struct tl_str){copy, len}) && check_whole(p);
}

int
csvmap_parse(struct csvmap **out, const char *name, const char *text, char why[CSVMAP_WHY_BYTES])
{
    struct csvmap *m = calloc(1, sizeof *m);
    struct parser p = {.map = m, .why = why};

    if (m == NULL) {
        snprintf(why, CSVMAP_WHY_BYTES, "out of memory");
        return -1;
    }
    m->group = -1;
    m->delimiter = ',';
    if (!read_map(&p, name, text)) {
        csvmap_free(&m);
        return -1;
    }
    if (m->source.len == 0)
        m->source = source_of(m->name);
    *out = m;
    return 0;
}

void
csvmap_free(struct csvmap **map)
{
    if (*map == NULL)
        return;
    arena_fini(&(*map)->text);
    free(*map);
    *map = NULL;
}
