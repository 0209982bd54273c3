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

static void
read_instance(struct offer_instance *in, struct tl_str offer, struct record *r)
{
    unsigned has = record_byte(r);
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
    if (has & HAS_TERMS) {
        in->terms_number = record_varint(r);
        in->terms_time = record_time(r);
        in->terms = record_text(r);
        in->title = record_text(r);
        in->currency = record_text(r);
        in->price_minor = record_signed(r);
    }
    if (has & HAS_EXPIRES) {
        in->expires_number = record_varint(r);
        in->expires_time = record_time(r);
        in->expires = record_time(r);
    }
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
write_instance(const struct offer_instance *in, struct tl_str offer, struct buf *out)
{
    unsigned has = (str_equal(in->campaign, offer) ? 0u : HAS_CAMPAIGN) |
                   (in->treatment.len > 0 ? HAS_TREATMENT : 0u) |
                   (in->instance.len > 0 ? HAS_INSTANCE : 0u) |
                   (in->terms_number != 0 ? HAS_TERMS : 0u) |
                   (in->expires_number != 0 ? HAS_EXPIRES : 0u);
    uint64_t outcomes = 0;

    buf_byte(out, (unsigned char)has);
    if (has & HAS_CAMPAIGN)
        record_put_text(out, in->campaign);
    if (has & HAS_TREATMENT)
        record_put_text(out, in->treatment);
    if (has & HAS_INSTANCE) {
        record_put_text(out, in->instance);
        buf_varint(out, in->named_number);
        record_put_time(out, in->named_time);
    }
    if (has & HAS_TERMS) {
        buf_varint(out, in->terms_number);
        record_put_time(out, in->terms_time);
        record_put_text(out, in->terms);
        record_put_text(out, in->title);
        record_put_text(out, in->currency);
        record_put_signed(out, in->price_minor);
    }
    if (has & HAS_EXPIRES) {
        buf_varint(out, in->expires_number);
        record_put_time(out, in->expires_time);
        record_put_time(out, in->expires);
    }
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
