#include "store/subject.h"

#include "proto/code.h"
#include "proto/str.h"
#include "proto/valid.h"
#include "store/card.h"
#include "store/contact.h"
#include "store/key.h"
#include "store/record.h"
#include "store/word.h"

/* Room for a source and a subject as long as they may be is more than a key has. */
#define NAME_KEPT_BYTES 400

/* ------------------------------------------------------------------ names */

/* Both, each with its length before it. */
static void
add_name(struct buf *out, struct tl_str source, struct tl_str subject)
{
    record_put_text(out, source);
    record_put_text(out, subject);
}

static struct tl_str
text_of(const struct buf *b)
{
    return (struct tl_str){(const char *)b->ptr, b->len};
}

/* A long name is cut, and told from others by its hash. */
static void
subject_key(struct key *k, enum key_global kind, struct tl_str name)
{
    key_global(k, kind);
    if (name.len <= NAME_KEPT_BYTES) {
        key_add(k, name);
    } else {
        key_add(k, (struct tl_str){name.ptr, NAME_KEPT_BYTES});
        key_add_number(k, contact_name(name));
    }
}

/* ----------------------------------------------------------------- records */

static int
read_counted(struct tl_str bytes, struct subject_counted *out, struct arena *arena)
{
    struct record r = record_open(bytes);

    out->revision = record_varint(&r);
    out->time = record_time(&r);
    out->number = record_varint(&r);
    out->profile = record_varint(&r);
    out->channel = word_read(&r);
    out->sale = (char)record_byte(&r);
    if (out->sale != 0) {
        out->minor = record_signed(&r);
        out->currency = record_text(&r);
    }
    out->touches_count = record_count(&r, OFFERS_MAX);
    out->touches = arena_take(arena, (out->touches_count + 1) * sizeof(out->touches[0]));
    if (out->touches == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < out->touches_count; i++) {
        struct subject_touch *touch = &out->touches[i];

        touch->offer = record_text(&r);
        touch->campaign = record_text(&r);
        touch->outcome = (enum outcome)record_byte(&r);
        touch->count = (uint32_t)record_varint(&r);
        r.bad = r.bad || touch->outcome >= OUTCOME_COUNT;
    }
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
write_touches(const struct tl_event *ev, struct buf *out)
{
    size_t count = 0;

    for (size_t i = 0; i < ev->offers_count; i++)
        count += outcome_of(ev, &ev->offers[i]) != OUTCOME_COUNT;
    buf_varint(out, count);
    for (size_t i = 0; i < ev->offers_count; i++) {
        const struct tl_offer_touch *touch = &ev->offers[i];
        enum outcome outcome = outcome_of(ev, touch);

        if (outcome == OUTCOME_COUNT)
            continue;
        record_put_text(out, offer_id(ev, touch));
        record_put_text(out, offer_campaign(ev, touch));
        buf_byte(out, (unsigned char)outcome);
        buf_varint(out, touch->count > 0 ? touch->count : 1);
    }
}

static void
write_counted(const struct frame *f, const struct tl_event *ev, struct buf *out)
{
    bool sale = ev->sale != NULL && subject_is_sale(f->type);

    buf_varint(out, ev->revision);
    record_put_time(out, f->time);
    buf_varint(out, f->number);
    buf_varint(out, f->profile);
    word_put(out, ev->channel);
    buf_byte(out, !sale ? 0 : str_is(f->type, "sale.returned") ? 'r' : 's');
    if (sale) {
        record_put_signed(out, ev->sale->total_minor);
        record_put_text(out, ev->sale->currency);
    }
    write_touches(ev, out);
}

/* ------------------------------------------------------- which events told it */

static void
index_told(struct views *v, struct tl_str name, uint64_t number)
{
    struct key k;

    subject_key(&k, KEY_SUBJECT_TOLD, name);
    key_add_number(&k, number);
    views_put(v, k.bytes, k.len, "", 0);
}

bool
subject_of_key(struct tl_str key, struct tl_str *name)
{
    if (key.len < 2 || key.ptr[0] != 'G' || key.ptr[1] != KEY_SUBJECT)
        return false;
    *name = (struct tl_str){key.ptr + 2, key.len - 2};
    return true;
}

void
subject_numbers(struct views *v, struct tl_str name, uint64_t to, struct buf *numbers)
{
    struct views_walk w;
    struct key prefix;
    uint64_t number;
    bool more;

    key_global(&prefix, KEY_SUBJECT_TOLD);
    key_add(&prefix, name);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && (number = key_read_number(w.key, prefix.len)) <= to; more = views_next(&w))
        buf_append(numbers, &number, sizeof(number));
    views_end(&w);
}

/* ----------------------------------------------------------------- folding */

bool
subject_is_sale(struct tl_str type)
{
    return str_is(type, "sale.completed") || str_is(type, "order.completed") ||
           str_is(type, "sale.returned");
}

static bool
is_lower(const struct frame *f, const struct tl_event *ev, const struct subject_counted *known)
{
    if (ev->revision != known->revision)
        return ev->revision < known->revision;
    if (f->time != known->time)
        return f->time < known->time;
    return f->number < known->number;
}

static int
find(struct views *v, const struct key *k, struct subject_counted *out, struct arena *arena)
{
    struct tl_str bytes;

    if (!views_get(v, k->bytes, k->len, &bytes))
        return 0;
    bytes.ptr = arena_copy(arena, bytes.ptr, bytes.len);
    return bytes.ptr == NULL ? TL_TOO_MANY : read_counted(bytes, out, arena);
}

static void
store_counted(struct views *v, const struct key *k, const struct frame *f,
              const struct tl_event *ev)
{
    struct buf out = {0};

    write_counted(f, ev, &out);
    views_put(v, k->bytes, k->len, out.ptr, out.len);
    buf_free(&out);
}

int
subject_fold(struct views *v, struct counters *counters, const struct frame *f,
             const struct tl_event *ev, struct subject *out, struct arena *arena)
{
    struct buf name = {0};
    struct key k;
    int err;

    *out = (struct subject){0};
    if (ev->revision == 0 || ev->subject.len == 0 || f->flags & (FRAME_BUS | FRAME_HIDDEN))
        return 0;
    add_name(&name, ev->source, ev->subject);
    subject_key(&k, KEY_SUBJECT, text_of(&name));
    index_told(v, text_of(&name), f->number);
    out->name = contact_name(text_of(&name)) | 1;
    buf_free(&name);
    if ((err = find(v, &k, &out->replaced, arena)) != 0)
        return err;
    if (out->replaced.number != 0) {
        counter_add(counters, COUNTER_TOTAL, TL_STR(COUNTER_SUPERSEDED), 1);
        if (is_lower(f, ev, &out->replaced)) {
            out->superseded = true;
            out->replaced = (struct subject_counted){0};
            return 0;
        }
    }
    store_counted(v, &k, f, ev);
    return 0;
}

int
subject_counted(struct views *v, struct tl_str source, struct tl_str subject, uint64_t *number)
{
    struct buf name = {0};
    struct tl_str bytes;
    struct record r;
    struct key k;

    *number = 0;
    add_name(&name, source, subject);
    subject_key(&k, KEY_SUBJECT, text_of(&name));
    buf_free(&name);
    if (!views_get(v, k.bytes, k.len, &bytes))
        return 0;
    r = record_open(bytes);
    record_varint(&r);
    record_time(&r);
    *number = record_varint(&r);
    return r.bad ? TL_EDAMAGED : 0;
}

/* ------------------------------------------------------------------- sales */

static void
sale_key(struct key *k, uint64_t profile, int64_t time, uint64_t number)
{
    key_profile(k, profile, KEY_SUBJECT_SALE);
    key_add_time_descending(k, time);
    key_add_number(k, ~number);
}

void
subject_sale_put(struct views *v, uint64_t profile, const struct card_sale *sale)
{
    struct buf out = {0};
    struct key k;

    record_put_signed(&out, sale->minor);
    record_put_text(&out, sale->currency);
    sale_key(&k, profile, sale->time, sale->number);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
}

void
subject_sale_delete(struct views *v, uint64_t profile, int64_t time, uint64_t number)
{
    struct key k;

    sale_key(&k, profile, time, number);
    views_delete(v, k.bytes, k.len);
}

static int
read_sale(const struct views_walk *w, size_t at, struct card_sale *last, struct arena *arena)
{
    struct card_sale sale = {key_read_time_descending(w->key, at),
                             ~key_read_number(w->key, at + 8), 0, {"", 0}};
    struct record r = record_open(w->value);

    if (sale.time < last->time || (sale.time == last->time && sale.number < last->number))
        return 0;
    sale.minor = record_signed(&r);
    sale.currency = record_text(&r);
    if (r.bad)
        return TL_EDAMAGED;
    sale.currency.ptr = arena_copy(arena, sale.currency.ptr, sale.currency.len);
    if (sale.currency.ptr == NULL)
        return TL_TOO_MANY;
    *last = sale;
    return 0;
}

int
subject_last_sale(struct views *v, uint64_t profile, struct card_sale *last, struct arena *arena)
{
    struct views_walk w;
    struct key prefix;
    int err = 0;

    key_profile(&prefix, profile, KEY_SUBJECT_SALE);
    if (views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false))
        err = read_sale(&w, prefix.len, last, arena);
    views_end(&w);
    return err;
}
