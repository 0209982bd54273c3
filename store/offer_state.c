#include "store/offer_state.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/catalogue.h"

static bool
is_seen(const struct offer_instance *in, enum outcome o)
{
    return in->seen[o].count > 0;
}

int64_t
offer_last_time(const struct offer_instance *in)
{
    int64_t last = INT64_MIN;

    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        if (in->seen[o].count > 0 && in->seen[o].time > last)
            last = in->seen[o].time;
    return last;
}

int64_t
offer_made_time(const struct offer_instance *in)
{
    static const enum outcome making[] = {OUTCOME_DELIVERED, OUTCOME_UNDELIVERED,
                                          OUTCOME_PRESENTED};
    int64_t made = 0;

    if (is_seen(in, OUTCOME_MADE))
        return in->seen[OUTCOME_MADE].first_time;
    for (size_t i = 0; i < sizeof(making) / sizeof(making[0]); i++) {
        const struct offer_seen *seen = &in->seen[making[i]];

        if (seen->count > 0 && (made == 0 || seen->first_time < made))
            made = seen->first_time;
    }
    return made;
}

/* ---------------------------------------------------------------- joining */

static bool
is_reaction(enum outcome o)
{
    return o >= OUTCOME_DISMISSED;
}

/* Could a word kept in `bare` be on `made`? */
static bool
may_join(const struct offer_instance *bare, const struct offer_instance *made)
{
    return bare != made &&
           (bare->campaign.len == 0 || str_equal(bare->campaign, made->campaign));
}

/* Two made at the same time: whatever came first, it is the same one. */
static bool
is_newer(const struct offer_instance *a, const struct offer_instance *b)
{
    int64_t a_made = offer_made_time(a), b_made = offer_made_time(b);
    int order;

    if (a_made != b_made)
        return a_made > b_made;
    if ((order = str_compare(a->campaign, b->campaign)) != 0)
        return order > 0;
    if ((order = str_compare(a->treatment, b->treatment)) != 0)
        return order > 0;
    return str_compare(a->instance, b->instance) > 0;
}

/* Offered under the very name, which says more than the offer's? */
static bool
is_exactly(const struct offer_instance *bare, int64_t time)
{
    int64_t made = offer_made_time(bare);

    return bare->campaign.len > 0 && made != 0 && made <= time;
}

/* A reaction may be to what was only sent or shown; that itself is of what was made. */
static struct offer_instance *
newest_before(struct offer_group *g, struct offer_instance *bare, int64_t time, bool to_reaction)
{
    struct offer_instance *newest = NULL;

    if (to_reaction && is_exactly(bare, time))
        return bare;
    for (size_t i = 0; i < g->count; i++) {
        struct offer_instance *in = &g->instances[i];
        int64_t made = offer_made_time(in);

        if (made == 0 || made > time || (bare != in && !may_join(bare, in)))
            continue;
        if (!to_reaction && !is_seen(in, OUTCOME_MADE))
            continue;
        if (newest == NULL || is_newer(in, newest))
            newest = in;
    }
    return newest;
}

static void
add_seen(struct offer_seen *to, const struct offer_seen *from)
{
    struct offer_seen sum;

    if (to->count == 0) {
        *to = *from;
        return;
    }
    sum = *to;
    if (from->time > to->time || (from->time == to->time && from->number > to->number))
        sum = *from;
    if (from->first_time < to->first_time) {
        sum.first_time = from->first_time;
        sum.first_number = from->first_number;
        sum.first_channel = from->first_channel;
    } else {
        sum.first_time = to->first_time;
        sum.first_number = to->first_number;
        sum.first_channel = to->first_channel;
    }
    sum.count = to->count > UINT32_MAX - from->count ? UINT32_MAX : to->count + from->count;
    *to = sum;
}

void
offer_merge(struct offer_instance *to, const struct offer_instance *from)
{
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        if (from->seen[o].count > 0)
            add_seen(&to->seen[o], &from->seen[o]);
    if (from->named_number != 0)
        offer_instance_name(to, &(struct offer_naming){from->campaign, from->treatment,
                                                       from->named_time, from->named_number});
    offer_words_merge(&to->words, &from->words);
}

/* Of an outcome seen several times only the first and the last are dated: the
 * first goes by its own time, the rest by the last. */
static void
join_outcome(struct offer_group *g, struct offer_instance *bare, enum outcome o)
{
    struct offer_seen first = bare->seen[o], rest = bare->seen[o];
    struct offer_instance *to_first = newest_before(g, bare, first.first_time, is_reaction(o));
    struct offer_instance *to_rest = newest_before(g, bare, rest.time, is_reaction(o));

    to_first = to_first != NULL ? to_first : bare;
    to_rest = to_rest != NULL ? to_rest : bare;
    bare->seen[o].count = 0;
    if (to_first != to_rest && rest.count > 1) {
        first.count = 1;
        first.time = first.first_time;
        first.number = first.first_number;
        first.channel = first.first_channel;
        first.reason = TL_STR("");      /* only the last one's is kept */
        rest.count--;
        rest.first_time = rest.time;
        rest.first_number = rest.number;
        rest.first_channel = rest.channel;
        add_seen(&to_first->seen[o], &first);
    }
    add_seen(&to_rest->seen[o], &rest);
}

/* When any of these was said last; INT64_MIN: none was. */
static int64_t
last_said(const struct offer_words *w)
{
    const struct offer_stamp at[] = {w->terms_at, w->title_at, w->price_at, w->expires_at,
                                     w->group_at};
    int64_t last = INT64_MIN;

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
        if (at[i].number != 0 && at[i].time > last)
            last = at[i].time;
    return last;
}

/* What is said of terms and expiry with such a word is of the offer it is about. */
static void
join_words(struct offer_group *g, struct offer_instance *bare, bool by_reaction)
{
    int64_t said = last_said(&bare->words);
    struct offer_instance *about =
        said != INT64_MIN ? newest_before(g, bare, said, by_reaction) : NULL;

    if (about == NULL || about == bare)
        return;
    offer_words_merge(&about->words, &bare->words);
    bare->words = (struct offer_words){0};
}

/* What was sent or shown of an offer that is only named. */
static void
join_shown(struct offer_group *g, struct offer_instance *bare)
{
    if (is_seen(bare, OUTCOME_MADE) || offer_made_time(bare) == 0)
        return;
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        if (!is_reaction((enum outcome)o) && bare->seen[o].count > 0)
            join_outcome(g, bare, (enum outcome)o);
    if (offer_made_time(bare) == 0)
        join_words(g, bare, false);
}

static void
join_reactions(struct offer_group *g, struct offer_instance *bare)
{
    /* Terms of what was itself made are its own. */
    if (offer_made_time(bare) == 0)
        join_words(g, bare, true);
    for (size_t o = 0; o < OUTCOME_COUNT; o++)
        if (is_reaction((enum outcome)o) && bare->seen[o].count > 0)
            join_outcome(g, bare, (enum outcome)o);
}

bool
offer_same_instance(const struct offer_instance *a, const struct offer_instance *b)
{
    return str_equal(a->instance, b->instance) &&
           (a->instance.len > 0 || (str_equal(a->campaign, b->campaign) &&
                                    str_equal(a->treatment, b->treatment)));
}

/* Each subject's words on an instance are kept apart, for a higher revision to take
 * back. */
static void
join_subjects(struct offer_group *g)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->count; i++) {
        struct offer_instance *in = &g->instances[i];
        size_t at = 0;

        while (at < kept && !offer_same_instance(&g->instances[at], in))
            at++;
        if (at < kept) {
            offer_merge(&g->instances[at], in);
        } else {
            g->instances[kept] = *in;
            g->instances[kept++].subject = 0;
        }
    }
    g->count = kept;
}

static bool
has_subjects(const struct offer_group *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->instances[i].subject != 0)
            return true;
    return false;
}

/* Names only the offer, or the offer and its campaign. */
static bool
is_bare(const struct offer_instance *in)
{
    return in->instance.len == 0 && in->treatment.len == 0;
}

void
offer_join(struct offer_group *g)
{
    size_t kept = 0;

    if (g->count < 2)
        return;
    if (has_subjects(g))
        join_subjects(g);
    /* First, because reactions join what was shown, too, and stayed. */
    for (size_t i = 0; i < g->count; i++)
        if (is_bare(&g->instances[i]))
            join_shown(g, &g->instances[i]);
    /* Those that name a campaign first: what names none may join one of them, and is not to go
     * on from there. */
    for (int named = 1; named >= 0; named--)
        for (size_t i = 0; i < g->count; i++)
            if (is_bare(&g->instances[i]) && (g->instances[i].campaign.len > 0) == named)
                join_reactions(g, &g->instances[i]);
    for (size_t i = 0; i < g->count; i++)
        if (offer_last_time(&g->instances[i]) != INT64_MIN)
            g->instances[kept++] = g->instances[i];
    g->count = kept;
}

/* ------------------------------------------------------------------ state */

/* The last in event time of the outcomes from..to that were seen; ties go to
 * the later in the list. */
static enum outcome
last_word(const struct offer_instance *in, const enum outcome *among, size_t count)
{
    enum outcome last = OUTCOME_COUNT;

    for (size_t i = 0; i < count; i++)
        if (is_seen(in, among[i]) &&
            (last == OUTCOME_COUNT || in->seen[among[i]].time >= in->seen[last].time))
            last = among[i];
    return last;
}

static enum outcome
furthest(const struct offer_instance *in)
{
    static const enum outcome steps[] = {OUTCOME_EXPIRED, OUTCOME_NO_RESPONSE, OUTCOME_PRESENTED,
                                         OUTCOME_DELIVERED, OUTCOME_UNDELIVERED, OUTCOME_MADE};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (is_seen(in, steps[i]))
            return steps[i];
    return OUTCOME_DISPUTED;    /* nothing else was ever said */
}

/* Withdrawn and superseded close what was not accepted, until it is made anew. */
static enum outcome
closed_by(const struct offer_instance *in, enum outcome word)
{
    static const enum outcome closing[] = {OUTCOME_WITHDRAWN, OUTCOME_SUPERSEDED};
    enum outcome closed = last_word(in, closing, 2);

    if (word == OUTCOME_ACCEPTED || closed == OUTCOME_COUNT)
        return OUTCOME_COUNT;
    if (is_seen(in, OUTCOME_MADE) && in->seen[OUTCOME_MADE].time > in->seen[closed].time)
        return OUTCOME_COUNT;
    return closed;
}

static enum outcome
word_of(const struct offer_instance *in)
{
    static const enum outcome words[] = {OUTCOME_DISMISSED, OUTCOME_CLICKED, OUTCOME_DECLINED,
                                         OUTCOME_ACCEPTED};
    enum outcome word, closed;

    if (is_seen(in, OUTCOME_FULFILLED))
        return OUTCOME_FULFILLED;
    if (is_seen(in, OUTCOME_REDEEMED))
        return OUTCOME_REDEEMED;
    word = last_word(in, words, 4);
    closed = closed_by(in, word);
    if (closed != OUTCOME_COUNT)
        return closed;
    return word != OUTCOME_COUNT ? word : furthest(in);
}

static bool
stays_open(enum outcome word)
{
    return word <= OUTCOME_CLICKED || word == OUTCOME_ACCEPTED || word == OUTCOME_DISPUTED;
}

/* Until when it may be had, if nothing more is said. */
static int64_t
end_of(const struct offer_instance *in)
{
    int64_t end = in->words.expires != 0 ? in->words.expires : INT64_MAX;

    return in->withdrawn != 0 && in->withdrawn < end ? in->withdrawn : end;
}

/* Expired is what was neither accepted nor declined when its time was over. */
static bool
is_over(const struct offer_instance *in, enum outcome word, int64_t now)
{
    bool may_expire = stays_open(word) ? word != OUTCOME_ACCEPTED : word == OUTCOME_NO_RESPONSE;

    return may_expire && (is_seen(in, OUTCOME_EXPIRED) || end_of(in) <= now);
}

/* What ended it: the catalogue took it back, or else its time. */
static enum outcome
over_as(const struct offer_instance *in)
{
    bool withdrawn = in->withdrawn != 0 && in->withdrawn == end_of(in);

    return withdrawn && !is_seen(in, OUTCOME_EXPIRED) ? OUTCOME_WITHDRAWN : OUTCOME_EXPIRED;
}

struct offer_state
offer_state(const struct offer_instance *in, int64_t now)
{
    enum outcome word = word_of(in);
    struct offer_state s = {
        .name = outcome_name(word),
        .class = OFFER_CLOSED,
        .disputed = is_seen(in, OUTCOME_DISPUTED),
        .orphan = offer_made_time(in) == 0,
    };

    if (word == OUTCOME_ACCEPTED) {
        s.class = OFFER_OPEN;
        s.live = true;
    } else if (stays_open(word) && !is_seen(in, OUTCOME_EXPIRED)) {
        s.class = end_of(in) == INT64_MAX ? OFFER_OPEN : OFFER_OPEN_UNTIL;
        s.live = true;
    }
    if (is_over(in, word, now)) {
        s.name = outcome_name(over_as(in));
        s.live = false;
    }
    return s;
}

/* ------------------------------------------------------------------ order */

static bool
comes_before(const struct offer_order *a, const struct offer_order *b)
{
    return a->class != b->class ? a->class < b->class : a->time > b->time;
}

static struct offer_order
order_of(const struct offer_instance *in)
{
    struct offer_state s = offer_state(in, INT64_MIN);
    bool until = s.class == OFFER_OPEN_UNTIL;

    return (struct offer_order){(unsigned char)s.class, until ? end_of(in) : offer_last_time(in)};
}

int
offer_order(const struct offer_group *g, const struct catalogue_offer *defined,
            struct arena *arena, struct offer_order *first)
{
    bool as_it_is = g->count < 2 && defined->count == 0;
    struct offer_group joined = *g;

    *first = (struct offer_order){OFFER_CLOSED, INT64_MIN};
    if (!as_it_is) {
        joined.instances = arena_take(arena, (g->count + 1) * sizeof(g->instances[0]));
        if (joined.instances == NULL)
            return TL_TOO_MANY;
        memcpy(joined.instances, g->instances, g->count * sizeof(g->instances[0]));
        offer_join(&joined);
    }
    for (size_t i = 0; i < joined.count; i++) {
        struct offer_order order;

        if (!as_it_is)
            catalogue_apply(defined, &joined.instances[i]);
        order = order_of(&joined.instances[i]);
        if (comes_before(&order, first))
            *first = order;
    }
    return 0;
}
