/* Reading: a customer's offers, over all profiles, best first. */

#include <string.h>

#include "base/finder.h"
#include "base/hash.h"
#include "base/sort.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/catalogue.h"
#include "store/key.h"
#include "store/offer_place.h"
#include "store/offer_state.h"

/* While a list is put together. */
struct listing {
    const struct offer_query *q;
    bool has_catalogue;
    uint64_t depends;
    struct arena scratch;       /* for one offer at a time: its instances are large */
    struct found *finds;
    size_t finds_count;
    size_t finds_room;
    struct finder known_finds;
    struct tl_offer *offers;
    size_t count;
    size_t room;
    uint64_t *known;            /* of each source, how many of its offers were found */
};

/* Room for so many more of an array in the answer's arena. */
static int
make_room(struct arena *arena, void *array, size_t size, size_t count, size_t more, size_t *room)
{
    void *grown, *old;

    if (count + more <= *room)
        return 0;
    if ((grown = arena_take(arena, 2 * (count + more) * size)) == NULL)
        return TL_TOO_MANY;
    memcpy(&old, array, sizeof(old));
    if (count > 0)
        memcpy(grown, old, count * size);
    memcpy(array, &grown, sizeof(grown));
    *room = 2 * (count + more);
    return 0;
}

/* ------------------------------------------------- which offers to look at */

/* What one source has of an offer. */
struct part {
    const struct offer_source *source;
    struct tl_str group;        /* empty: it lies apart */
    struct part *next;          /* of a later source */
};

/* An offer to look at. */
struct found {
    struct tl_str offer;
    uint64_t ending;
    struct part part;
    struct part *last;          /* NULL: the first */
};

/* Names differ at their ends, if they do. */
static uint64_t
ending_of(struct tl_str name)
{
    size_t len = name.len < 8 ? name.len : 8;
    uint64_t ending = 0;

    if (len > 0)
        memcpy(&ending, name.ptr + name.len - len, len);
    return ending;
}

static bool
same_name(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return x->ending == y->ending && str_equal(x->offer, y->offer);
}

static uint64_t
hash_name(const void *a)
{
    const struct found *one = a;

    return hash_table(one->offer.ptr, one->offer.len);
}

/* NULL: there is none of this name. */
static struct found *
find_name(struct listing *l, struct tl_str offer)
{
    const struct found one = {.offer = offer, .ending = ending_of(offer)};
    size_t at = finder_find(&l->known_finds, l->finds, l->finds_count, &one);

    return at < l->finds_count ? &l->finds[at] : NULL;
}

static int
add_part(struct found *to, const struct part *more, struct arena *arena)
{
    struct part *part = arena_take(arena, sizeof(*part));

    if (part == NULL)
        return TL_TOO_MANY;
    *part = *more;
    (to->last != NULL ? to->last : &to->part)->next = part;
    to->last = part;
    return 0;
}

/* One that is not among them yet. */
static int
add_new(struct listing *l, struct tl_str offer, const struct offer_source *source,
        struct tl_str group)
{
    if (make_room(l->q->arena, &l->finds, sizeof(l->finds[0]), l->finds_count, 1,
                  &l->finds_room) != 0)
        return TL_TOO_MANY;
    l->finds[l->finds_count++] =
        (struct found){offer, ending_of(offer), {source, group, NULL}, NULL};
    return 0;
}

/* A source names each offer once, so the first one's are all new. */
static int
add_here(struct listing *l, const struct offer_source *source, const struct offer_here *one)
{
    const struct part part = {source, one->group, NULL};
    struct found *known = source == l->q->sources ? NULL : find_name(l, one->offer);

    return known != NULL ? add_part(known, &part, l->q->arena)
                         : add_new(l, one->offer, source, one->group);
}

static int
collect_here(struct listing *l, const struct offer_source *source)
{
    struct offer_here one;
    size_t at = 0;
    int err = 0;

    while (err == 0 && offer_here_next(source->here, &at, &one))
        err = add_here(l, source, &one);
    if (err != 0)
        return err;
    return at == source->here.len ? 0 : TL_EDAMAGED;
}

/* Is it over by what the catalogue says now?  It did not say so when the offer was
 * put among those that are open until something is said. */
static int
look_over(struct listing *l, struct tl_str offer, int64_t last, bool *over)
{
    struct catalogue_offer defined;
    int err;

    arena_reset(&l->scratch);
    err = catalogue_read(l->q->views, offer, &defined, &l->scratch);
    *over = err == 0 && catalogue_is_over(&defined, last, l->q->now);
    return err;
}

/* An offer of those apart, as the order has it. */
struct ordered {
    unsigned char class;
    int64_t last;
    struct tl_str offer;        /* borrows from the key */
};

static struct ordered
read_ordered(struct tl_str key)
{
    const size_t class = KEY_PROFILE_BYTES, last = class + 1, offer = last + 8;

    return (struct ordered){.class = (unsigned char)key.ptr[class],
                            .last = key_read_time_descending(key, last),
                            .offer = {key.ptr + offer, key.len - offer}};
}

/* One source's offers apart, on their way to being merged. */
struct lane {
    const struct offer_source *source;
    struct key prefix;
    struct views_walk walk;
    bool more;
    struct ordered next;
};

static void
lane_from(struct lane *lane, struct views *v, const struct key *from)
{
    lane->more = views_first(&lane->walk, v, lane->prefix.bytes, lane->prefix.len, from->bytes,
                             from->len, false);
    if (lane->more)
        lane->next = read_ordered(lane->walk.key);
}

static void
lane_step(struct lane *lane)
{
    lane->more = views_next(&lane->walk);
    if (lane->more)
        lane->next = read_ordered(lane->walk.key);
}

static bool
comes_first(const struct ordered *a, const struct ordered *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    return a->last != b->last ? a->last > b->last : str_compare(a->offer, b->offer) < 0;
}

static struct lane *
first_lane(struct lane *lanes, size_t count)
{
    struct lane *first = NULL;

    for (size_t i = 0; i < count; i++)
        if (lanes[i].more && (first == NULL || comes_first(&lanes[i].next, &first->next)))
            first = &lanes[i];
    return first;
}

static void
skip_class(struct lane *lanes, size_t count, struct views *v, unsigned char class)
{
    for (size_t i = 0; i < count; i++) {
        struct key from;

        if (!lanes[i].more || lanes[i].next.class != class)
            continue;
        views_end(&lanes[i].walk);
        from = lanes[i].prefix;
        key_add_byte(&from, class + 1);
        lane_from(&lanes[i], v, &from);
    }
}

/* Its group, and those of other sources, are looked for when it is read. */
static int
add_apart(struct listing *l, const struct lane *lane, size_t *count, size_t *passed)
{
    const struct ordered *o = &lane->next;
    bool over = false;
    char *name;
    int err;

    if (find_name(l, o->offer) != NULL)
        return 0;
    if ((name = arena_copy(l->q->arena, o->offer.ptr, o->offer.len)) == NULL)
        return TL_TOO_MANY;
    err = add_new(l, (struct tl_str){name, o->offer.len}, lane->source, TL_STR(""));
    if (err == 0 && o->class == OFFER_OPEN && l->has_catalogue)
        err = look_over(l, o->offer, o->last, &over);
    *count += !over;
    *passed += over;
    return err;
}

/* Of those apart, of all sources together, the first `limit` of each class: as if they
 * were one's, so 64 profiles do not cost 64 times as much. */
static int
merge_lanes(struct listing *l, struct lane *lanes, size_t lanes_count)
{
    size_t count = 0, passed = 0;
    unsigned char class = OFFER_OPEN;
    struct lane *lane;
    int err = 0;

    while (err == 0 && (lane = first_lane(lanes, lanes_count)) != NULL) {
        if (lane->next.class != class) {
            class = lane->next.class;
            count = passed = 0;
        }
        if ((err = add_apart(l, lane, &count, &passed)) != 0)
            break;
        if (count < l->q->limit && passed < OFFERS_PASSED_MAX)
            lane_step(lane);
        else
            skip_class(lanes, lanes_count, l->q->views, class);
    }
    return err;
}

static int
collect_apart(struct listing *l)
{
    const struct key from = {.len = 0};
    struct lane *lanes = NULL;
    size_t count = 0;
    int err;

    for (size_t i = 0; i < l->q->sources_count; i++) {
        if (!l->q->sources[i].apart)
            continue;
        if (lanes == NULL)
            lanes = arena_take(l->q->arena, (l->q->sources_count - i) * sizeof(lanes[0]));
        if (lanes == NULL)
            return TL_TOO_MANY;
        lanes[count].source = &l->q->sources[i];
        key_profile(&lanes[count].prefix, l->q->sources[i].profile, KEY_OFFER_ORDER);
        lane_from(&lanes[count++], l->q->views, &from);
    }
    err = count > 0 ? merge_lanes(l, lanes, count) : 0;
    while (count > 0)
        views_end(&lanes[--count].walk);
    return err;
}

/* What lies where an earlier end put it, and was put off since. */
static int
collect_raised(struct listing *l, const struct offer_source *source)
{
    struct tl_str raised[CATALOGUE_RAISED_MAX];
    size_t count;
    int err = catalogue_raised(l->q->views, l->q->counters, l->q->now, raised, &count,
                               l->q->arena);

    for (size_t i = 0; i < count && err == 0; i++) {
        struct tl_str record;
        struct key k;

        if (find_name(l, raised[i]) != NULL)
            continue;
        key_profile(&k, source->profile, KEY_OFFER);
        key_add(&k, raised[i]);
        if (views_get(l->q->views, k.bytes, k.len, &record))
            err = add_new(l, raised[i], source, TL_STR(""));
    }
    return err;
}

static int
collect(struct listing *l)
{
    int err = 0;

    for (size_t i = 0; i < l->q->sources_count && err == 0; i++)
        err = collect_here(l, &l->q->sources[i]);
    if (err == 0)
        err = collect_apart(l);
    for (size_t i = 0; i < l->q->sources_count && err == 0; i++)
        if (l->q->sources[i].apart)
            err = collect_raised(l, &l->q->sources[i]);
    return err;
}

/* ------------------------------------------- one offer, over all profiles */

/* An offer's record apart; empty: there is none. */
static int
find_apart(const struct offer_query *q, const struct offer_source *source, struct tl_str offer,
           struct tl_str *group)
{
    struct key k;

    *group = TL_STR("");
    key_profile(&k, source->profile, KEY_OFFER);
    key_add(&k, offer);
    if (!views_get(q->views, k.bytes, k.len, group))
        return 0;
    if (!offer_place_group(*group, group))
        return TL_EDAMAGED;
    group->ptr = arena_copy(q->arena, group->ptr, group->len);
    return group->ptr == NULL ? TL_TOO_MANY : 0;
}

/* `all` gets what `more` knows; instances both know are one. */
static int
merge_groups(struct offer_group *all, const struct offer_group *more, struct arena *arena)
{
    struct offer_instance *joined =
        arena_take(arena, (all->count + more->count) * sizeof(joined[0]));

    if (joined == NULL)
        return TL_TOO_MANY;
    memcpy(joined, all->instances, all->count * sizeof(joined[0]));
    all->instances = joined;
    for (size_t i = 0; i < more->count; i++) {
        size_t at = 0;

        while (at < all->count && !offer_same_instance(&joined[at], &more->instances[i]))
            at++;
        if (at < all->count)
            offer_merge(&joined[at], &more->instances[i]);
        else
            joined[all->count++] = more->instances[i];
    }
    return 0;
}

/* What one source knows is added. */
static int
add_group(struct listing *l, const struct found *found, struct tl_str bytes,
          struct offer_group *all)
{
    struct offer_group g;
    int err = offer_read(&g, found->offer, bytes, &l->scratch);

    if (err != 0 || g.count == 0)
        return err;
    if (all->count > 0)
        return merge_groups(all, &g, &l->scratch);
    *all = g;
    return 0;
}

static int
load_group(struct listing *l, const struct found *found, struct offer_group *out)
{
    const struct part *part = &found->part;
    int err = 0;

    *out = (struct offer_group){0};
    arena_reset(&l->scratch);
    for (size_t i = 0; i < l->q->sources_count && err == 0; i++) {
        const struct offer_source *source = &l->q->sources[i];
        struct tl_str bytes = {"", 0};

        if (part != NULL && part->source == source) {
            bytes = part->group;
            part = part->next;
        }
        if (bytes.len == 0 && source->apart)
            err = find_apart(l->q, source, found->offer, &bytes);
        if (err == 0 && bytes.len > 0)
            err = add_group(l, found, bytes, out);
        l->known[i] += bytes.len > 0;
    }
    if (err == 0)
        offer_join(out);
    return err;
}

/* What nobody said of these the catalogue does. */
static int
apply_catalogue(struct listing *l, struct tl_str offer, struct offer_group *g)
{
    struct catalogue_offer defined;
    int err;

    if (!l->has_catalogue)
        return 0;
    if ((err = catalogue_read(l->q->views, offer, &defined, l->q->arena)) != 0)
        return err;
    for (size_t i = 0; i < g->count; i++)
        catalogue_apply(&defined, &g->instances[i]);
    if (catalogue_number(&defined) > l->depends)
        l->depends = catalogue_number(&defined);
    return 0;
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

/* The customer's, not ours: the last of those listed. */
static struct tl_outcome_seen *
last_word(const struct offer_instance *in, struct tl_offer *o)
{
    static const enum outcome his[] = {OUTCOME_DISMISSED, OUTCOME_CLICKED,  OUTCOME_DECLINED,
                                       OUTCOME_ACCEPTED,  OUTCOME_REDEEMED, OUTCOME_DISPUTED};
    enum outcome last = OUTCOME_COUNT;
    size_t at = o->outcomes_count;

    for (size_t i = 0; i < sizeof(his) / sizeof(his[0]); i++)
        if (in->seen[his[i]].count > 0 &&
            (last == OUTCOME_COUNT || in->seen[his[i]].time >= in->seen[last].time))
            last = his[i];
    if (last == OUTCOME_COUNT)
        return NULL;
    while (o->outcomes[at - 1].outcome.ptr != outcome_name(last).ptr)
        at--;
    return &o->outcomes[at - 1];
}

static int
list_defined(const struct offer_query *q, unsigned defined, struct tl_offer *out)
{
    static const struct {
        enum offer_defined bit;
        struct tl_str name;
    } fields[] = {
        {OFFER_DEFINED_TITLE, {"title", 5}},     {OFFER_DEFINED_TERMS, {"terms", 5}},
        {OFFER_DEFINED_PRICE, {"price", 5}},     {OFFER_DEFINED_EXPIRES, {"expires", 7}},
        {OFFER_DEFINED_GROUP, {"exclusivity_group", 17}},
    };
    size_t count = sizeof(fields) / sizeof(fields[0]);

    if (defined == 0)
        return 0;
    out->of_catalogue = arena_alloc(q->arena, count * sizeof(out->of_catalogue[0]));
    if (out->of_catalogue == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < count; i++)
        if (defined & fields[i].bit)
            out->of_catalogue[out->of_catalogue_count++] = fields[i].name;
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
    int err;

    *out = (struct tl_offer){
        .offer = name,
        .campaign = in->campaign,
        .treatment = in->treatment,
        .instance = in->instance,
        .channel = made_channel(in),
        .state = s.name,
        .reason = declined->count > 0 ? declined->reason : TL_STR(""),
        .terms = in->words.terms,
        .expires = in->words.expires,
        .made = offer_made_time(in),
        .live = s.live,
        .orphan = s.orphan,
        .disputed = s.disputed,
        .price_minor = in->words.price_minor,
        .currency = in->words.currency,
        .title = in->words.title,
        .exclusivity_group = in->words.group,
        .valid_from = in->valid_from,
    };
    if ((err = list_outcomes(q, in, out)) != 0)
        return err;
    out->last_word = last_word(in, out);
    return list_defined(q, in->defined, out);
}

/* An offer and where it comes in the list. */
struct rank {
    const struct tl_offer *offer;
    int64_t last_word;
};

static int64_t
last_word_time(const struct tl_offer *o)
{
    int64_t last = o->outcomes_count > 0 ? o->outcomes[o->outcomes_count - 1].time : 0;

    return str_is(o->state, "expired") && o->expires > last ? o->expires : last;
}

/* Live first, then the newest closed; then by name, so that an answer is one. */
static int
compare_ranks(const void *a, const void *b)
{
    const struct rank *x_rank = a, *y_rank = b;
    const struct tl_offer *x = x_rank->offer, *y = y_rank->offer;
    int order;

    if (x->live != y->live)
        return x->live ? -1 : 1;
    if (x_rank->last_word != y_rank->last_word)
        return x_rank->last_word > y_rank->last_word ? -1 : 1;
    if ((order = str_compare(x->offer, y->offer)) != 0)
        return order;
    if ((order = str_compare(x->campaign, y->campaign)) != 0)
        return order;
    if ((order = str_compare(x->treatment, y->treatment)) != 0)
        return order;
    return str_compare(x->instance, y->instance);
}

/* The list in order: the offers are large, so they move once. */
static int
sort_offers(struct listing *l)
{
    struct rank *ranks = arena_take(l->q->arena, l->count * sizeof(ranks[0]));
    struct tl_offer *sorted = arena_take(l->q->arena, l->count * sizeof(sorted[0]));

    if (ranks == NULL || sorted == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < l->count; i++)
        ranks[i] = (struct rank){&l->offers[i], last_word_time(&l->offers[i])};
    sort(ranks, l->count, sizeof(ranks[0]), compare_ranks);
    for (size_t i = 0; i < l->count; i++)
        sorted[i] = *ranks[i].offer;
    l->offers = sorted;
    return 0;
}

static int
add_offer(struct listing *l, const struct found *found)
{
    struct offer_group g;
    int err = load_group(l, found, &g);

    if (err == 0)
        err = apply_catalogue(l, found->offer, &g);
    if (err == 0)
        err = make_room(l->q->arena, &l->offers, sizeof(l->offers[0]), l->count, g.count,
                        &l->room);
    for (size_t i = 0; i < g.count && err == 0; i++)
        err = fill_offer(l->q, found->offer, &g.instances[i], &l->offers[l->count++]);
    return err;
}

/* ----------------------------------------------------- what is not listed */

/* What of a source was not found is found now, until that is enough. */
static int
collect_rest(struct listing *l, const struct offer_source *source, size_t enough)
{
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    key_profile(&prefix, source->profile, KEY_OFFER_ORDER);
    more = views_first(&w, l->q->views, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && l->finds_count < enough && err == 0; more = views_next(&w)) {
        size_t before = prefix.len + 1 + 8;     /* its class, its time */
        struct tl_str offer = {w.key.ptr + before, w.key.len - before};

        if (find_name(l, offer) != NULL)
            continue;
        offer.ptr = arena_copy(l->q->arena, offer.ptr, offer.len);
        err = offer.ptr == NULL ? TL_TOO_MANY : add_new(l, offer, source, TL_STR(""));
    }
    views_end(&w);
    return err;
}

/* Offers that none was found of, each once though several sources know it.  Nothing
 * is looked for unless several have such, each no more than are counted: so the
 * steps are bounded by what was found, and that. */
static int
count_rest(struct listing *l, uint64_t *rest)
{
    size_t listed = l->finds_count;
    uint64_t most = 0, sum = 0;
    int err = 0;

    for (size_t i = 0; i < l->q->sources_count; i++) {
        uint64_t left = l->q->sources[i].count - l->known[i];

        sum += left;
        most = left > most ? left : most;
    }
    *rest = most;
    if (most == sum || most > l->q->rest_max)
        return 0;
    for (size_t i = 0; i < l->q->sources_count && err == 0; i++)
        if (l->q->sources[i].count > l->known[i])
            err = collect_rest(l, &l->q->sources[i], listed + l->q->rest_max + 1);
    *rest = l->finds_count - listed;
    return err;
}

int
offer_list(const struct offer_query *q, struct offer_list *out, uint64_t *depends)
{
    struct listing l = {
        .q = q,
        .has_catalogue = !catalogue_is_empty(q->counters),
        .depends = *depends,
        .known_finds = finder_new(sizeof(struct found), same_name, hash_name, q->arena),
        .known = arena_alloc(q->arena, (q->sources_count + 1) * sizeof(l.known[0])),
    };
    size_t found;
    int err = l.known != NULL ? 0 : TL_TOO_MANY;

    arena_init(&l.scratch, q->arena->budget_max);
    if (err == 0)
        err = collect(&l);
    found = l.finds_count;
    for (size_t i = 0; i < found && err == 0; i++)
        err = add_offer(&l, &l.finds[i]);
    if (err == 0 && l.count > 1)
        err = sort_offers(&l);
    if (err == 0)
        err = count_rest(&l, &out->rest);
    arena_fini(&l.scratch);
    out->offers = l.offers;
    out->count = l.count;
    *depends = l.depends;
    return err == 0 ? offer_conflicts(l.offers, l.count, q->arena) : err;
}

/* Is it an offer of one of these?  Instances of one share the text of its id. */
static bool
is_among(const struct tl_offer *one, const struct tl_offer *offers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (offers[i].offer.ptr == one->offer.ptr)
            return true;
    return false;
}

uint64_t
offer_list_more(const struct offer_query *q, const struct offer_list *list, size_t shown)
{
    uint64_t more = list->rest;

    for (size_t i = shown; i < list->count && more <= q->rest_max; i++) {
        const struct tl_offer *one = &list->offers[i];

        more += is_among(one, list->offers, shown) ||
                !is_among(one, &list->offers[shown], i - shown);
    }
    return more;
}
