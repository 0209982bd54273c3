#include "store/card.h"

#include <string.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/record.h"
#include "store/views.h"
#include "store/word.h"

/* A tail's number is written with what it is in its low bits. */
#define TAIL_BITS 2
#define TAIL_HIDDEN 1u
#define TAIL_OTHERS 2u

void
card_clear(struct card *c)
{
    c->folded = c->events = c->has = c->offers = 0;
    c->last_sale = (struct card_sale){0};
    c->values[CARD_CURRENCIES_MAX] = (struct card_value){.currency = TL_STR("other")};
    c->offers_here = c->relationship = TL_STR("");
    c->has_moved = false;
    c->identifiers_count = c->values_count = c->sources_count = 0;
    c->conflicts_count = c->recent_count = c->tail_count = 0;
    c->closed = false;
    c->recent_here_count = c->tail_here_count = 0;
    c->recent_here = c->tail_here = TL_STR("");
}

/* ---------------------------------------------------- events left encoded */

#define EVENT_BYTES (8 + RECORD_NUMBER_BYTES)   /* what each begins with: time and number */

static struct card_event
event_at(const char *bytes)
{
    struct record r = record_open((struct tl_str){bytes, EVENT_BYTES});
    int64_t time = record_time(&r);

    return (struct card_event){time, record_number(&r)};
}

static void
read_recent(struct card *c, struct record *r)
{
    for (size_t i = 0; i < c->recent_count; i++) {
        struct card_recent *event = &c->recent[i];

        event->time = record_time(r);
        event->number = record_number(r);
        event->body = record_text(r);
    }
}

static void
read_tail(struct card *c, struct record *r)
{
    for (size_t i = 0; i < c->tail_count; i++) {
        uint64_t number;

        c->tail[i].time = record_time(r);
        number = record_number(r);
        c->tail[i].number = number >> TAIL_BITS | (number & TAIL_HIDDEN ? CARD_HIDDEN : 0) |
                            (number & TAIL_OTHERS ? CARD_OTHERS : 0);
    }
}

void
card_open(struct card *c)
{
    struct record recent = record_open(c->recent_here), tail = record_open(c->tail_here);
    struct card_recent newest = c->recent[0];
    struct card_event last = c->tail[0];
    size_t newest_count = c->recent_count, last_count = c->tail_count;

    if (!c->closed)
        return;
    c->closed = false;
    c->recent_count = c->recent_here_count;
    c->tail_count = c->tail_here_count;
    c->recent_here_count = c->tail_here_count = 0;
    read_recent(c, &recent);
    read_tail(c, &tail);
    must(!recent.bad && !tail.bad);     /* card_read_closed has seen to it */
    if (newest_count > 0)
        card_recent(c, &newest);
    if (last_count > 0)
        card_tail_add(c, last.time, last.number);
}

/* ---------------------------------------------------------------- merging */

/* Is a later than b?  Ties in time go to the later position. */
static bool
later(int64_t a_time, uint64_t a_number, int64_t b_time, uint64_t b_number)
{
    return a_time != b_time ? a_time > b_time : a_number > b_number;
}

static bool
is_own_strong(const struct card_identifier *id)
{
    return (id->kind & (CARD_STRONG | CARD_ELSEWHERE)) == CARD_STRONG;
}

static void
drop_oldest_weak(struct card *c)
{
    size_t oldest = c->identifiers_count;

    for (size_t i = 0; i < c->identifiers_count; i++)
        if (!is_own_strong(&c->identifiers[i]) &&
            (oldest == c->identifiers_count ||
             c->identifiers[i].last_seen < c->identifiers[oldest].last_seen))
            oldest = i;
    if (oldest == c->identifiers_count)
        oldest = 0;
    c->identifiers_count--;
    memmove(&c->identifiers[oldest], &c->identifiers[oldest + 1],
            (c->identifiers_count - oldest) * sizeof(c->identifiers[0]));
}

void
card_identifier_seen(struct card *c, struct tl_str type, struct tl_str value, unsigned kind,
                     int64_t time, bool login)
{
    int64_t last_login = login && !(kind & CARD_STRONG) ? time : INT64_MIN;
    struct card_identifier *id;

    for (size_t i = 0; i < c->identifiers_count; i++) {
        id = &c->identifiers[i];
        if (!str_equal(id->value, value) || !str_equal(id->type, type))
            continue;
        id->kind &= kind | ~(unsigned)CARD_ELSEWHERE;
        if (time < id->first_seen)
            id->first_seen = time;
        if (time > id->last_seen)
            id->last_seen = time;
        if (last_login > id->last_login)
            id->last_login = last_login;
        return;
    }
    c->identifiers[c->identifiers_count++] =
        (struct card_identifier){kind, type, value, time, time, last_login};
    if (c->identifiers_count > CARD_IDENTIFIERS_MAX)
        drop_oldest_weak(c);
}

void
card_source_seen(struct card *c, struct tl_str source, int64_t time)
{
    size_t i = 0, at = 0;

    while (i < c->sources_count && !str_equal(c->sources[i].source, source))
        i++;
    if (i < c->sources_count) {
        if (time <= c->sources[i].last_event)
            return;
        c->sources_count--;
        memmove(&c->sources[i], &c->sources[i + 1],
                (c->sources_count - i) * sizeof(c->sources[0]));
    }
    while (at < c->sources_count &&
           (c->sources[at].last_event > time ||
            (c->sources[at].last_event == time && str_compare(c->sources[at].source, source) < 0)))
        at++;
    memmove(&c->sources[at + 1], &c->sources[at], (c->sources_count - at) * sizeof(c->sources[0]));
    c->sources[at] = (struct card_source){source, time};
    if (c->sources_count < CARD_SOURCES_MAX)
        c->sources_count++;
}

static struct card_value *
value_in(struct card *c, struct tl_str currency)
{
    for (size_t i = 0; i < c->values_count; i++)
        if (str_equal(c->values[i].currency, currency))
            return &c->values[i];
    if (c->values_count == CARD_CURRENCIES_MAX)
        return &c->values[CARD_CURRENCIES_MAX];
    c->values[c->values_count] = (struct card_value){.currency = currency};
    return &c->values[c->values_count++];
}

/* What is in further currencies has no one sum. */
static void
add_spend(struct card *c, struct card_value *value, uint64_t minor)
{
    if (value != &c->values[CARD_CURRENCIES_MAX])
        value->spend_minor = (int64_t)((uint64_t)value->spend_minor + minor);
}

void
card_sold(struct card *c, const struct tl_sale *sale, bool returned)
{
    struct card_value *value = value_in(c, sale->currency);

    if (returned)
        value->returns++;
    else
        value->purchases++;
    add_spend(c, value, (uint64_t)sale->total_minor);
}

void
card_last_sale(struct card *c, const struct card_sale *sale)
{
    if (later(sale->time, sale->number, c->last_sale.time, c->last_sale.number))
        c->last_sale = *sale;
}

/* Of a currency in which nothing is left nothing was ever sold. */
static void
drop_empty(struct card *c, struct card_value *value)
{
    size_t at = (size_t)(value - c->values);

    if (at == CARD_CURRENCIES_MAX || value->purchases + value->returns > 0)
        return;
    c->values_count--;
    memmove(value, value + 1, (c->values_count - at) * sizeof(*value));
}

void
card_unsold(struct card *c, struct tl_str currency, int64_t minor, bool returned)
{
    struct card_value *value = value_in(c, currency);
    uint64_t *count = returned ? &value->returns : &value->purchases;

    if (*count > 0)
        --*count;
    add_spend(c, value, -(uint64_t)minor);
    drop_empty(c, value);
}

void
card_conflict(struct card *c, const struct card_conflict *conflict)
{
    for (size_t i = 0; i < c->conflicts_count; i++) {
        const struct card_conflict *known = &c->conflicts[i];

        if (str_equal(known->type, conflict->type) &&
            str_equal(known->value_a, conflict->value_a) &&
            str_equal(known->value_b, conflict->value_b))
            return;
    }
    if (c->conflicts_count < CARD_CONFLICTS_MAX)
        c->conflicts[c->conflicts_count++] = *conflict;
}

/* Is it later than all that are encoded, and the first such?  Else opens the card. */
static bool
stays_closed(struct card *c, size_t added, struct tl_str encoded, int64_t time, uint64_t number)
{
    struct card_event latest = {INT64_MIN, 0};

    if (!c->closed)
        return false;
    if (encoded.len > 0)
        latest = event_at(encoded.ptr);
    if (added == 0 && later(time, number, latest.time, latest.number))
        return true;
    card_open(c);
    return false;
}

bool
card_has_room_for(struct card *c, int64_t time, uint64_t number)
{
    const struct card_recent *oldest = &c->recent[CARD_RECENT_MAX - 1];

    return stays_closed(c, c->recent_count, c->recent_here, time, number) ||
           c->recent_count < CARD_RECENT_MAX || oldest->time <= time;
}

void
card_recent(struct card *c, const struct card_recent *event)
{
    size_t at;

    if (stays_closed(c, c->recent_count, c->recent_here, event->time, event->number)) {
        c->recent[c->recent_count++] = *event;
        return;
    }
    at = c->recent_count;
    while (at > 0 && later(event->time, event->number, c->recent[at - 1].time,
                           c->recent[at - 1].number))
        at--;
    memmove(&c->recent[at + 1], &c->recent[at], (c->recent_count - at) * sizeof(c->recent[0]));
    c->recent[at] = *event;
    if (c->recent_count < CARD_RECENT_MAX)
        c->recent_count++;
}

bool
card_tail_add(struct card *c, int64_t time, uint64_t number)
{
    struct tl_str last = c->tail_here;
    size_t at;

    if (c->tail_here_count + c->tail_count == CARD_TAIL_MAX)
        return false;
    if (last.len > 0)
        last = (struct tl_str){last.ptr + last.len - EVENT_BYTES, EVENT_BYTES};
    if (stays_closed(c, c->tail_count, last, time, (number & CARD_NUMBER) << TAIL_BITS)) {
        c->tail[c->tail_count++] = (struct card_event){time, number};
        return true;
    }
    at = c->tail_count;
    while (at > 0 && later(c->tail[at - 1].time, c->tail[at - 1].number & CARD_NUMBER, time,
                           number & CARD_NUMBER))
        at--;
    memmove(&c->tail[at + 1], &c->tail[at], (c->tail_count - at) * sizeof(c->tail[0]));
    c->tail[at] = (struct card_event){time, number};
    c->tail_count++;
    return true;
}

void
card_moved(struct card *c, const struct relationship_sums *before,
           const struct relationship_sums *now)
{
    if (memcmp(before, now, sizeof(*now)) == 0)
        return;
    if (!c->has_moved)
        c->moved = (struct relationship_sums){{0}};
    c->has_moved = true;
    relationship_move(&c->moved, before, now);
}

bool
card_has_strong(const struct card *c)
{
    for (size_t i = 0; i < c->identifiers_count; i++)
        if (is_own_strong(&c->identifiers[i]))
            return true;
    return false;
}

/* ------------------------------------------------------------ as a record */

enum recent_flags {
    UNVERIFIED = 1,
    SUPERSEDED = 2,
};

void
card_recent_body(struct buf *out, const struct card_event_text *text)
{
    buf_byte(out, (unsigned char)((text->unverified ? UNVERIFIED : 0u) |
                                  (text->superseded ? SUPERSEDED : 0u)));
    word_put(out, text->type);
    word_put(out, text->channel);
    buf_append(out, text->summary.ptr, text->summary.len);
}

int
card_recent_text(const struct card_recent *event, struct card_event_text *text)
{
    struct record r = record_open(event->body);
    unsigned flags;

    flags = record_byte(&r);
    text->unverified = flags & UNVERIFIED;
    text->superseded = flags & SUPERSEDED;
    text->type = word_read(&r);
    text->channel = word_read(&r);
    text->summary = (struct tl_str){(const char *)r.at, (size_t)(r.end - r.at)};
    return r.bad ? TL_EDAMAGED : 0;
}

bool
card_recent_superseded(const struct card_recent *event)
{
    return event->body.len > 0 && event->body.ptr[0] & SUPERSEDED;
}

int
card_recent_supersede(struct card *c, uint64_t number, struct arena *arena)
{
    struct card_recent *event = c->recent;
    char *body;

    card_open(c);
    while (event < c->recent + c->recent_count && event->number != number)
        event++;
    if (event == c->recent + c->recent_count || event->body.len == 0)
        return 0;
    if ((body = arena_copy(arena, event->body.ptr, event->body.len)) == NULL)
        return TL_TOO_MANY;
    body[0] |= SUPERSEDED;
    event->body.ptr = body;
    return 0;
}

static void
read_identifiers(struct card *c, struct record *r)
{
    c->identifiers_count = record_count(r, CARD_IDENTIFIERS_MAX);
    for (size_t i = 0; i < c->identifiers_count; i++) {
        struct card_identifier *id = &c->identifiers[i];

        id->kind = record_byte(r);
        id->type = record_text(r);
        id->value = record_text(r);
        id->first_seen = record_time(r);
        id->last_seen = record_time(r);
        id->last_login = id->kind & CARD_STRONG ? INT64_MIN : record_time(r);
    }
}

static void
read_values(struct card *c, struct record *r)
{
    c->values_count = record_count(r, CARD_CURRENCIES_MAX);
    for (size_t i = 0; i < c->values_count; i++) {
        struct card_value *value = &c->values[i];

        value->currency = record_text(r);
        value->purchases = record_varint(r);
        value->returns = record_varint(r);
        value->spend_minor = record_signed(r);
    }
    c->values[CARD_CURRENCIES_MAX] = (struct card_value){.currency = TL_STR("other")};
    if (c->values_count == CARD_CURRENCIES_MAX) {
        c->values[CARD_CURRENCIES_MAX].purchases = record_varint(r);
        c->values[CARD_CURRENCIES_MAX].returns = record_varint(r);
    }
    c->last_sale.number = record_varint(r);
    if (c->last_sale.number != 0) {
        c->last_sale.time = record_time(r);
        c->last_sale.minor = record_signed(r);
        c->last_sale.currency = record_text(r);
    }
}

static void
read_conflicts(struct card *c, struct record *r)
{
    c->conflicts_count = record_count(r, CARD_CONFLICTS_MAX);
    for (size_t i = 0; i < c->conflicts_count; i++) {
        struct card_conflict *conflict = &c->conflicts[i];

        conflict->type = record_text(r);
        conflict->value_a = record_text(r);
        conflict->value_b = record_text(r);
        conflict->number = record_varint(r);
        conflict->time = record_time(r);
    }
}

/* Leaves them encoded, having seen that they can be read. */
static void
read_events(struct card *c, struct record *r)
{
    struct record recent;
    size_t bytes;

    c->recent_here_count = record_count(r, CARD_RECENT_MAX);
    c->recent_here = record_text(r);
    recent = record_open(c->recent_here);
    for (size_t i = 0; i < c->recent_here_count; i++) {
        c->recent_here_oldest = (size_t)((const char *)recent.at - c->recent_here.ptr);
        record_time(&recent);
        record_number(&recent);
        record_text(&recent);
    }
    c->tail_here_count = record_count(r, CARD_TAIL_MAX);
    bytes = c->tail_here_count * EVENT_BYTES;
    c->tail_here = (struct tl_str){(const char *)r->at, bytes};
    if (recent.bad || recent.at != recent.end || bytes != (size_t)(r->end - r->at))
        record_fault(r);
    c->closed = true;
}

int
card_read_closed(struct card *c, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    card_clear(c);
    c->folded = record_varint(&r);
    c->events = record_varint(&r);
    c->has = record_varint(&r);
    c->offers = record_varint(&r);
    c->offers_here = record_text(&r);
    if (c->has & CARD_RELATIONSHIP)
        c->relationship = record_text(&r);
    read_identifiers(c, &r);
    read_values(c, &r);
    c->sources_count = record_count(&r, CARD_SOURCES_MAX);
    for (size_t i = 0; i < c->sources_count; i++) {
        c->sources[i].source = record_text(&r);
        c->sources[i].last_event = record_time(&r);
    }
    read_conflicts(c, &r);
    read_events(c, &r);
    return r.bad ? TL_EDAMAGED : 0;
}

int
card_find(struct views *v, uint64_t profile, struct card *c)
{
    struct tl_str bytes;
    struct key k;

    key_profile(&k, profile, KEY_CARD);
    if (views_get(v, k.bytes, k.len, &bytes))
        return card_read_closed(c, bytes);
    card_clear(c);
    return 0;
}

int
card_read(struct card *c, struct tl_str bytes)
{
    int err = card_read_closed(c, bytes);

    if (err == 0)
        card_open(c);
    return err;
}

static size_t
bytes_at_most(const struct card *c)
{
    size_t bytes = 19 * RECORD_VARINT_MAX + c->last_sale.currency.len + 8 +
                   c->offers_here.len + c->relationship.len;

    for (size_t i = 0; i < c->identifiers_count; i++)
        bytes += 2 * RECORD_VARINT_MAX + 25 + c->identifiers[i].type.len +
                 c->identifiers[i].value.len;
    for (size_t i = 0; i < c->values_count; i++)
        bytes += 4 * RECORD_VARINT_MAX + c->values[i].currency.len;
    for (size_t i = 0; i < c->sources_count; i++)
        bytes += RECORD_VARINT_MAX + 8 + c->sources[i].source.len;
    for (size_t i = 0; i < c->conflicts_count; i++)
        bytes += 4 * RECORD_VARINT_MAX + 8 + c->conflicts[i].type.len +
                 c->conflicts[i].value_a.len + c->conflicts[i].value_b.len;
    for (size_t i = 0; i < c->recent_count; i++)
        bytes += 2 * RECORD_VARINT_MAX + 8 + c->recent[i].body.len;
    return bytes + c->recent_here.len + c->tail_here.len +
           c->tail_count * (RECORD_VARINT_MAX + 8);
}

static unsigned char *
write_signed(unsigned char *at, int64_t v)
{
    return record_write_varint(at, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static unsigned char *
write_identifiers(const struct card *c, unsigned char *at)
{
    at = record_write_varint(at, c->identifiers_count);
    for (size_t i = 0; i < c->identifiers_count; i++) {
        const struct card_identifier *id = &c->identifiers[i];

        *at++ = (unsigned char)id->kind;
        at = record_write_text(at, id->type);
        at = record_write_text(at, id->value);
        at = record_write_time(at, id->first_seen);
        at = record_write_time(at, id->last_seen);
        if (!(id->kind & CARD_STRONG))
            at = record_write_time(at, id->last_login);
    }
    return at;
}

static unsigned char *
write_values(const struct card *c, unsigned char *at)
{
    at = record_write_varint(at, c->values_count);
    for (size_t i = 0; i < c->values_count; i++) {
        const struct card_value *value = &c->values[i];

        at = record_write_text(at, value->currency);
        at = record_write_varint(at, value->purchases);
        at = record_write_varint(at, value->returns);
        at = write_signed(at, value->spend_minor);
    }
    if (c->values_count == CARD_CURRENCIES_MAX) {
        at = record_write_varint(at, c->values[CARD_CURRENCIES_MAX].purchases);
        at = record_write_varint(at, c->values[CARD_CURRENCIES_MAX].returns);
    }
    at = record_write_varint(at, c->last_sale.number);
    if (c->last_sale.number != 0) {
        at = record_write_time(at, c->last_sale.time);
        at = write_signed(at, c->last_sale.minor);
        at = record_write_text(at, c->last_sale.currency);
    }
    return at;
}

static unsigned char *
write_conflicts(const struct card *c, unsigned char *at)
{
    at = record_write_varint(at, c->conflicts_count);
    for (size_t i = 0; i < c->conflicts_count; i++) {
        const struct card_conflict *conflict = &c->conflicts[i];

        at = record_write_text(at, conflict->type);
        at = record_write_text(at, conflict->value_a);
        at = record_write_text(at, conflict->value_b);
        at = record_write_varint(at, conflict->number);
        at = record_write_time(at, conflict->time);
    }
    return at;
}

static unsigned char *
write_bytes(unsigned char *at, const char *bytes, size_t len)
{
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

/* The bytes of the recent ones, and those of them that follow what is in c->recent. */
static size_t
recent_bytes(const struct card *c, size_t *here)
{
    size_t bytes = 0;

    for (size_t i = 0; i < c->recent_count; i++)
        bytes += EVENT_BYTES + record_text_bytes(c->recent[i].body);
    *here = c->recent_count + c->recent_here_count > CARD_RECENT_MAX ? c->recent_here_oldest
            : c->recent_here_count > 0                               ? c->recent_here.len
                                                                     : 0;
    return bytes + *here;
}

static unsigned char *
write_events(const struct card *c, unsigned char *at)
{
    size_t count = c->recent_count + c->recent_here_count, here;
    size_t bytes = recent_bytes(c, &here);

    at = record_write_varint(at, count < CARD_RECENT_MAX ? count : CARD_RECENT_MAX);
    at = record_write_varint(at, bytes);
    for (size_t i = 0; i < c->recent_count; i++) {
        const struct card_recent *event = &c->recent[i];

        at = record_write_time(at, event->time);
        at = record_write_number(at, event->number);
        at = record_write_text(at, event->body);
    }
    at = write_bytes(at, c->recent_here.ptr, here);
    at = record_write_varint(at, c->tail_here_count + c->tail_count);
    at = write_bytes(at, c->tail_here.ptr, c->tail_here_count * EVENT_BYTES);
    for (size_t i = 0; i < c->tail_count; i++) {
        at = record_write_time(at, c->tail[i].time);
        at = record_write_number(at, c->tail[i].number << TAIL_BITS |
                                         (c->tail[i].number & CARD_HIDDEN ? TAIL_HIDDEN : 0) |
                                         (c->tail[i].number & CARD_OTHERS ? TAIL_OTHERS : 0));
    }
    return at;
}

void
card_write(const struct card *c, struct buf *out)
{
    size_t room = bytes_at_most(c);
    unsigned char *start = buf_grow(out, room), *at = start;

    must(start != NULL);
    at = record_write_varint(at, c->folded);
    at = record_write_varint(at, c->events);
    at = record_write_varint(at, c->has);
    at = record_write_varint(at, c->offers);
    at = record_write_text(at, c->offers_here);
    if (c->has & CARD_RELATIONSHIP)
        at = record_write_text(at, c->relationship);
    at = write_identifiers(c, at);
    at = write_values(c, at);
    at = record_write_varint(at, c->sources_count);
    for (size_t i = 0; i < c->sources_count; i++) {
        at = record_write_text(at, c->sources[i].source);
        at = record_write_time(at, c->sources[i].last_event);
    }
    at = write_conflicts(c, at);
    at = write_events(c, at);
    must((size_t)(at - start) <= room);
    out->len -= room - (size_t)(at - start);
}
