#include "store/relatives.h"

#include "proto/code.h"
#include "proto/str.h"
#include "store/identity.h"
#include "store/key.h"

/* A search on its way. */
struct search {
    struct views *views;
    struct arena *arena;
    struct relatives *out;
    struct card *card;      /* the one looked at */
    const uint64_t *own;
    size_t own_count;
    size_t first;           /* the first relative of the household being looked at */
    size_t profiles_count;  /* of all relatives */
};

static void
depend_on(struct search *s, uint64_t number)
{
    if (number > s->out->depends)
        s->out->depends = number;
}

/* Himself, or one who was found by another of his profiles. */
static bool
is_known(const struct search *s, uint64_t profile)
{
    if (identity_among(profile, s->own, s->own_count))
        return true;
    for (size_t i = s->first; i < s->out->others_count; i++)
        if (identity_among(profile, s->out->others[i].profiles, s->out->others[i].profiles_count))
            return true;
    return false;
}

/* What the cards say of his records; that he is no member any more, or is somebody
 * else's profile now, may hang on events that only they name. */
static int
look_at_cards(struct search *s, struct relative *r, const uint64_t *profiles)
{
    int err;

    for (size_t i = 0; i < r->profiles_count; i++) {
        if ((err = card_find(s->views, profiles[i], s->card)) != 0)
            return err;
        r->has |= s->card->has;
        depend_on(s, s->card->folded);
    }
    return 0;
}

static int
add(struct search *s, size_t household, uint64_t profile)
{
    struct relative *r = &s->out->others[s->out->others_count];
    uint64_t profiles[STORE_PROFILES_MAX];
    bool is_member = false;
    int err;

    *r = (struct relative){.household = household};
    if ((err = identity_customer(s->views, profile, profiles, &r->profiles_count)) != 0 ||
        (err = look_at_cards(s, r, profiles)) != 0 ||
        (err = household_find(s->views, profiles, r->profiles_count, s->out->own[household].id,
                              &is_member, &r->member, s->arena)) != 0 ||
        !is_member)
        return err;
    r->profiles = arena_copy(s->arena, profiles, r->profiles_count * sizeof(profiles[0]));
    if (r->profiles == NULL)
        return TL_TOO_MANY;
    s->profiles_count += r->profiles_count;
    s->out->others_count++;
    return 0;
}

static int
search_household(struct search *s, size_t household)
{
    uint64_t members[HOUSEHOLD_MEMBERS_MAX], last;
    size_t count;
    int err = household_members(s->views, s->out->own[household].id, members, &count, &last);

    depend_on(s, last);
    s->first = s->out->others_count;
    for (size_t i = 0; i < count && err == 0; i++)
        if (s->profiles_count < RELATIVES_PROFILES_MAX && !is_known(s, members[i]))
            err = add(s, household, members[i]);
    return err;
}

int
relatives_find(struct views *v, const uint64_t *profiles, size_t profiles_count,
               struct relatives *out, struct arena *arena)
{
    struct search s = {
        .views = v, .arena = arena, .out = out, .own = profiles, .own_count = profiles_count};
    int err;

    *out = (struct relatives){.own_count = 0};
    err = household_list(v, profiles, profiles_count, out->own, &out->own_count, arena);
    if (err != 0 || out->own_count == 0)
        return err;
    out->others = arena_alloc(arena, (out->own_count * HOUSEHOLD_MEMBERS_MAX + 1) *
                                         sizeof(out->others[0]));
    s.card = arena_alloc(arena, sizeof(*s.card));
    if (out->others == NULL || s.card == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < out->own_count && err == 0; i++)
        err = search_household(&s, i);
    return err;
}

static bool
shows_offers(const struct tl_household *member)
{
    return str_is(member->visibility, "offers") || str_is(member->visibility, "all");
}

bool
relative_shown(const struct relative *r)
{
    return !str_is(r->member.visibility, "none");
}

bool
relative_shows_offers(const struct relatives *all, const struct relative *r)
{
    return shows_offers(&r->member) && shows_offers(&all->own[r->household]);
}
