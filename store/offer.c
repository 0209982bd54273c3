/* Folding: one touch into one profile's records. */

#include "store/offer.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/offer_state.h"
#include "store/record.h"

static const struct tl_str names[OUTCOME_COUNT] = {
    [OUTCOME_MADE] = {"made", 4},
    [OUTCOME_DELIVERED] = {"delivered", 9},
    [OUTCOME_UNDELIVERED] = {"undelivered", 11},
    [OUTCOME_PRESENTED] = {"presented", 9},
    [OUTCOME_DISMISSED] = {"dismissed", 9},
    [OUTCOME_CLICKED] = {"clicked", 7},
    [OUTCOME_DECLINED] = {"declined", 8},
    [OUTCOME_ACCEPTED] = {"accepted", 8},
    [OUTCOME_REDEEMED] = {"redeemed", 8},
    [OUTCOME_FULFILLED] = {"fulfilled", 9},
    [OUTCOME_NO_RESPONSE] = {"no_response", 11},
    [OUTCOME_EXPIRED] = {"expired", 7},
    [OUTCOME_WITHDRAWN] = {"withdrawn", 9},
    [OUTCOME_SUPERSEDED] = {"superseded", 10},
    [OUTCOME_DISPUTED] = {"disputed", 8},
};

enum outcome
outcome_find(struct tl_str name)
{
    enum outcome o = 0;

    while (o < OUTCOME_COUNT && !str_equal(names[o], name))
        o++;
    return o;
}

struct tl_str
outcome_name(enum outcome o)
{
    return names[o];
}

enum outcome
outcome_of(const struct tl_event *ev, const struct tl_offer_touch *touch)
{
    size_t dot = 0;

    if (touch->outcome.len > 0)
        return outcome_find(touch->outcome);
    while (dot < ev->type.len && ev->type.ptr[dot] != '.')
        dot++;
    if (dot == ev->type.len)
        return OUTCOME_COUNT;
    return outcome_find((struct tl_str){ev->type.ptr + dot + 1, ev->type.len - dot - 1});
}

struct tl_str
offer_campaign(const struct tl_event *ev, const struct tl_offer_touch *touch)
{
    return touch->campaign.len > 0 ? touch->campaign : ev->campaign;
}

struct tl_str
offer_id(const struct tl_event *ev, const struct tl_offer_touch *touch)
{
    return touch->offer.len > 0 ? touch->offer : offer_campaign(ev, touch);
}

/* ------------------------------------------------------------ as a record */

static void
read_seen(struct offer_seen *seen, struct record *r)
{
    seen->count = (uint32_t)record_varint(r);
    seen->time = seen->first_time = record_time(r);
    seen->number = seen->first_number = record_varint(r);
    if (seen->count > 1) {
        seen->first_time = record_time(r);
        seen->first_number = record_varint(r);
        seen->first_channel = record_text(r);
    }
    seen->channel = record_text(r);
    if (seen->count == 1)
        seen->first_channel = seen->channel;
    seen->reason = record_text(r);
}

static void
read_instance(struct offer_instance *in, struct record *r)
{
    size_t outcomes;

    in->campaign = record_text(r);
    in->treatment = record_text(r);
    in->instance = record_text(r);
    in->terms_number = record_varint(r);
    if (in->terms_number != 0) {
        in->terms_time = record_time(r);
        in->terms = record_text(r);
        in->title = record_text(r);
        in->currency = record_text(r);
        in->price_minor = record_signed(r);
    }
    in->expires_number = record_varint(r);
    if (in->expires_number != 0) {
        in->expires_time = record_time(r);
        in->expires = record_time(r);
    }
    outcomes = record_count(r, OUTCOME_COUNT);
    while (outcomes-- > 0) {
        unsigned o = record_byte(r);

        if (o >= OUTCOME_COUNT)
            r->bad = true;
        else
            read_seen(&in->seen[o], r);
    }
}

int
offer_read(struct offer_group *g, struct tl_str bytes, struct arena *arena)
{
    struct record r = record_open(bytes);

    g->count = bytes.len > 0 ? record_count(&r, OFFER_INSTANCES_MAX) : 0;
    g->instances = arena_alloc(arena, (g->count + 1) * sizeof(g->instances[0]));
    if (g->instances == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < g->count; i++)
        read_instance(&g->instances[i], &r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
write_seen(const struct offer_seen *seen, struct buf *out)
{
    buf_varint(out, seen->count);
    record_put_time(out, seen->time);
    buf_varint(out, seen->number);
    if (seen->count > 1) {
        record_put_time(out, seen->first_time);
        buf_varint(out, seen->first_number);
        record_put_text(out, seen->first_channel);
    }
    record_put_text(out, seen->channel);
    record_put_text(out, seen->reason);
}

static void
write_instance(const struct offer_instance *in, struct buf *out)
{
    size_t outcomes = 0;

    record_put_text(out, in->campaign);
    record_put_text(out, in->treatment);
    record_put_text(out, in->instance);
    buf_varint(out, in->terms_number);
    if (in->terms_number != 0) {
        record_put_time(out, in->terms_time);
        record_put_text(out, in->terms);
        record_put_text(out, in->title);
        record_put_text(out, in->currency);
        record_put_signed(out, in->price_minor);
    }
    buf_varint(out, in->expires_number);
    if (in->expires_number != 0) {
        record_put_time(out, in->expires_time);
        record_put_time(out, in->expires);
    }
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        outcomes += in->seen[o].count > 0;
    buf_varint(out, outcomes);
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        if (in->seen[o].count > 0) {
            buf_byte(out, (unsigned char)o);
            write_seen(&in->seen[o], out);
        }
}

void
offer_write(const struct offer_group *g, struct buf *out)
{
    buf_varint(out, g->count);
    for (size_t i = 0; i < g->count; i++)
        write_instance(&g->instances[i], out);
}

/* ---------------------------------------------------------------- merging */

static bool
later(int64_t a_time, uint64_t a_number, int64_t b_time, uint64_t b_number)
{
    return a_time != b_time ? a_time > b_time : a_number > b_number;
}

/* An offer instance is the instance id if the channel has one, else campaign
 * and treatment. */
static struct offer_instance *
find_instance(struct offer_group *g, struct tl_str campaign, const struct tl_offer_touch *touch)
{
    struct offer_instance *in;

    for (size_t i = 0; i < g->count; i++) {
        in = &g->instances[i];
        if (!str_equal(in->instance, touch->instance))
            continue;
        if (touch->instance.len > 0 || (str_equal(in->campaign, campaign) &&
                                        str_equal(in->treatment, touch->treatment)))
            return in;
    }
    in = &g->instances[g->count++];
    in->campaign = campaign;
    in->treatment = touch->treatment;
    in->instance = touch->instance;
    return in;
}

static void
merge_seen(struct offer_seen *seen, const struct tl_event *ev, const struct tl_offer_touch *touch,
           int64_t time, uint64_t number)
{
    uint32_t count = touch->count > 0 ? touch->count : 1;

    if (seen->count == 0 || later(seen->first_time, seen->first_number, time, number)) {
        seen->first_time = time;
        seen->first_number = number;
        seen->first_channel = ev->channel;
    }
    if (seen->count == 0 || later(time, number, seen->time, seen->number)) {
        seen->time = time;
        seen->number = number;
        seen->channel = ev->channel;
        seen->reason = touch->reason;
    }
    seen->count = seen->count > UINT32_MAX - count ? UINT32_MAX : seen->count + count;
}

static void
merge_terms(struct offer_instance *in, const struct tl_offer_touch *touch, int64_t time,
            uint64_t number)
{
    bool has_terms = touch->terms.len > 0 || touch->title.len > 0 || touch->price_minor != 0;

    if (has_terms && later(time, number, in->terms_time, in->terms_number)) {
        in->terms_time = time;
        in->terms_number = number;
        in->terms = touch->terms;
        in->title = touch->title;
        in->currency = touch->currency;
        in->price_minor = touch->price_minor;
    }
    if (touch->expires != 0 && later(time, number, in->expires_time, in->expires_number)) {
        in->expires_time = time;
        in->expires_number = number;
        in->expires = touch->expires;
    }
}

/* The instance nobody has touched for longest goes. */
static void
drop_oldest(struct offer_group *g)
{
    size_t oldest = 0;

    for (size_t i = 1; i < g->count; i++)
        if (offer_last_time(&g->instances[i]) < offer_last_time(&g->instances[oldest]))
            oldest = i;
    g->count--;
    memmove(&g->instances[oldest], &g->instances[oldest + 1],
            (g->count - oldest) * sizeof(g->instances[0]));
}

/* ------------------------------------------------------- order of a list */

static void
order_key(struct key *k, uint64_t profile, struct tl_str offer, const struct offer_group *g,
          struct arena *arena)
{
    struct offer_order order = offer_order(g, arena);

    key_profile(k, profile, KEY_OFFER_ORDER);
    key_add_byte(k, order.class);
    key_add_time_descending(k, order.time);
    key_add(k, offer);
}

static void
update_order(struct views *v, const struct key *was, bool existed, const struct key *is)
{
    if (existed && was->len == is->len && memcmp(was->bytes, is->bytes, is->len) == 0)
        return;
    if (existed)
        views_delete(v, was->bytes, was->len);
    views_put(v, is->bytes, is->len, "", 0);
}

int
offer_fold(struct views *v, uint64_t profile, struct card *c, const struct tl_event *ev,
           const struct tl_offer_touch *touch, int64_t time, uint64_t number, struct arena *arena)
{
    struct tl_str offer = offer_id(ev, touch), bytes = {"", 0};
    enum outcome outcome = outcome_of(ev, touch);
    struct key record, was, is;
    struct offer_group g;
    struct offer_instance *in;
    struct buf out = {0};
    bool existed;
    int err;

    if (offer.len == 0 || outcome == OUTCOME_COUNT)
        return 0;
    key_profile(&record, profile, KEY_OFFER);
    key_add(&record, offer);
    existed = (c->has & CARD_OFFERS) && views_get(v, record.bytes, record.len, &bytes);
    if ((err = offer_read(&g, bytes, arena)) != 0)
        return err;
    if (existed)
        order_key(&was, profile, offer, &g, arena);

    in = find_instance(&g, offer_campaign(ev, touch), touch);
    merge_seen(&in->seen[outcome], ev, touch, time, number);
    merge_terms(in, touch, time, number);
    if (g.count > OFFER_INSTANCES_MAX)
        drop_oldest(&g);
    order_key(&is, profile, offer, &g, arena);

    offer_write(&g, &out);
    views_put(v, record.bytes, record.len, out.ptr, out.len);
    buf_free(&out);
    update_order(v, &was, existed, &is);
    if (!existed)
        c->offers++;
    c->has |= CARD_OFFERS;
    return 0;
}
