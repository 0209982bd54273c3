#include "store/identity_decide.h"

#include "proto/code.h"
#include "proto/str.h"
#include "store/binding.h"
#include "store/card.h"
#include "store/identity.h"
#include "store/key.h"
#include "store/link.h"

/* ------------------------------------------------------------- customers */

/* A customer and the identifiers that tell two apart, while deciding. */
struct side {
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t profiles_count;
    bool has_strong;
    size_t singles_count;
    struct tl_identifier singles[CARD_IDENTIFIERS_MAX];
};

static int
side_add_card(struct side *s, struct views *v, uint64_t profile, struct arena *arena)
{
    struct card card;
    int err = card_find(v, profile, &card);

    if (err != 0)
        return err;
    s->has_strong = s->has_strong || card_has_strong(&card);
    for (size_t i = 0; i < card.identifiers_count; i++) {
        const struct card_identifier *id = &card.identifiers[i];
        struct tl_identifier *single = &s->singles[s->singles_count];

        if ((id->kind & (CARD_SINGLE | CARD_ELSEWHERE)) != CARD_SINGLE ||
            s->singles_count == CARD_IDENTIFIERS_MAX)
            continue;
        single->type = (struct tl_str){arena_copy(arena, id->type.ptr, id->type.len), id->type.len};
        single->value =
            (struct tl_str){arena_copy(arena, id->value.ptr, id->value.len), id->value.len};
        if (single->type.ptr == NULL || single->value.ptr == NULL)
            return TL_TOO_MANY;
        s->singles_count++;
    }
    return 0;
}

static int
side_load(struct side *s, struct views *v, uint64_t profile, struct arena *arena)
{
    int err = identity_customer(v, profile, s->profiles, &s->profiles_count);

    s->has_strong = false;
    s->singles_count = 0;
    for (size_t i = 0; i < s->profiles_count && err == 0; i++)
        err = side_add_card(s, v, s->profiles[i], arena);
    return err;
}

/* The value a side has of a type; NULL: none. */
static const struct tl_identifier *
side_single(const struct side *s, struct tl_str type)
{
    for (size_t i = 0; i < s->singles_count; i++)
        if (str_equal(s->singles[i].type, type))
            return &s->singles[i];
    return NULL;
}

static void
side_add_single(struct side *s, const struct store_identifier *id)
{
    if (id->single && s->singles_count < CARD_IDENTIFIERS_MAX)
        s->singles[s->singles_count++] = (struct tl_identifier){id->type, id->value};
}

/* Do two sides hold different values of one single-valued type? */
static bool
sides_differ(const struct side *a, const struct side *b, struct identity_say *say)
{
    for (size_t i = 0; i < a->singles_count; i++) {
        const struct tl_identifier *other = side_single(b, a->singles[i].type);

        if (other == NULL || str_equal(other->value, a->singles[i].value))
            continue;
        say->what = IDENTITY_CONFLICT;
        say->moves = false;
        say->id_a = a->singles[i];
        say->id_b = *other;
        return true;
    }
    return false;
}

/* --------------------------------------------------------------- deciding */

struct deciding {
    struct views *v;
    const struct store_identifier *ids;
    size_t count;
    struct binding bindings[IDENTIFIERS_MAX];
    bool known[IDENTIFIERS_MAX];
    struct identity_decision *out;
    struct arena *arena;
    uint64_t first_free;        /* profiles from this one on are new */
    struct side side;           /* the event's customer */
};

unsigned
identity_action(const struct store_identifier *id, unsigned action)
{
    return action | (id->strong ? FRAME_STRONG : 0u) | (id->single ? FRAME_SINGLE : 0u);
}

static void
act(struct deciding *d, size_t i, unsigned action)
{
    d->out->actions[i] = identity_action(&d->ids[i], action);
}

static uint64_t
new_profile(struct deciding *d)
{
    return d->out->next_profile++;
}

static bool
is_new(const struct deciding *d)
{
    return d->out->profile >= d->first_free;
}

static struct identity_say *
say(struct deciding *d)
{
    return d->out->says_count < IDENTITY_SAYS_MAX ? &d->out->says[d->out->says_count++] : NULL;
}

/* Does the profile's card say so, or has it no room for more? */
static bool
card_knows(struct deciding *d, uint64_t profile, const struct identity_say *conflict)
{
    struct card card;

    if (card_find(d->v, profile, &card) != 0)
        return false;
    for (size_t i = 0; i < card.conflicts_count; i++) {
        const struct card_conflict *known = &card.conflicts[i];

        if (str_equal(known->type, conflict->id_a.type) &&
            str_equal(known->value_a, conflict->id_a.value) &&
            str_equal(known->value_b, conflict->id_b.value))
            return true;
    }
    return card.conflicts_count == CARD_CONFLICTS_MAX;
}

/* By both: the other side may have been somebody linked to this one then. */
static bool
is_known_conflict(struct deciding *d, const struct identity_say *conflict)
{
    for (size_t i = 0; i < d->out->says_count; i++)
        if (d->out->says[i].what == IDENTITY_CONFLICT && d->out->says[i].b == conflict->b &&
            str_equal(d->out->says[i].id_a.type, conflict->id_a.type))
            return true;
    return card_knows(d, conflict->a, conflict) && card_knows(d, conflict->b, conflict);
}

/* Did a person say that somebody of one side is nobody of the other? */
static int
were_parted(struct views *v, const struct side *a, const struct side *b, bool *parted)
{
    struct links l;

    *parted = false;
    for (size_t i = 0; i < a->profiles_count && !*parted; i++) {
        if (link_get(v, a->profiles[i], &l) != 0)
            return TL_EDAMAGED;
        for (size_t j = 0; j < l.count && !*parted; j++)
            *parted = link_refused(&l.of[j]) &&
                      identity_among(l.of[j].other, b->profiles, b->profiles_count);
    }
    return 0;
}

/* Of several values that a linked customer has, the one the event names is its profile's, and
 * stays with it when he is parted again. */
static void
name_the_named(struct identity_say *conflict, const struct store_identifier *named)
{
    if (named->single && str_equal(named->type, conflict->id_b.type) &&
        !str_equal(named->value, conflict->id_a.value))
        conflict->id_b = (struct tl_identifier){named->type, named->value};
}

/* The profile `other`, which has identifier i, was named together with the
 * event's: one customer, unless something speaks against it. */
static int
join_other(struct deciding *d, size_t i, uint64_t other)
{
    struct identity_say verdict = {.what = IDENTITY_LINKED, .moves = true,
                                   .a = d->out->profile, .b = other,
                                   .id_a = {d->ids[0].type, d->ids[0].value},
                                   .id_b = {d->ids[i].type, d->ids[i].value}};
    struct identity_say *said;
    struct side other_side;
    bool refused;
    int err;

    if (identity_among(other, d->side.profiles, d->side.profiles_count))
        return 0;
    if ((err = side_load(&other_side, d->v, other, d->arena)) != 0)
        return err;
    if (!d->ids[i].strong && other_side.has_strong)
        return 0;       /* strong beats weak: it is somebody else's */
    if ((err = were_parted(d->v, &d->side, &other_side, &refused)) != 0 || refused)
        return err;
    if (sides_differ(&d->side, &other_side, &verdict)) {
        name_the_named(&verdict, &d->ids[i]);
        if (!is_known_conflict(d, &verdict) && (said = say(d)) != NULL)
            *said = verdict;
        return 0;
    }
    if (d->side.profiles_count + other_side.profiles_count > STORE_PROFILES_MAX)
        return 0;
    if ((said = say(d)) == NULL)
        return 0;
    *said = verdict;
    for (size_t j = 0; j < other_side.profiles_count; j++)
        d->side.profiles[d->side.profiles_count++] = other_side.profiles[j];
    for (size_t j = 0; j < other_side.singles_count; j++)
        if (side_single(&d->side, other_side.singles[j].type) == NULL &&
            d->side.singles_count < CARD_IDENTIFIERS_MAX)
            d->side.singles[d->side.singles_count++] = other_side.singles[j];
    return 0;
}

/* A strong identifier not seen before: the event's customer's, unless he has
 * another value of its type; then it is somebody else's own. */
static void
bind_new(struct deciding *d, size_t i)
{
    const struct tl_identifier *other =
        d->ids[i].single ? side_single(&d->side, d->ids[i].type) : NULL;
    struct identity_say *said;

    if (other == NULL || str_equal(other->value, d->ids[i].value)) {
        act(d, i, FRAME_BIND);
        side_add_single(&d->side, &d->ids[i]);
        return;
    }
    act(d, i, FRAME_ELSEWHERE);
    if ((said = say(d)) == NULL)
        return;
    *said = (struct identity_say){.what = IDENTITY_CONFLICT,
                                  .a = d->out->profile,
                                  .b = new_profile(d),
                                  .id_a = *other,
                                  .id_b = {d->ids[i].type, d->ids[i].value},
                                  .bind = &d->ids[i]};
}

/* Could the strongest identifier, never seen before, be one more of the customer
 * that identifier i belongs to? */
static int
could_be_of(struct deciding *d, size_t i, bool *could)
{
    struct side side;
    int err = side_load(&side, d->v, d->bindings[i].home, d->arena);
    const struct tl_identifier *has = side_single(&side, d->ids[0].type);

    *could = !d->ids[0].single || has == NULL || str_equal(has->value, d->ids[0].value);
    return err;
}

static int
strong_profile(struct deciding *d, size_t strong)
{
    if (d->known[0]) {
        d->out->profile = d->bindings[0].home;
        return 0;
    }
    for (size_t i = 1; i < strong; i++) {
        bool could = false;
        int err = d->known[i] ? could_be_of(d, i, &could) : 0;

        if (err != 0)
            return err;
        if (could) {
            d->out->profile = d->bindings[i].home;
            return 0;
        }
    }
    d->out->profile = new_profile(d);
    return 0;
}

/* Nobody else was ever seen with this weak identifier: seeing it again says
 * nothing new. */
static bool
is_sole_holder(const struct deciding *d, size_t i)
{
    const struct binding *b = &d->bindings[i];

    return d->known[i] && b->holders_count == 1 && b->holders[0].profile == d->out->profile;
}

/* Is everything the event names already the event's profile's?  Most are. */
static bool
is_settled(const struct deciding *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct binding *b = &d->bindings[i];

        if (!d->known[i])
            return false;
        if (d->ids[i].strong ? b->home != d->out->profile
                             : b->home != 0 || b->holders_count == 0 ||
                                   b->holders[0].profile != d->out->profile)
            return false;
    }
    return true;
}

static int
decide_strong(struct deciding *d, size_t strong)
{
    int err = strong_profile(d, strong);

    if (err != 0)
        return err;
    for (size_t i = 0; i < d->count; i++)
        act(d, i, d->ids[i].strong || is_sole_holder(d, i) ? FRAME_KEEP : FRAME_SEEN);
    if (is_settled(d))
        return 0;
    if (is_new(d))
        d->side = (struct side){.profiles = {d->out->profile}, .profiles_count = 1};
    else if ((err = side_load(&d->side, d->v, d->out->profile, d->arena)) != 0)
        return err;
    for (size_t i = 0; i < strong; i++)
        if (!d->known[i])
            bind_new(d, i);
    for (size_t i = 0; i < d->count && err == 0; i++) {
        uint64_t home = d->bindings[i].home;

        if (!d->known[i] || home == 0 || home == d->out->profile)
            continue;
        if (d->ids[i].strong)
            act(d, i, FRAME_ELSEWHERE);
        err = join_other(d, i, home);
    }
    return err;
}

static int
decide_weak(struct deciding *d)
{
    enum weak_says says = WEAK_NOTHING;
    bool strong = false;
    size_t by = 0;
    int err = 0;

    for (size_t i = 0; i < d->count && says == WEAK_NOTHING && err == 0; i++, by = i - 1)
        if (d->known[i])
            err = identity_weak(d->v, &d->ids[i], &d->bindings[i], &says,
                                          &d->out->profile);
    if (err != 0)
        return err;
    if (says == WEAK_NOTHING || says == WEAK_NEEDS_OWN)
        d->out->profile = new_profile(d);
    else if ((err = identity_has_strong(d->v, d->out->profile, &strong)) != 0)
        return err;
    d->out->unverified = strong;
    for (size_t i = 0; i < d->count; i++) {
        if (i == by && says == WEAK_NEEDS_OWN)
            act(d, i, FRAME_OWN);
        else if (d->known[i])
            act(d, i, binding_names(&d->bindings[i], d->out->profile) ? FRAME_KEEP
                                                                      : FRAME_ELSEWHERE);
        else
            act(d, i, strong ? FRAME_SEEN : FRAME_OWN);
    }
    return 0;
}

void
identity_begin(struct identity_decision *out, uint64_t next_profile)
{
    out->unverified = false;
    out->says_count = 0;
    out->next_profile = next_profile;
}

int
identity_decide(struct views *v, const struct store_identifier *ids, size_t count,
                uint64_t next_profile, struct identity_decision *out, struct arena *arena)
{
    struct deciding d;      /* 32 KiB: not zeroed for each event */
    size_t strong = 0;
    int err;

    identity_begin(out, next_profile);
    d.v = v;
    d.ids = ids;
    d.count = count;
    d.out = out;
    d.arena = arena;
    d.first_free = next_profile;
    if ((err = binding_get_all(v, ids, count, d.bindings, d.known)) != 0)
        return err;
    while (strong < count && ids[strong].strong)
        strong++;
    return strong > 0 ? decide_strong(&d, strong) : decide_weak(&d);
}
