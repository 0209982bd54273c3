/* Reading: a customer's offers, over all profiles, best first. */

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/offer_place.h"
#include "store/offer_state.h"

/* ------------------------------------------------- which offers to look at */

/* An offer to look at, and what one source knows of it, if that was at hand. */
struct found {
    struct tl_str offer;
    const struct offer_source *source;
    struct tl_str group;
};

struct finds {
    struct found *finds;
    size_t count;
    size_t max;
};

/* A source names each offer once. */
static void
add_found(struct finds *f, const struct found *one)
{
    for (size_t i = 0; i < f->count && f->finds[i].source != one->source; i++)
        if (str_equal(f->finds[i].offer, one->offer))
            return;
    must(f->count < f->max);
    f->finds[f->count++] = *one;
}

static size_t
count_here(struct tl_str here)
{
    struct offer_here one;
    size_t at = 0, count = 0;

    while (offer_here_next(here, &at, &one))
        count++;
    return count;
}

static int
collect_here(const struct offer_source *source, struct finds *f)
{
    struct offer_here one;
    size_t at = 0;

    while (offer_here_next(source->here, &at, &one))
        add_found(f, &(struct found){one.offer, source, one.group});
    return at == source->here.len ? 0 : TL_EDAMAGED;
}

/* The first `limit` of one class of those apart. */
static int
collect_class(const struct offer_query *q, const struct offer_source *source, unsigned char class,
              struct finds *f)
{
    struct views_walk w;
    struct key prefix;
    size_t count = 0;
    int err = 0;
    bool more;

    key_profile(&prefix, source->profile, KEY_OFFER_ORDER);
    key_add_byte(&prefix, class);
    more = views_first(&w, q->views, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && count < q->limit && err == 0; more = views_next(&w), count++) {
        size_t len = w.key.len - prefix.len - 8;
        const char *offer = arena_copy(q->arena, w.key.ptr + prefix.len + 8, len);

        if (offer == NULL)
            err = TL_TOO_MANY;
        else
            add_found(f, &(struct found){.offer = {offer, len}, .source = source});
    }
    views_end(&w);
    return err;
}

static int
collect(const struct offer_query *q, struct finds *f)
{
    int err = 0;

    f->max = 1;
    for (size_t i = 0; i < q->sources_count; i++)
        f->max += count_here(q->sources[i].here) + (q->sources[i].apart ? 3 * q->limit : 0);
    f->finds = arena_alloc(q->arena, f->max * sizeof(f->finds[0]));
    if (f->finds == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < q->sources_count && err == 0; i++) {
        const struct offer_source *source = &q->sources[i];

        err = collect_here(source, f);
        for (unsigned char class = OFFER_OPEN; source->apart && class <= OFFER_CLOSED && err == 0;
             class++)
            err = collect_class(q, source, class, f);
    }
    return err;
}

/* ------------------------------------------- one offer, over all profiles */

static bool
same_instance(const struct offer_instance *a, const struct offer_instance *b)
{
    return str_equal(a->instance, b->instance) &&
           (a->instance.len > 0 || (str_equal(a->campaign, b->campaign) &&
                                    str_equal(a->treatment, b->treatment)));
}

/* What one profile knows of an offer; empty: nothing. */
static int
find_group(const struct offer_query *q, const struct offer_source *source, struct tl_str offer,
           struct tl_str *group)
{
    struct offer_here one;
    struct key k;
    size_t at = 0;

    *group = TL_STR("");
    while (offer_here_next(source->here, &at, &one))
        if (str_equal(one.offer, offer)) {
            *group = one.group;
            return 0;
        }
    key_profile(&k, source->profile, KEY_OFFER);
    key_add(&k, offer);
    if (!source->apart || !views_get(q->views, k.bytes, k.len, group))
        return 0;
    group->ptr = arena_copy(q->arena, group->ptr, group->len);
    return group->ptr == NULL ? TL_TOO_MANY : 0;
}

/* `all` gets what `more` knows; instances both know are one. */
static int
merge_groups(const struct offer_query *q, struct offer_group *all, const struct offer_group *more)
{
    struct offer_instance *joined =
        arena_take(q->arena, (all->count + more->count) * sizeof(joined[0]));

    if (joined == NULL)
        return TL_TOO_MANY;
    memcpy(joined, all->instances, all->count * sizeof(joined[0]));
    all->instances = joined;
    for (size_t i = 0; i < more->count; i++) {
        size_t at = 0;

        while (at < all->count && !same_instance(&joined[at], &more->instances[i]))
            at++;
        if (at < all->count)
            offer_merge(&joined[at], &more->instances[i]);
        else
            joined[all->count++] = more->instances[i];
    }
    return 0;
}

static int
load_group(const struct offer_query *q, const struct found *found, struct offer_group *out)
{
    int err = 0;

    *out = (struct offer_group){0};
    for (size_t i = 0; i < q->sources_count && err == 0; i++) {
        const struct offer_source *source = &q->sources[i];
        struct tl_str bytes = found->group;
        struct offer_group g;

        if (source != found->source || bytes.len == 0)
            err = find_group(q, source, found->offer, &bytes);
        if (err == 0)
            err = offer_read(&g, found->offer, bytes, q->arena);
        if (err != 0 || g.count == 0)
            continue;
        if (out->count == 0)
            *out = g;
        else
            err = merge_groups(q, out, &g);
    }
    if (err == 0)
        offer_join(out);
    return err;
}

/* ---------------------------------------------------------------- answers */

/* In order of time; those of the same time as the list of outcomes goes on. */
static void
add_outcome(struct tl_offer *out, enum outcome o, const struct offer_seen *seen)
{
    size_t at = out->outcomes_count++;

    for (; at > 0 && out->outcomes[at - 1].time > seen->time; at--)
        out->outcomes[at] = out->outcomes[at - 1];
    out->outcomes[at] = (struct tl_outcome_seen){
        .outcome = outcome_name(o),
        .channel = seen->channel,
        .time = seen->time,
        .first_time = seen->count > 1 ? seen->first_time : 0,
        .count = seen->count,
        .reason = seen->reason,
    };
}

static int
list_outcomes(const struct offer_query *q, const struct offer_instance *in, struct tl_offer *out)
{
    size_t count = 0;

    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        count += in->seen[o].count > 0;
    out->outcomes = arena_take(q->arena, (count + 1) * sizeof(out->outcomes[0]));
    if (out->outcomes == NULL)
        return TL_TOO_MANY;
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        if (in->seen[o].count > 0)
            add_outcome(out, (enum outcome)o, &in->seen[o]);
    return 0;
}

static struct tl_str
made_channel(const struct offer_instance *in)
{
    for (enum outcome o = OUTCOME_MADE; o <= OUTCOME_PRESENTED; o++)
        if (in->seen[o].count > 0)
            return in->seen[o].first_channel;
    return (struct tl_str){"", 0};
}

static int
fill_offer(const struct offer_query *q, struct tl_str name, const struct offer_instance *in,
           struct tl_offer *out)
{
    const struct offer_seen *declined = &in->seen[OUTCOME_DECLINED];
    struct offer_state s = offer_state(in, q->now);

    *out = (struct tl_offer){
        .offer = name,
        .campaign = in->campaign,
        .treatment = in->treatment,
        .instance = in->instance,
        .channel = made_channel(in),
        .state = s.name,
        .reason = declined->count > 0 ? declined->reason : TL_STR(""),
        .terms = in->terms,
        .expires = in->expires,
        .made = offer_made_time(in),
        .live = s.live,
        .orphan = s.orphan,
        .disputed = s.disputed,
        .price_minor = in->price_minor,
        .currency = in->currency,
        .title = in->title,
    };
    return list_outcomes(q, in, out);
}

static int64_t
last_word_time(const struct tl_offer *o)
{
    int64_t last = o->outcomes_count > 0 ? o->outcomes[o->outcomes_count - 1].time : 0;

    return str_is(o->state, "expired") && o->expires > last ? o->expires : last;
}

/* Live first, then the newest closed; then by name, so that an answer is one. */
static int
compare_offers(const void *a, const void *b)
{
    const struct tl_offer *x = a, *y = b;
    int64_t x_time = last_word_time(x), y_time = last_word_time(y);
    int order;

    if (x->live != y->live)
        return x->live ? -1 : 1;
    if (x_time != y_time)
        return x_time > y_time ? -1 : 1;
    if ((order = str_compare(x->offer, y->offer)) != 0)
        return order;
    if ((order = str_compare(x->campaign, y->campaign)) != 0)
        return order;
    if ((order = str_compare(x->treatment, y->treatment)) != 0)
        return order;
    return str_compare(x->instance, y->instance);
}

struct list {
    struct tl_offer *offers;
    size_t count;
    size_t room;
};

static int
make_room(struct list *l, size_t more, struct arena *arena)
{
    size_t room = (l->count + more) * 2;
    struct tl_offer *grown;

    if (l->count + more <= l->room)
        return 0;
    grown = arena_take(arena, room * sizeof(grown[0]));
    if (grown == NULL)
        return TL_TOO_MANY;
    if (l->count > 0)
        memcpy(grown, l->offers, l->count * sizeof(grown[0]));
    l->offers = grown;
    l->room = room;
    return 0;
}

static int
add_offer(const struct offer_query *q, const struct found *found, struct list *l)
{
    struct offer_group g;
    int err = load_group(q, found, &g);

    if (err == 0)
        err = make_room(l, g.count, q->arena);
    for (size_t i = 0; i < g.count && err == 0; i++)
        err = fill_offer(q, found->offer, &g.instances[i], &l->offers[l->count++]);
    return err;
}

int
offer_list(const struct offer_query *q, struct tl_offer **offers, size_t *count)
{
    struct finds f = {0};
    struct list l = {0};
    int err = collect(q, &f);

    for (size_t i = 0; i < f.count && err == 0; i++)
        err = add_offer(q, &f.finds[i], &l);
    if (l.count > 1)
        qsort(l.offers, l.count, sizeof(l.offers[0]), compare_offers);
    *offers = l.offers;
    *count = l.count;
    return err;
}
