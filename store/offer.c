/* Folding: one touch into one profile's records. */

#include "store/offer.h"

#include <string.h>

#include "proto/str.h"
#include "store/fold.h"
#include "store/offer_place.h"
#include "store/offer_state.h"

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

static enum outcome
find(struct tl_str name)
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

    if (str_is(ev->type, "offer.defined"))
        return OUTCOME_COUNT;
    if (touch->outcome.len > 0)
        return find(touch->outcome);
    while (dot < ev->type.len && ev->type.ptr[dot] != '.')
        dot++;
    if (dot == ev->type.len)
        return OUTCOME_COUNT;
    return find((struct tl_str){ev->type.ptr + dot + 1, ev->type.len - dot - 1});
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

/* ---------------------------------------------------------------- merging */

static bool
later(int64_t a_time, uint64_t a_number, int64_t b_time, uint64_t b_number)
{
    return a_time != b_time ? a_time > b_time : a_number > b_number;
}

void
offer_instance_name(struct offer_instance *in, const struct offer_naming *named)
{
    int says = (named->campaign.len > 0) * 2 + (named->treatment.len > 0);
    int known = (in->campaign.len > 0) * 2 + (in->treatment.len > 0);
    bool earlier = later(in->named_time, in->named_number, named->time, named->number);

    if (in->named_number != 0 && (says != known ? says < known : !earlier))
        return;
    in->campaign = named->campaign;
    in->treatment = named->treatment;
    in->named_time = named->time;
    in->named_number = named->number;
}

/* An offer instance is the instance id if the channel has one, else campaign
 * and treatment. */
static struct offer_instance *
find_instance(struct offer_group *g, struct tl_str campaign, const struct tl_offer_touch *touch,
              uint64_t subject)
{
    struct offer_instance *in;

    for (size_t i = 0; i < g->count; i++) {
        in = &g->instances[i];
        if (in->subject != subject || !str_equal(in->instance, touch->instance))
            continue;
        if (touch->instance.len > 0)
            return in;
        if (str_equal(in->campaign, campaign) && str_equal(in->treatment, touch->treatment))
            return in;
    }
    in = &g->instances[g->count++];
    offer_instance_init(in);
    in->campaign = campaign;
    in->treatment = touch->treatment;
    in->instance = touch->instance;
    in->subject = subject;
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

static bool
take(struct offer_stamp *at, struct offer_stamp later_at)
{
    if (later_at.number == 0 || !later(later_at.time, later_at.number, at->time, at->number))
        return false;
    *at = later_at;
    return true;
}

void
offer_words_merge(struct offer_words *to, const struct offer_words *from)
{
    if (take(&to->terms_at, from->terms_at))
        to->terms = from->terms;
    if (take(&to->title_at, from->title_at))
        to->title = from->title;
    if (take(&to->price_at, from->price_at)) {
        to->price_minor = from->price_minor;
        to->currency = from->currency;
    }
    if (take(&to->expires_at, from->expires_at))
        to->expires = from->expires;
    if (take(&to->group_at, from->group_at))
        to->group = from->group;
}

static void
merge_words(struct offer_words *to, const struct tl_offer_touch *touch, int64_t time,
            uint64_t number)
{
    const struct offer_stamp at = {time, number}, never = {0};

    offer_words_merge(to, &(struct offer_words){
                              .terms_at = touch->terms.len > 0 ? at : never,
                              .terms = touch->terms,
                              .title_at = touch->title.len > 0 ? at : never,
                              .title = touch->title,
                              .price_at = touch->currency.len > 0 ? at : never,
                              .price_minor = touch->price_minor,
                              .currency = touch->currency,
                              .expires_at = touch->expires != 0 ? at : never,
                              .expires = touch->expires,
                              .group_at = touch->exclusivity_group.len > 0 ? at : never,
                              .group = touch->exclusivity_group,
                          });
}

static void
drop(struct offer_group *g, size_t at)
{
    g->count--;
    memmove(&g->instances[at], &g->instances[at + 1],
            (g->count - at) * sizeof(g->instances[0]));
}

/* The one nobody has touched for longest, of subjects' alone or of all; the count
 * when there is none. */
static size_t
oldest_of(const struct offer_group *g, bool of_subjects)
{
    size_t oldest = g->count;

    for (size_t i = 0; i < g->count; i++)
        if ((!of_subjects || g->instances[i].subject != 0) &&
            (oldest == g->count ||
             offer_last_time(&g->instances[i]) < offer_last_time(&g->instances[oldest])))
            oldest = i;
    return oldest;
}

/* What the subject told last said of it stays from now on. */
static void
settle(struct offer_group *g, size_t at)
{
    struct offer_instance *settled = &g->instances[at];

    settled->subject = 0;
    for (size_t i = 0; i < g->count; i++)
        if (i != at && g->instances[i].subject == 0 &&
            offer_same_instance(&g->instances[i], settled)) {
            offer_merge(&g->instances[i], settled);
            drop(g, at);
            return;
        }
}

static void
make_fit(struct offer_group *g)
{
    size_t at;

    while (g->count > OFFER_INSTANCES_MAX && (at = oldest_of(g, true)) < g->count)
        settle(g, at);
    if (g->count > OFFER_INSTANCES_MAX)
        drop(g, oldest_of(g, false));
}

/* ---------------------------------------------------------------- folding */

static struct offer_place
place_of(struct fold *fold, uint64_t profile, struct card *c)
{
    return (struct offer_place){fold->views,    profile,        c,
                                &fold->arena, &fold->scratch, &fold->counters};
}

int
offer_fold(struct fold *fold, const struct frame *f, struct card *c, const struct tl_event *ev,
           const struct tl_offer_touch *touch)
{
    const struct offer_place place = place_of(fold, f->profile, c);
    struct tl_str offer = offer_id(ev, touch), bytes;
    enum outcome outcome = outcome_of(ev, touch);
    struct offer_group g;
    struct offer_instance *in;
    int err;

    if (offer.len == 0 || outcome == OUTCOME_COUNT)
        return 0;
    if ((err = offer_place_take(&place, offer, &bytes)) != 0 ||
        (err = offer_read(&g, offer, bytes, &fold->scratch)) != 0)
        return err;
    if (g.count == 0)
        c->offers++;
    in = find_instance(&g, offer_campaign(ev, touch), touch, fold->subject.name);
    if (touch->instance.len > 0)
        offer_instance_name(in, &(struct offer_naming){offer_campaign(ev, touch),
                                                       touch->treatment, f->time, f->number});
    merge_seen(&in->seen[outcome], ev, touch, f->time, f->number);
    merge_words(&in->words, touch, f->time, f->number);
    make_fit(&g);
    buf_clear(&fold->bytes);
    offer_write(&g, offer, &fold->bytes);
    return offer_place_put(&place, offer,
                           (struct tl_str){(const char *)fold->bytes.ptr, fold->bytes.len});
}

int
offer_unfold(struct fold *fold, uint64_t profile, struct card *c, struct tl_str offer,
             uint64_t subject)
{
    const struct offer_place place = place_of(fold, profile, c);
    struct tl_str bytes;
    struct offer_group g;
    int err;

    if ((err = offer_place_take(&place, offer, &bytes)) != 0 ||
        (err = offer_read(&g, offer, bytes, &fold->scratch)) != 0)
        return err;
    if (g.count == 0)
        return 0;
    for (size_t i = g.count; i > 0; i--)
        if (g.instances[i - 1].subject == subject)
            drop(&g, i - 1);
    if (g.count == 0) {
        c->offers--;
        return offer_place_drop(&place, offer);
    }
    buf_clear(&fold->bytes);
    offer_write(&g, offer, &fold->bytes);
    return offer_place_put(&place, offer,
                           (struct tl_str){(const char *)fold->bytes.ptr, fold->bytes.len});
}
