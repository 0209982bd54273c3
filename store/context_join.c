/* The cards of a customer's profiles, joined into one. */

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/sort.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/context.h"
#include "store/identity.h"
#include "store/key.h"

/* The types everybody knows, strongest first, as the design lists them. */
static size_t
strength(const struct card_identifier *id)
{
    static const struct tl_str types[] = {
        TL_STR("crm"),    TL_STR("user"),   TL_STR("account"),   TL_STR("loyalty"),
        TL_STR("email"),  TL_STR("payment"), TL_STR("phone"),    TL_STR("social"),
        TL_STR("device"), TL_STR("cookie"), TL_STR("anonymous"), TL_STR("receipt"),
    };
    size_t count = sizeof(types) / sizeof(types[0]), i = 0;

    while (i < count && !str_equal(id->type, types[i]))
        i++;
    if (id->kind & CARD_ELSEWHERE)
        return 3 * count;
    return (id->kind & CARD_STRONG ? 0 : count + 1) + i;
}

int
compare_identifiers(const void *a, const void *b)
{
    const struct card_identifier *x = a, *y = b;
    size_t x_strength = strength(x), y_strength = strength(y);
    int order;

    if (x_strength != y_strength)
        return x_strength < y_strength ? -1 : 1;
    if (x->last_seen != y->last_seen)
        return x->last_seen > y->last_seen ? -1 : 1;
    order = str_compare(x->type, y->type);
    return order != 0 ? order : str_compare(x->value, y->value);
}

static bool
same_identifier(const void *a, const void *b)
{
    const struct card_identifier *x = a, *y = b;

    return str_equal(x->value, y->value) && str_equal(x->type, y->type);
}

static uint64_t
hash_identifier(const void *a)
{
    const struct card_identifier *id = a;

    return hash_table(id->value.ptr, id->value.len) ^ hash_table(id->type.ptr, id->type.len);
}

static void
join_identifier(struct joining *j, const struct card_identifier *id)
{
    size_t at = finder_find(&j->identifiers_known, j->identifiers, j->identifiers_count, id);
    struct card_identifier *known = &j->identifiers[at];

    if (at == j->identifiers_count) {
        j->identifiers[j->identifiers_count++] = *id;
        return;
    }
    known->kind &= id->kind | ~(unsigned)CARD_ELSEWHERE;
    if (id->first_seen < known->first_seen)
        known->first_seen = id->first_seen;
    if (id->last_seen > known->last_seen)
        known->last_seen = id->last_seen;
}

/* What was named in this customer's events and belongs to somebody else is not
 * shown. */
static void
drop_elsewhere(struct joining *j)
{
    size_t kept = 0;

    for (size_t i = 0; i < j->identifiers_count; i++)
        if (!(j->identifiers[i].kind & CARD_ELSEWHERE))
            j->identifiers[kept++] = j->identifiers[i];
    j->identifiers_count = kept;
}

static void
join_value(struct joining *j, const struct card_value *value)
{
    size_t i = 0;

    while (i < j->values_count && !str_equal(j->values[i].currency, value->currency))
        i++;
    if (i == j->values_count)
        j->values[j->values_count++] = (struct card_value){.currency = value->currency};
    j->values[i].purchases += value->purchases;
    j->values[i].returns += value->returns;
    j->values[i].spend_minor += value->spend_minor;
}

static void
join_source(struct joining *j, const struct card_source *source)
{
    size_t i = 0;

    while (i < j->sources_count && !str_equal(j->sources[i].source, source->source))
        i++;
    if (i == sizeof(j->sources) / sizeof(j->sources[0]))
        return;
    if (i == j->sources_count)
        j->sources[j->sources_count++] = *source;
    else if (source->last_event > j->sources[i].last_event)
        j->sources[i].last_event = source->last_event;
}

static void
join_recent(struct joining *j, const struct card_recent *event)
{
    size_t at = j->recent_count;

    while (at > 0 && (event->time > j->recent[at - 1].time ||
                      (event->time == j->recent[at - 1].time &&
                       event->number > j->recent[at - 1].number)))
        at--;
    memmove(&j->recent[at + 1], &j->recent[at], (j->recent_count - at) * sizeof(j->recent[0]));
    j->recent[at] = *event;
    if (j->recent_count < CARD_RECENT_MAX)
        j->recent_count++;
}

static void
join_conflict(struct joining *j, const struct card_conflict *conflict)
{
    for (size_t i = 0; i < j->conflicts_count; i++) {
        struct card_conflict *known = &j->conflicts[i];

        if (known->number != conflict->number &&
            !(str_equal(known->type, conflict->type) &&
              str_equal(known->value_a, conflict->value_a) &&
              str_equal(known->value_b, conflict->value_b)))
            continue;
        if (conflict->number < known->number)
            *known = *conflict;
        return;
    }
    if (j->conflicts_count < CARD_CONFLICTS_MAX)
        j->conflicts[j->conflicts_count++] = *conflict;
}

static int
join_card(struct joining *j, uint64_t profile, const struct card *c)
{
    int err = 0;

    if (c->folded > j->depends)
        j->depends = c->folded;
    j->events += c->events;
    j->offer_sources[j->offer_sources_count++] =
        (struct offer_source){profile, c->offers_here, c->has & CARD_OFFERS_APART, c->offers};
    j->has |= c->has;
    if (c->has & CARD_CONVERSATIONS)
        j->conversing[j->conversing_count++] = profile;
    if (c->has & CARD_RELATIONSHIP)
        err = relationship_read(&j->relationship, c->relationship);
    for (size_t i = 0; i < c->identifiers_count; i++)
        join_identifier(j, &c->identifiers[i]);
    for (size_t i = 0; i < c->values_count; i++)
        join_value(j, &c->values[i]);
    if (c->values[CARD_CURRENCIES_MAX].purchases + c->values[CARD_CURRENCIES_MAX].returns > 0)
        join_value(j, &c->values[CARD_CURRENCIES_MAX]);
    for (size_t i = 0; i < c->sources_count; i++)
        join_source(j, &c->sources[i]);
    for (size_t i = 0; i < c->conflicts_count; i++)
        join_conflict(j, &c->conflicts[i]);
    for (size_t i = 0; i < c->recent_count; i++)
        if (!card_recent_superseded(&c->recent[i]))
            join_recent(j, &c->recent[i]);
    if (c->last_sale.number != 0 &&
        (c->last_sale.time > j->last_sale.time ||
         (c->last_sale.time == j->last_sale.time && c->last_sale.number > j->last_sale.number)))
        j->last_sale = c->last_sale;
    return err;
}

int
load_card(struct joining *j, uint64_t profile, struct card *c)
{
    struct tl_str bytes;
    struct key k;

    card_clear(c);
    key_profile(&k, profile, KEY_CARD);
    if (!views_get(j->st->views, k.bytes, k.len, &bytes))
        return 0;
    bytes.ptr = arena_copy(j->arena, bytes.ptr, bytes.len);
    return bytes.ptr == NULL ? TL_TOO_MANY : card_read(c, bytes);
}

static int
join_profiles(struct joining *j, uint64_t profile)
{
    struct card c;
    int err = 0;

    if (profile != 0)
        err = identity_customer(j->st->views, profile, j->profiles, &j->profiles_count);
    j->identifiers = arena_take(j->arena, (j->profiles_count * CARD_IDENTIFIERS_MAX + 1) *
                                              sizeof(j->identifiers[0]));
    j->values = arena_take(j->arena, (j->profiles_count + 1) * (CARD_CURRENCIES_MAX + 1) *
                                         sizeof(j->values[0]));
    if (j->identifiers == NULL || j->values == NULL)
        return TL_TOO_MANY;
    j->identifiers_known = finder_new(sizeof(j->identifiers[0]), same_identifier, hash_identifier,
                                       j->arena);
    for (size_t i = 0; i < j->profiles_count && err == 0; i++) {
        err = load_card(j, j->profiles[i], &c);
        if (err == 0)
            err = join_card(j, j->profiles[i], &c);
    }
    drop_elsewhere(j);
    sort(j->identifiers, j->identifiers_count, sizeof(j->identifiers[0]), compare_identifiers);
    return err;
}

/* What is read next is asked of the memory at once: of a million customers nearly all
 * are cold, and each record would be waited for by itself, three times. */
static void
fetch_records(const struct views *v, uint64_t profile)
{
    static const enum key_section sections[] = {KEY_LINKS, KEY_CARD, KEY_CONTACT};
    enum { COUNT = sizeof(sections) / sizeof(sections[0]) };
    struct views_ahead ahead[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        struct key k;

        key_profile(&k, profile, sections[i]);
        views_ahead(&ahead[i], v, views_hash(k.bytes, k.len));
    }
    for (size_t i = 0; i < COUNT; i++)
        views_ahead_entry(&ahead[i], v);
    for (size_t i = 0; i < COUNT; i++)
        views_ahead_bytes(&ahead[i]);
}

int
join_customer(struct joining *j, struct store *st, const struct store_question *q,
              struct arena *arena, uint64_t profile)
{
    if (profile != 0)
        fetch_records(st->views, profile);
    memset(j, 0, offsetof(struct joining, profiles));
    j->st = st;
    j->q = q;
    j->arena = arena;
    return join_profiles(j, profile);
}

int
begin_joining(struct joining *j, struct store *st, const struct store_question *q,
              struct arena *arena, uint64_t *candidates, size_t *candidates_count)
{
    uint64_t profile;
    int err = identity_find(st->views, &q->customer, &profile, candidates, candidates_count);

    return err != 0 ? err : join_customer(j, st, q, arena, profile);
}

struct tl_str
position_text(const struct joining *j, uint64_t number)
{
    char text[POSITION_BYTES + 1];

    position_format(text, (struct position){store_log_id(j->st), number});
    return (struct tl_str){arena_copy(j->arena, text, POSITION_BYTES), POSITION_BYTES};
}

struct tl_str
standing_text(const struct joining *j)
{
    uint64_t number = store_head(j->st);

    if (number < j->depends)
        number = j->depends;
    return position_text(j, number < j->q->at_least ? j->q->at_least : number);
}

struct tl_str
more_text(const struct joining *j, uint64_t more)
{
    char *text;

    if (more == 0)
        return (struct tl_str){"", 0};
    text = arena_alloc(j->arena, 8);
    if (text == NULL)
        return (struct tl_str){"", 0};
    if (more > LONGEST_COUNT)
        snprintf(text, 8, "%d+", LONGEST_COUNT);
    else
        snprintf(text, 8, "%d", (int)more);
    return (struct tl_str){text, strlen(text)};
}

struct tl_str
name_of(const struct store_identifier *id, struct arena *arena)
{
    size_t len = id->type.len + 1 + id->value.len;
    char *text = arena_alloc(arena, len + 1);

    if (text == NULL)
        return (struct tl_str){NULL, 0};
    memcpy(text, id->type.ptr, id->type.len);
    text[id->type.len] = ':';
    memcpy(text + id->type.len + 1, id->value.ptr, id->value.len);
    return (struct tl_str){text, len};
}
