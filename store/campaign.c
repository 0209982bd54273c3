#include "store/campaign.h"

#include <stdio.h>

#include "base/clock.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/offer.h"
#include "store/record.h"
#include "store/subject.h"

#define DAY_BYTES 10    /* YYYY-MM-DD */

static int64_t
day_of(int64_t time)
{
    int64_t seconds = time / CLOCK_SECOND - (time % CLOCK_SECOND < 0);

    return seconds / 86400 - (seconds % 86400 < 0);
}

/* One outcome of a campaign, by a channel, on a day. */
struct cell {
    struct tl_str campaign;
    enum outcome outcome;
    struct tl_str channel;
    int64_t time;
};

static int
add(struct views *v, struct counters *counters, const struct cell *cell, int64_t touches)
{
    unsigned char out[RECORD_VARINT_MAX];
    uint64_t hash, sum = 0;
    struct tl_str bytes;
    struct key k;

    if (cell->campaign.len == 0 || cell->outcome == OUTCOME_COUNT)
        return 0;
    key_global(&k, KEY_CAMPAIGN);
    key_add_end(&k, cell->campaign);
    key_add_end(&k, outcome_name(cell->outcome));
    key_add_end(&k, cell->channel);
    key_add_time(&k, day_of(cell->time));
    hash = views_hash(k.bytes, k.len);
    if (views_get_hashed(v, hash, k.bytes, k.len, &bytes)) {
        struct record r = record_open(bytes);

        sum = record_varint(&r);
        if (r.bad)
            return TL_EDAMAGED;
    }
    counter_add(counters, COUNTER_CAMPAIGN, cell->campaign, touches < 0 ? -1 : 1);
    sum += (uint64_t)touches;
    if (sum == 0)
        views_delete(v, k.bytes, k.len);
    else
        views_put_hashed(v, hash, k.bytes, k.len, out,
                         (size_t)(record_write_varint(out, sum) - out));
    return 0;
}

int
campaign_fold(struct views *v, struct counters *counters, const struct tl_event *ev, int64_t time)
{
    int err = 0;

    for (size_t i = 0; i < ev->offers_count && err == 0; i++) {
        const struct tl_offer_touch *touch = &ev->offers[i];
        const struct cell cell = {offer_campaign(ev, touch), outcome_of(ev, touch), ev->channel,
                                  time};

        err = add(v, counters, &cell, touch->count > 0 ? touch->count : 1);
    }
    return err;
}

int
campaign_unfold(struct views *v, struct counters *counters, const struct subject_counted *was)
{
    int err = 0;

    for (size_t i = 0; i < was->touches_count && err == 0; i++) {
        const struct subject_touch *touch = &was->touches[i];
        const struct cell cell = {touch->campaign, touch->outcome, was->channel, was->time};

        err = add(v, counters, &cell, -(int64_t)touch->count);
    }
    return err;
}

static int
read_count(const struct views_walk *w, struct arena *arena, struct tl_campaign_count *out)
{
    struct tl_str key = {arena_copy(arena, w->key.ptr, w->key.len), w->key.len};
    struct record r = record_open(w->value);
    char *day = arena_alloc(arena, 32);
    int y, m, d;
    size_t at = 2;

    if (key.ptr == NULL || day == NULL)
        return TL_TOO_MANY;
    out->campaign = key_read_text(key, &at);
    out->outcome = key_read_text(key, &at);
    out->channel = key_read_text(key, &at);
    clock_date(key_read_time(key, at), &y, &m, &d);
    snprintf(day, 32, "%04d-%02d-%02d", y, m, d);
    out->day = (struct tl_str){day, DAY_BYTES};
    out->count = record_varint(&r);
    return r.bad ? TL_EDAMAGED : 0;
}

int
campaign_list(struct views *v, struct tl_str campaign, struct tl_campaigns *out,
              struct arena *arena)
{
    struct views_walk w;
    struct key prefix;
    size_t room = 64;
    int err = 0;
    bool more;

    out->counts = arena_alloc(arena, room * sizeof(out->counts[0]));
    if (out->counts == NULL)
        return TL_TOO_MANY;
    key_global(&prefix, KEY_CAMPAIGN);
    if (campaign.len > 0)
        key_add_end(&prefix, campaign);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && out->counts_count < CAMPAIGN_COUNTS_LISTED_MAX;
         more = views_next(&w)) {
        if (out->counts_count == room) {
            struct tl_campaign_count *grown = arena_alloc(arena, 2 * room * sizeof(*grown));

            if (grown == NULL) {
                err = TL_TOO_MANY;
                break;
            }
            memcpy(grown, out->counts, room * sizeof(*grown));
            out->counts = grown;
            room *= 2;
        }
        err = read_count(&w, arena, &out->counts[out->counts_count++]);
    }
    views_end(&w);
    return err;
}
