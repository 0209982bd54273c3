#include "store/catalogue.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/offer_state.h"
#include "store/record.h"

/* Below the catalogue's key. */
enum part {
    DEFINED = 'd',      /* + offer id: its definitions */
    RAISED = 'r',       /* + descending end, offer id */
    TOLD = 't',         /* + offer id 0, number: an event that defined it */
};

enum entry_has {
    IS_WITHDRAWN = 1,
    HAS_PRICE = 2,
    HAS_FROM = 4,
    HAS_EXPIRES = 8,
};

bool
catalogue_is_empty(const struct counters *c)
{
    return counter_get(c, COUNTER_TOTAL, COUNTER_DEFINED) == 0;
}

/* ----------------------------------------------------------------- records */

static void
record_key(struct key *k, struct tl_str offer)
{
    key_global(k, KEY_CATALOGUE);
    key_add_byte(k, DEFINED);
    key_add(k, offer);
}

static void
read_entry(struct catalogue_entry *e, struct record *r)
{
    unsigned has = record_byte(r);

    *e = (struct catalogue_entry){.withdrawn = has & IS_WITHDRAWN};
    e->campaign = record_text(r);
    e->time = record_time(r);
    e->revision = record_varint(r);
    e->number = record_varint(r);
    e->title = record_text(r);
    e->terms = record_text(r);
    e->group = record_text(r);
    if (has & HAS_PRICE) {
        e->price_minor = record_signed(r);
        e->currency = record_text(r);
    }
    e->valid_from = has & HAS_FROM ? record_time(r) : 0;
    e->expires = has & HAS_EXPIRES ? record_time(r) : 0;
}

static int
read_offer(struct tl_str bytes, struct catalogue_offer *out, struct arena *arena)
{
    struct record r = record_open(bytes);

    out->raised = record_byte(&r) != 0;
    out->count = record_count(&r, CATALOGUE_CAMPAIGNS_MAX);
    out->entries = arena_take(arena, (out->count + 1) * sizeof(out->entries[0]));
    if (out->entries == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < out->count; i++)
        read_entry(&out->entries[i], &r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static int
copy_and_read(struct tl_str bytes, struct catalogue_offer *out, struct arena *arena)
{
    bytes.ptr = arena_copy(arena, bytes.ptr, bytes.len);
    return bytes.ptr == NULL ? TL_TOO_MANY : read_offer(bytes, out, arena);
}

int
catalogue_read(struct views *v, struct tl_str offer, struct catalogue_offer *out,
               struct arena *arena)
{
    struct tl_str bytes;
    struct key k;

    *out = (struct catalogue_offer){0};
    record_key(&k, offer);
    return views_get(v, k.bytes, k.len, &bytes) ? copy_and_read(bytes, out, arena) : 0;
}

static void
write_entry(const struct catalogue_entry *e, struct buf *out)
{
    unsigned has = (e->withdrawn ? IS_WITHDRAWN : 0u) | (e->currency.len > 0 ? HAS_PRICE : 0u) |
                   (e->valid_from != 0 ? HAS_FROM : 0u) | (e->expires != 0 ? HAS_EXPIRES : 0u);

    buf_byte(out, (unsigned char)has);
    record_put_text(out, e->campaign);
    record_put_time(out, e->time);
    buf_varint(out, e->revision);
    buf_varint(out, e->number);
    record_put_text(out, e->title);
    record_put_text(out, e->terms);
    record_put_text(out, e->group);
    if (has & HAS_PRICE) {
        record_put_signed(out, e->price_minor);
        record_put_text(out, e->currency);
    }
    if (has & HAS_FROM)
        record_put_time(out, e->valid_from);
    if (has & HAS_EXPIRES)
        record_put_time(out, e->expires);
}

static void
store_offer(struct views *v, struct tl_str offer, const struct catalogue_offer *o)
{
    struct buf out = {0};
    struct key k;

    buf_byte(&out, o->raised);
    buf_varint(&out, o->count);
    for (size_t i = 0; i < o->count; i++)
        write_entry(&o->entries[i], &out);
    record_key(&k, offer);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
}

/* -------------------------------------------------------------------- ends */

static int64_t
end_of(const struct catalogue_entry *e)
{
    if (e->withdrawn)
        return e->time;
    return e->expires != 0 ? e->expires : INT64_MAX;
}

static int64_t
latest_end(const struct catalogue_offer *o)
{
    int64_t latest = INT64_MIN;

    for (size_t i = 0; i < o->count; i++)
        if (end_of(&o->entries[i]) > latest)
            latest = end_of(&o->entries[i]);
    return latest;
}

bool
catalogue_is_over(const struct catalogue_offer *o, int64_t last, int64_t now)
{
    for (size_t i = 0; i < o->count; i++)
        if (end_of(&o->entries[i]) > now || (o->entries[i].withdrawn && last > o->entries[i].time))
            return false;
    return o->count > 0;
}

uint64_t
catalogue_number(const struct catalogue_offer *o)
{
    uint64_t last = 0;

    for (size_t i = 0; i < o->count; i++)
        if (o->entries[i].number > last)
            last = o->entries[i].number;
    return last;
}

static void
raised_prefix(struct key *k)
{
    key_global(k, KEY_CATALOGUE);
    key_add_byte(k, RAISED);
}

static void
raised_key(struct key *k, const struct catalogue_offer *o, struct tl_str offer)
{
    raised_prefix(k);
    key_add_time_descending(k, latest_end(o));
    key_add(k, offer);
}

int
catalogue_raised(struct views *v, const struct counters *counters, int64_t now,
                 struct tl_str *offers, size_t *count, struct arena *arena)
{
    struct views_walk w;
    struct key prefix;
    bool more;

    *count = 0;
    if (counter_get(counters, COUNTER_TOTAL, COUNTER_RAISED) == 0)
        return 0;
    raised_prefix(&prefix);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && *count < CATALOGUE_RAISED_MAX &&
           key_read_time_descending(w.key, prefix.len) > now;
         more = views_next(&w)) {
        size_t from = prefix.len + 8;
        struct tl_str offer = {arena_copy(arena, w.key.ptr + from, w.key.len - from),
                               w.key.len - from};

        if (offer.ptr == NULL)
            break;
        offers[(*count)++] = offer;
    }
    views_end(&w);
    return 0;
}

/* ----------------------------------------------------------------- folding */

static bool
is_older(const struct catalogue_entry *a, const struct catalogue_entry *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    if (a->revision != b->revision)
        return a->revision < b->revision;
    return a->number < b->number;
}

static void
drop_oldest(struct catalogue_offer *o)
{
    size_t oldest = 0;

    for (size_t i = 1; i < o->count; i++)
        if (is_older(&o->entries[i], &o->entries[oldest]))
            oldest = i;
    o->count--;
    memmove(&o->entries[oldest], &o->entries[oldest + 1],
            (o->count - oldest) * sizeof(o->entries[0]));
}

/* By campaign, so that the record does not tell who came first. */
static void
insert(struct catalogue_offer *o, const struct catalogue_entry *e)
{
    size_t at = o->count;

    while (at > 0 && str_compare(o->entries[at - 1].campaign, e->campaign) > 0)
        at--;
    memmove(&o->entries[at + 1], &o->entries[at], (o->count - at) * sizeof(o->entries[0]));
    o->entries[at] = *e;
    o->count++;
}

/* Offers may lie where an earlier end put them: was one put off? */
static void
merge(struct catalogue_offer *o, const struct catalogue_entry *e)
{
    size_t i = 0;

    while (i < o->count && !str_equal(o->entries[i].campaign, e->campaign))
        i++;
    if (i < o->count) {
        if (is_older(e, &o->entries[i]))
            return;
        o->raised = o->raised || end_of(e) > end_of(&o->entries[i]);
        o->entries[i] = *e;
        return;
    }
    o->raised = o->raised || o->count > 0;
    insert(o, e);
    if (o->count > CATALOGUE_CAMPAIGNS_MAX)
        drop_oldest(o);
}

static void
index_raised(struct views *v, struct counters *counters, struct tl_str offer,
             const struct key *before, const struct catalogue_offer *o)
{
    struct key after;

    if (!o->raised)
        return;
    if (before->len > 0)
        views_delete(v, before->bytes, before->len);
    else
        counter_add(counters, COUNTER_TOTAL, TL_STR(COUNTER_RAISED), 1);
    raised_key(&after, o, offer);
    views_put(v, after.bytes, after.len, "", 0);
}

/* ------------------------------------------------------- which events told it */

static void
told_prefix(struct key *k, struct tl_str offer)
{
    key_global(k, KEY_CATALOGUE);
    key_add_byte(k, TOLD);
    key_add_end(k, offer);
}

static void
index_told(struct views *v, struct tl_str offer, uint64_t number)
{
    struct key k;

    told_prefix(&k, offer);
    key_add_number(&k, number);
    views_put(v, k.bytes, k.len, "", 0);
}

void
catalogue_numbers(struct views *v, struct tl_str offer, uint64_t to, struct buf *numbers)
{
    struct views_walk w;
    struct key prefix;
    uint64_t number;
    bool more;

    told_prefix(&prefix, offer);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && (number = key_read_number(w.key, prefix.len)) <= to; more = views_next(&w))
        buf_append(numbers, &number, sizeof(number));
    views_end(&w);
}

int
catalogue_each_raised(struct views *v, int (*each)(void *arg, struct tl_str offer), void *arg)
{
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    raised_prefix(&prefix);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0; more = views_next(&w)) {
        size_t from = prefix.len + 8;

        err = each(arg, (struct tl_str){w.key.ptr + from, w.key.len - from});
    }
    views_end(&w);
    return err;
}

enum catalogue_record
catalogue_of_key(struct tl_str key, struct tl_str *offer)
{
    *offer = TL_STR("");
    if (key.len < 3 || key.ptr[0] != 'G' || key.ptr[1] != KEY_CATALOGUE)
        return CATALOGUE_NONE;
    if (key.ptr[2] != DEFINED)
        return CATALOGUE_OTHER;
    *offer = (struct tl_str){key.ptr + 3, key.len - 3};
    return CATALOGUE_DEFINED;
}

/* ---------------------------------------------------------------- defining */

static int
define(struct views *v, struct counters *counters, struct tl_str offer,
       const struct catalogue_entry *e, struct arena *arena)
{
    struct key before = {0};
    struct catalogue_offer o;
    int err = catalogue_read(v, offer, &o, arena);

    if (err != 0)
        return err;
    if (o.count == 0) {
        counter_add(counters, COUNTER_TOTAL, TL_STR(COUNTER_DEFINED), 1);
        if ((o.entries = arena_take(arena, sizeof(o.entries[0]))) == NULL)
            return TL_TOO_MANY;
    }
    if (o.raised)
        raised_key(&before, &o, offer);
    merge(&o, e);
    index_raised(v, counters, offer, &before, &o);
    store_offer(v, offer, &o);
    index_told(v, offer, e->number);
    return 0;
}

int
catalogue_fold(struct views *v, struct counters *counters, const struct frame *f,
               const struct tl_event *ev, struct arena *arena)
{
    int err = 0;

    for (size_t i = 0; i < ev->offers_count && err == 0; i++) {
        const struct tl_offer_touch *said = &ev->offers[i];
        struct catalogue_entry e = {
            .campaign = said->campaign.len > 0 ? said->campaign : ev->campaign,
            .time = f->time,
            .revision = ev->revision,
            .number = f->number,
            .withdrawn = str_is(said->outcome, "withdrawn"),
            .title = said->title,
            .terms = said->terms,
            .currency = said->currency,
            .price_minor = said->price_minor,
            .valid_from = said->valid_from,
            .expires = said->expires,
            .group = said->exclusivity_group,
        };

        arena_reset(arena);
        if (said->offer.len > 0)
            err = define(v, counters, said->offer, &e, arena);
    }
    return err;
}

/* ----------------------------------------------------------------- reading */

static const struct catalogue_entry *
entry_for(const struct catalogue_offer *o, struct tl_str campaign)
{
    const struct catalogue_entry *any = NULL, *latest = NULL;

    for (size_t i = 0; i < o->count; i++) {
        const struct catalogue_entry *e = &o->entries[i];

        if (str_equal(e->campaign, campaign))
            return e;
        if (e->campaign.len == 0)
            any = e;
        if (latest == NULL || is_older(latest, e))
            latest = e;
    }
    return any != NULL ? any : campaign.len == 0 ? latest : NULL;
}

static void
take_text(struct tl_str *text, struct tl_str from, unsigned *defined, unsigned bit)
{
    if (text->len > 0 || from.len == 0)
        return;
    *text = from;
    *defined |= bit;
}

void
catalogue_apply(const struct catalogue_offer *o, struct offer_instance *in)
{
    const struct catalogue_entry *e = entry_for(o, in->campaign);
    struct offer_words *w = &in->words;

    if (e == NULL)
        return;
    take_text(&w->title, e->title, &in->defined, OFFER_DEFINED_TITLE);
    take_text(&w->terms, e->terms, &in->defined, OFFER_DEFINED_TERMS);
    take_text(&w->group, e->group, &in->defined, OFFER_DEFINED_GROUP);
    if (w->currency.len == 0) {
        take_text(&w->currency, e->currency, &in->defined, OFFER_DEFINED_PRICE);
        w->price_minor = e->price_minor;
    }
    if (w->expires == 0 && e->expires != 0) {
        w->expires = e->expires;
        in->defined |= OFFER_DEFINED_EXPIRES;
    }
    in->valid_from = e->valid_from;
    if (e->withdrawn && offer_made_time(in) <= e->time)
        in->withdrawn = e->time;
}

/* ----------------------------------------------------------------- listing */

static struct tl_str
state_of(const struct catalogue_entry *e, int64_t now)
{
    if (e->withdrawn && e->time <= now)
        return TL_STR("withdrawn");
    if (e->expires != 0 && e->expires <= now)
        return TL_STR("expired");
    return e->valid_from > now ? TL_STR("not_yet_valid") : TL_STR("valid");
}

static void
show(const struct catalogue_entry *e, struct tl_str offer, int64_t now, struct tl_offer *out)
{
    *out = (struct tl_offer){
        .offer = offer,
        .campaign = e->campaign,
        .state = state_of(e, now),
        .terms = e->terms,
        .expires = e->expires,
        .made = e->time,
        .price_minor = e->price_minor,
        .currency = e->currency,
        .title = e->title,
        .exclusivity_group = e->group,
        .valid_from = e->valid_from,
    };
    out->live = str_is(out->state, "valid");
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

struct listed {
    struct tl_str offer;
    struct catalogue_offer of;
};

static int
walk(const struct catalogue_query *q, struct listed *found, size_t *listed, bool *more)
{
    struct views_walk w;
    struct key prefix, from;
    size_t bytes = 0;
    bool any;
    int err = 0;

    record_key(&prefix, TL_STR(""));
    record_key(&from, q->after);
    key_add_byte(&from, 0);         /* the first after it */
    any = views_first(&w, q->views, prefix.bytes, prefix.len, from.bytes,
                      q->after.len > 0 ? from.len : 0, false);
    for (; any && err == 0 && *listed < q->limit && bytes < CATALOGUE_BYTES_MAX;
         any = views_next(&w)) {
        struct listed *one = &found[(*listed)++];
        size_t len = w.key.len - prefix.len;

        bytes += w.value.len;
        one->offer = (struct tl_str){arena_copy(q->arena, w.key.ptr + prefix.len, len), len};
        err = one->offer.ptr == NULL ? TL_TOO_MANY : copy_and_read(w.value, &one->of, q->arena);
    }
    *more = any;
    views_end(&w);
    return err;
}

static int
find(const struct catalogue_query *q, struct listed *found, size_t *listed, bool *more)
{
    if (q->offer.len == 0)
        return walk(q, found, listed, more);
    found->offer = q->offer;
    *listed = 1;
    return catalogue_read(q->views, q->offer, &found->of, q->arena);
}

int
catalogue_list(const struct catalogue_query *q, struct tl_offer **offers, size_t *count,
               bool *more, uint64_t *depends)
{
    struct listed *found = arena_alloc(q->arena, (q->limit + 1) * sizeof(found[0]));
    size_t listed = 0, room = 0;
    int err;

    *count = 0;
    *more = false;
    if (found == NULL)
        return TL_TOO_MANY;
    if ((err = find(q, found, &listed, more)) != 0)
        return err;
    for (size_t i = 0; i < listed; i++)
        room += found[i].of.count;
    if ((*offers = arena_alloc(q->arena, (room + 1) * sizeof(**offers))) == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < listed; i++) {
        *depends = larger(*depends, catalogue_number(&found[i].of));
        for (size_t k = 0; k < found[i].of.count; k++)
            show(&found[i].of.entries[k], found[i].offer, q->now, &(*offers)[(*count)++]);
    }
    return 0;
}
