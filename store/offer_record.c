/* A group of offer instances as bytes: many lie on one card, so the ids that
 * repeat and the channels everybody uses take a bit or a byte. */

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/offer.h"
#include "store/record.h"
#include "store/word.h"

enum instance_has {
    HAS_CAMPAIGN = 1,       /* of a name other than the offer's */
    HAS_TREATMENT = 2,
    HAS_INSTANCE = 4,
    HAS_TERMS = 8,
    HAS_EXPIRES = 16,
    HAS_GROUP = 32,
    HAS_TITLE = 64,
    HAS_PRICE = 128,
    HAS_SUBJECT = 256,
};

/* ---------------------------------------------------------------- reading */

static void
read_seen(struct offer_seen *seen, struct record *r)
{
    uint64_t count = record_varint(r);
    bool has_reason = count & 1;

    seen->count = (uint32_t)(count >> 1);
    r->bad = r->bad || seen->count == 0;
    seen->time = seen->first_time = record_time(r);
    seen->number = seen->first_number = record_varint(r);
    seen->channel = seen->first_channel = word_read(r);
    if (seen->count > 1) {
        seen->first_time = record_time(r);
        seen->first_number = record_varint(r);
        seen->first_channel = word_read(r);
    }
    seen->reason = has_reason ? record_text(r) : TL_STR("");
}

void
offer_instance_init(struct offer_instance *in)
{
    memset(in, 0, offsetof(struct offer_instance, seen));
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        in->seen[o].count = 0;
}

static struct offer_stamp
read_stamp(struct record *r)
{
    uint64_t number = record_varint(r);

    return (struct offer_stamp){record_time(r), number};
}

static void
read_words(struct offer_words *w, unsigned has, struct record *r)
{
    if (has & HAS_TERMS) {
        w->terms_at = read_stamp(r);
        w->terms = record_text(r);
    }
    if (has & HAS_TITLE) {
        w->title_at = read_stamp(r);
        w->title = record_text(r);
    }
    if (has & HAS_PRICE) {
        w->price_at = read_stamp(r);
        w->currency = record_text(r);
        w->price_minor = record_signed(r);
    }
    if (has & HAS_EXPIRES) {
        w->expires_at = read_stamp(r);
        w->expires = record_time(r);
    }
    if (has & HAS_GROUP) {
        w->group_at = read_stamp(r);
        w->group = record_text(r);
    }
}

static void
read_instance(struct offer_instance *in, struct tl_str offer, struct record *r)
{
    unsigned has = (unsigned)record_varint(r);
    uint64_t outcomes;

    offer_instance_init(in);

    in->campaign = has & HAS_CAMPAIGN ? record_text(r) : offer;
    if (has & HAS_TREATMENT)
        in->treatment = record_text(r);
    if (has & HAS_INSTANCE) {
        in->instance = record_text(r);
        in->named_number = record_varint(r);
        in->named_time = record_time(r);
    }
    if (has & HAS_SUBJECT)
        in->subject = record_u64(r);
    read_words(&in->words, has, r);
    outcomes = record_varint(r);
    r->bad = r->bad || outcomes >> OUTCOME_COUNT != 0;
    for (size_t o = 0; o < OUTCOME_COUNT && !r->bad; o++)
        if (outcomes >> o & 1)
            read_seen(&in->seen[o], r);
}

int
offer_read(struct offer_group *g, struct tl_str offer, struct tl_str bytes, struct arena *arena)
{
    struct record r = record_open(bytes);

    g->count = bytes.len > 0 ? record_count(&r, OFFER_INSTANCES_MAX) : 0;
    g->instances = arena_take(arena, (g->count + 1) * sizeof(g->instances[0]));
    if (g->instances == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < g->count; i++)
        read_instance(&g->instances[i], offer, &r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

/* ---------------------------------------------------------------- writing */

static void
write_seen(const struct offer_seen *seen, struct buf *out)
{
    buf_varint(out, (uint64_t)seen->count << 1 | (seen->reason.len > 0));
    record_put_time(out, seen->time);
    buf_varint(out, seen->number);
    word_put(out, seen->channel);
    if (seen->count > 1) {
        record_put_time(out, seen->first_time);
        buf_varint(out, seen->first_number);
        word_put(out, seen->first_channel);
    }
    if (seen->reason.len > 0)
        record_put_text(out, seen->reason);
}

static void
write_stamp(struct offer_stamp at, struct buf *out)
{
    buf_varint(out, at.number);
    record_put_time(out, at.time);
}

static void
write_words(const struct offer_words *w, unsigned has, struct buf *out)
{
    if (has & HAS_TERMS) {
        write_stamp(w->terms_at, out);
        record_put_text(out, w->terms);
    }
    if (has & HAS_TITLE) {
        write_stamp(w->title_at, out);
        record_put_text(out, w->title);
    }
    if (has & HAS_PRICE) {
        write_stamp(w->price_at, out);
        record_put_text(out, w->currency);
        record_put_signed(out, w->price_minor);
    }
    if (has & HAS_EXPIRES) {
        write_stamp(w->expires_at, out);
        record_put_time(out, w->expires);
    }
    if (has & HAS_GROUP) {
        write_stamp(w->group_at, out);
        record_put_text(out, w->group);
    }
}

static unsigned
what_it_has(const struct offer_instance *in, struct tl_str offer)
{
    const struct offer_words *w = &in->words;

    return (str_equal(in->campaign, offer) ? 0u : HAS_CAMPAIGN) |
           (in->treatment.len > 0 ? HAS_TREATMENT : 0u) |
           (in->instance.len > 0 ? HAS_INSTANCE : 0u) |
           (in->subject != 0 ? HAS_SUBJECT : 0u) |
           (w->terms_at.number != 0 ? HAS_TERMS : 0u) |
           (w->title_at.number != 0 ? HAS_TITLE : 0u) |
           (w->price_at.number != 0 ? HAS_PRICE : 0u) |
           (w->expires_at.number != 0 ? HAS_EXPIRES : 0u) |
           (w->group_at.number != 0 ? HAS_GROUP : 0u);
}

static void
write_instance(const struct offer_instance *in, struct tl_str offer, struct buf *out)
{
    unsigned has = what_it_has(in, offer);
    uint64_t outcomes = 0;

    buf_varint(out, has);
    if (has & HAS_CAMPAIGN)
        record_put_text(out, in->campaign);
    if (has & HAS_TREATMENT)
        record_put_text(out, in->treatment);
    if (has & HAS_INSTANCE) {
        record_put_text(out, in->instance);
        buf_varint(out, in->named_number);
        record_put_time(out, in->named_time);
    }
    if (has & HAS_SUBJECT)
        buf_u64(out, in->subject);
    write_words(&in->words, has, out);
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        outcomes |= (uint64_t)(in->seen[o].count > 0) << o;
    buf_varint(out, outcomes);
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        if (in->seen[o].count > 0)
            write_seen(&in->seen[o], out);
}

void
offer_write(const struct offer_group *g, struct tl_str offer, struct buf *out)
{
    buf_varint(out, g->count);
    for (size_t i = 0; i < g->count; i++)
        write_instance(&g->instances[i], offer, out);
}
