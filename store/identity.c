#include "store/identity.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/card.h"
#include "store/key.h"
#include "store/link.h"
#include "store/record.h"

/* ----------------------------------------------------------- identifiers */

struct holder {
    uint64_t profile;
    int64_t time;           /* of the login, or whatever showed it */
    uint64_t number;
};

/* What is known of an identifier.  Strong: home.  Weak: home is its own,
 * anonymous profile, holders the known customers it was seen with.  Past are
 * profiles that were one or the other and are not any more: by them it is found
 * out whom it meant once. */
struct binding {
    uint64_t home;
    size_t holders_count;
    struct holder holders[IDENTITY_HOLDERS_MAX + 1];
    size_t past_count;                  /* over IDENTITY_PAST_MAX: too many, none is kept */
    uint64_t past[IDENTITY_PAST_MAX];   /* ascending */
};

#define BINDING_BYTES_MAX ((3 + IDENTITY_PAST_MAX) * RECORD_VARINT_MAX + \
                           IDENTITY_HOLDERS_MAX * (2 * RECORD_VARINT_MAX + 8))

/* `hash`: the identifier's, or 0.  Of the holders only those counted are set. */
static int
binding_get(struct views *v, struct tl_str type, struct tl_str value, uint64_t hash,
            struct binding *b)
{
    struct tl_str bytes;
    struct record r;
    struct key k;

    b->home = 0;
    b->holders_count = b->past_count = 0;
    key_identifier(&k, type, value);
    if (hash == 0)
        hash = views_hash(k.bytes, k.len);
    if (!views_get_hashed(v, hash, k.bytes, k.len, &bytes))
        return TL_NOT_FOUND;
    r = record_open(bytes);
    b->home = record_varint(&r);
    b->holders_count = record_count(&r, IDENTITY_HOLDERS_MAX);
    for (size_t i = 0; i < b->holders_count; i++) {
        b->holders[i].profile = record_varint(&r);
        b->holders[i].time = record_time(&r);
        b->holders[i].number = record_varint(&r);
    }
    b->past_count = r.at != r.end ? record_count(&r, IDENTITY_PAST_MAX + 1) : 0;
    for (size_t i = 0; b->past_count <= IDENTITY_PAST_MAX && i < b->past_count; i++)
        b->past[i] = record_varint(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
binding_put(struct views *v, struct tl_str type, struct tl_str value, const struct binding *b)
{
    unsigned char out[BINDING_BYTES_MAX], *at = out;
    struct key k;

    at = record_write_varint(at, b->home);
    at = record_write_varint(at, b->holders_count);
    for (size_t i = 0; i < b->holders_count; i++) {
        at = record_write_varint(at, b->holders[i].profile);
        at = record_write_time(at, b->holders[i].time);
        at = record_write_varint(at, b->holders[i].number);
    }
    if (b->past_count > 0)
        at = record_write_varint(at, b->past_count);
    for (size_t i = 0; b->past_count <= IDENTITY_PAST_MAX && i < b->past_count; i++)
        at = record_write_varint(at, b->past[i]);
    key_identifier(&k, type, value);
    views_put(v, k.bytes, k.len, out, (size_t)(at - out));
}

static size_t
past_place(const struct binding *b, uint64_t profile)
{
    size_t at = 0;

    while (at < b->past_count && b->past[at] < profile)
        at++;
    return at;
}

static void
past_add(struct binding *b, uint64_t profile)
{
    size_t at;

    if (b->past_count > IDENTITY_PAST_MAX)
        return;
    at = past_place(b, profile);
    if (at < b->past_count && b->past[at] == profile)
        return;
    if (b->past_count++ == IDENTITY_PAST_MAX)
        return;
    memmove(&b->past[at + 1], &b->past[at], (b->past_count - 1 - at) * sizeof(b->past[0]));
    b->past[at] = profile;
}

static void
past_remove(struct binding *b, uint64_t profile)
{
    size_t at;

    if (b->past_count > IDENTITY_PAST_MAX)
        return;
    at = past_place(b, profile);
    if (at == b->past_count || b->past[at] != profile)
        return;
    b->past_count--;
    memmove(&b->past[at], &b->past[at + 1], (b->past_count - at) * sizeof(b->past[0]));
}

/* Going back and forth between two homes, as when views catch up, ends where it
 * began. */
static void
binding_own(struct binding *b, uint64_t profile)
{
    uint64_t before = b->home;

    b->home = profile;
    past_remove(b, profile);
    if (before != 0 && before != profile)
        past_add(b, before);
}

static bool
held_later(const struct holder *a, const struct holder *b)
{
    return a->time != b->time ? a->time > b->time : a->number > b->number;
}

/* Keeps the holders latest first.  Returns whether anything changed. */
static bool
binding_hold(struct binding *b, const struct holder *h)
{
    size_t i = 0, at = 0;

    while (i < b->holders_count && b->holders[i].profile != h->profile)
        i++;
    if (i < b->holders_count) {
        if (!held_later(h, &b->holders[i]) || b->holders_count == 1)
            return false;
        b->holders_count--;
        memmove(&b->holders[i], &b->holders[i + 1],
                (b->holders_count - i) * sizeof(b->holders[0]));
    }
    while (at < b->holders_count && !held_later(h, &b->holders[at]))
        at++;
    memmove(&b->holders[at + 1], &b->holders[at],
            (b->holders_count - at) * sizeof(b->holders[0]));
    b->holders[at] = *h;
    if (b->holders_count < IDENTITY_HOLDERS_MAX)
        b->holders_count++;
    else
        past_add(b, b->holders[IDENTITY_HOLDERS_MAX].profile);
    return true;
}

/* As long as there is one holder, his card alone says when he last logged in
 * with it: a binding is not written with every page.  The second one brings it
 * up to date, so that the latest login is the latest in event time. */
static int
refresh_sole_holder(struct views *v, struct binding *b, const struct frame_identifier *id)
{
    struct holder *holder = &b->holders[0];
    struct tl_str bytes;
    struct card card;
    struct key k;

    key_profile(&k, holder->profile, KEY_CARD);
    if (!views_get(v, k.bytes, k.len, &bytes))
        return 0;
    if (card_read_closed(&card, bytes) != 0)
        return TL_EDAMAGED;
    for (size_t i = 0; i < card.identifiers_count; i++) {
        const struct card_identifier *known = &card.identifiers[i];

        if (str_equal(known->type, id->type) && str_equal(known->value, id->value) &&
            known->last_login > holder->time)
            *holder = (struct holder){holder->profile, known->last_login, 0};
    }
    return 0;
}

static int
apply_one(struct views *v, const struct frame *f, const struct frame_identifier *id)
{
    unsigned action = id->action & FRAME_ACTION_MASK;
    struct binding b;
    bool changed = true;
    int err;

    if (action == FRAME_KEEP || action == FRAME_ELSEWHERE)
        return 0;
    err = binding_get(v, id->type, id->value, 0, &b);
    if (err != 0 && err != TL_NOT_FOUND)
        return err;
    if (action == FRAME_SEEN && b.holders_count == 1 && b.holders[0].profile != f->profile &&
        (err = refresh_sole_holder(v, &b, id)) != 0)
        return err;
    if (action == FRAME_SEEN)
        changed = binding_hold(&b, &(struct holder){f->profile, f->time, f->number});
    else
        binding_own(&b, f->profile);
    if (changed)
        binding_put(v, id->type, id->value, &b);
    return 0;
}

uint64_t
store_hash(struct tl_str type, struct tl_str value)
{
    struct key k;

    key_identifier(&k, type, value);
    return views_hash(k.bytes, k.len);
}

int
identity_apply(struct views *v, const struct frame *f)
{
    struct frame_identifier id;
    size_t at = 0;
    int err = 0;

    while (err == 0 && frame_next_identifier(f, &at, &id))
        err = apply_one(v, f, &id);
    return err;
}

/* ------------------------------------------------------------ customers' sets */

static bool
contains(const uint64_t *profiles, size_t count, uint64_t profile)
{
    for (size_t i = 0; i < count; i++)
        if (profiles[i] == profile)
            return true;
    return false;
}

static void
sort(uint64_t *profiles, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t profile = profiles[i];
        size_t at = i;

        for (; at > 0 && profiles[at - 1] > profile; at--)
            profiles[at] = profiles[at - 1];
        profiles[at] = profile;
    }
}

/* The set around a profile, as if the edge from it to `but` were not there. */
static int
collect(struct views *v, uint64_t profile, uint64_t but, uint64_t *profiles, size_t *count)
{
    struct links l;

    profiles[0] = profile;
    *count = 1;
    for (size_t i = 0; i < *count; i++) {
        if (link_get(v, profiles[i], &l) != 0)
            return TL_EDAMAGED;
        for (size_t j = 0; j < l.count && *count < STORE_PROFILES_MAX; j++)
            if (link_holds(&l.of[j]) && (i > 0 || l.of[j].other != but) &&
                !contains(profiles, *count, l.of[j].other))
                profiles[(*count)++] = l.of[j].other;
    }
    return 0;
}

int
identity_customer(struct views *v, uint64_t profile, uint64_t *profiles, size_t *count)
{
    int err = collect(v, profile, 0, profiles, count);

    if (err == 0)
        sort(profiles, *count);
    return err;
}

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
    struct tl_str bytes;
    struct card card;
    struct key k;

    key_profile(&k, profile, KEY_CARD);
    if (!views_get(v, k.bytes, k.len, &bytes))
        return 0;
    if (card_read_closed(&card, bytes) != 0)
        return TL_EDAMAGED;
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

static int
load_bindings(struct deciding *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct store_identifier *id = &d->ids[i];
        int err = binding_get(d->v, id->type, id->value, id->hash, &d->bindings[i]);

        if (err != 0 && err != TL_NOT_FOUND)
            return err;
        d->known[i] = err == 0;
    }
    return 0;
}

static void
act(struct deciding *d, size_t i, unsigned action)
{
    d->out->actions[i] = action | (d->ids[i].strong ? FRAME_STRONG : 0u) |
                         (d->ids[i].single ? FRAME_SINGLE : 0u);
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
    struct tl_str bytes;
    struct card card;
    struct key k;

    key_profile(&k, profile, KEY_CARD);
    if (!views_get(d->v, k.bytes, k.len, &bytes) || card_read_closed(&card, bytes) != 0)
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
                      contains(b->profiles, b->profiles_count, l.of[j].other);
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

    if (contains(d->side.profiles, d->side.profiles_count, other))
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

/* The customers a weak identifier was seen with, one profile each. */
static int
count_customers(struct views *v, const struct binding *b, uint64_t *profiles, size_t *count)
{
    uint64_t customer[STORE_PROFILES_MAX];
    size_t customer_count;

    *count = 0;
    for (size_t i = 0; i < b->holders_count; i++) {
        bool same = false;

        if (identity_customer(v, b->holders[i].profile, customer, &customer_count) != 0)
            return TL_EDAMAGED;
        for (size_t j = 0; j < *count && !same; j++)
            same = contains(customer, customer_count, profiles[j]);
        if (!same)
            profiles[(*count)++] = b->holders[i].profile;
    }
    return 0;
}

static int
has_strong(struct views *v, uint64_t profile, struct arena *arena, bool *strong)
{
    struct side side;
    int err = side_load(&side, v, profile, arena);

    *strong = side.has_strong;
    return err;
}

enum weak_says { WEAK_NOTHING, WEAK_CUSTOMER, WEAK_OWN, WEAK_NEEDS_OWN };

/* Whom a weak identifier by itself points at. */
static int
weak_points_at(struct views *v, const struct store_identifier *id, const struct binding *b,
               enum weak_says *says, uint64_t *profile, struct arena *arena)
{
    uint64_t customers[IDENTITY_HOLDERS_MAX];
    size_t count = 0;
    bool strong = false;
    int err;

    *says = WEAK_NOTHING;
    *profile = 0;
    if (b->holders_count > 0 && (err = count_customers(v, b, customers, &count)) != 0)
        return err;
    if (count == 1 || (count > 1 && id->follows_login)) {
        *says = WEAK_CUSTOMER;
        *profile = b->holders[0].profile;
        return 0;
    }
    if (b->home != 0 && (err = has_strong(v, b->home, arena, &strong)) != 0)
        return err;
    if (b->home != 0 && (!strong || count == 0)) {
        *says = WEAK_OWN;
        *profile = b->home;
    } else if (count > 1) {
        *says = WEAK_NEEDS_OWN;
    }
    return 0;
}

static bool
belongs(const struct binding *b, uint64_t profile)
{
    bool held = b->home == profile;

    for (size_t i = 0; i < b->holders_count && !held; i++)
        held = b->holders[i].profile == profile;
    return held;
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
            err = weak_points_at(d->v, &d->ids[i], &d->bindings[i], &says, &d->out->profile,
                                 d->arena);
    if (err != 0)
        return err;
    if (says == WEAK_NOTHING || says == WEAK_NEEDS_OWN)
        d->out->profile = new_profile(d);
    else if ((err = has_strong(d->v, d->out->profile, d->arena, &strong)) != 0)
        return err;
    d->out->unverified = strong;
    for (size_t i = 0; i < d->count; i++) {
        if (i == by && says == WEAK_NEEDS_OWN)
            act(d, i, FRAME_OWN);
        else if (d->known[i])
            act(d, i, belongs(&d->bindings[i], d->out->profile) ? FRAME_KEEP : FRAME_ELSEWHERE);
        else
            act(d, i, strong ? FRAME_SEEN : FRAME_OWN);
    }
    return 0;
}

static void
begin(struct deciding *d, struct views *v, const struct store_identifier *ids, size_t count,
      uint64_t next_profile, struct identity_decision *out, struct arena *arena)
{
    d->v = v;
    d->ids = ids;
    d->count = count;
    d->out = out;
    d->arena = arena;
    d->first_free = next_profile;

    out->unverified = false;
    out->says_count = 0;
    out->next_profile = next_profile;
}

int
identity_decide(struct views *v, const struct store_identifier *ids, size_t count,
                uint64_t next_profile, struct identity_decision *out, struct arena *arena)
{
    struct deciding d;      /* 16 KiB: not zeroed for each event */
    size_t strong = 0;
    int err;

    begin(&d, v, ids, count, next_profile, out, arena);
    if ((err = load_bindings(&d)) != 0)
        return err;
    while (strong < count && ids[strong].strong)
        strong++;
    return strong > 0 ? decide_strong(&d, strong) : decide_weak(&d);
}

/* --------------------------------------------------------- what people decide */

/* Whom an identifier finds by itself; 0: nobody. */
static int
points_at(struct deciding *d, size_t i, uint64_t *profile)
{
    enum weak_says says;

    *profile = 0;
    if (!d->known[i])
        return 0;
    if (!d->ids[i].strong)
        return weak_points_at(d->v, &d->ids[i], &d->bindings[i], &says, profile, d->arena);
    *profile = d->bindings[i].home;
    return 0;
}

static int
are_one(struct views *v, uint64_t a, uint64_t b, bool *one)
{
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t count;

    if (identity_customer(v, a, profiles, &count) != 0)
        return TL_EDAMAGED;
    *one = contains(profiles, count, b);
    return 0;
}

/* Beside a name of somebody to whom a weak identifier leads, or led once, what is
 * meant by it is what it brought him: its own profile. */
static int
mean_own(struct deciding *d, size_t i, uint64_t other, uint64_t *profile)
{
    uint64_t own = d->bindings[i].home;
    bool linked, finds = false, strong;
    int err;

    if (!d->known[i] || d->ids[i].strong || own == 0 || other == 0 || own == other)
        return 0;
    if ((err = are_one(d->v, own, other, &linked)) != 0 ||
        (*profile != 0 && (err = are_one(d->v, *profile, other, &finds)) != 0) ||
        (err = has_strong(d->v, own, d->arena, &strong)) != 0)
        return err;
    if (linked || (finds && !strong))
        *profile = own;
    return 0;
}

/* Whom a person means by two identifiers; whoever is nobody yet begins. */
static int
mean(struct deciding *d, uint64_t meant[2], bool begins[2])
{
    uint64_t found[2], other[2];
    int err = 0;

    for (size_t i = 0; i < 2 && err == 0; i++)
        err = points_at(d, i, &found[i]);
    for (size_t i = 0; i < 2; i++) {
        meant[i] = found[i];
        other[i] = found[1 - i] != 0 ? found[1 - i] : d->bindings[1 - i].home;
    }
    for (size_t i = 0; i < 2 && err == 0; i++) {
        err = mean_own(d, i, other[i], &meant[i]);
        begins[i] = meant[i] == 0;
        if (begins[i])
            meant[i] = new_profile(d);
        act(d, i, !begins[i] ? FRAME_KEEP : d->ids[i].strong ? FRAME_BIND : FRAME_OWN);
    }
    return err;
}

static int
refuse(int code, const char *sentence, const char **detail)
{
    *detail = sentence;
    return code;
}

static int
may_join(struct views *v, struct identity_say *said, const char **detail)
{
    uint64_t a[STORE_PROFILES_MAX], b[STORE_PROFILES_MAX];
    size_t a_count, b_count;

    if (identity_customer(v, said->a, a, &a_count) != 0 ||
        identity_customer(v, said->b, b, &b_count) != 0)
        return TL_EDAMAGED;
    said->moves = !contains(a, a_count, said->b);
    if (said->moves && a_count + b_count > STORE_PROFILES_MAX)
        return refuse(TL_TOO_MANY, "link: a customer has at most 64 profiles", detail);
    return 0;
}

static int
may_remember(struct views *v, uint64_t profile, uint64_t other, const char **detail)
{
    const struct link *known;
    struct links l;

    if (link_get(v, profile, &l) != 0)
        return TL_EDAMAGED;
    known = link_find(&l, other);
    if ((known == NULL || !link_refused(known)) && link_refusals(&l) == LINK_REFUSALS_MAX)
        return refuse(TL_TOO_MANY, "link: at most 64 profiles are unlinked from one", detail);
    return 0;
}

static int
may_part(struct views *v, struct identity_say *said, const char **detail)
{
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t count;
    int err;

    if (collect(v, said->a, said->b, profiles, &count) != 0)
        return TL_EDAMAGED;
    if (contains(profiles, count, said->b))
        return refuse(TL_BAD_FACET, "link: a and b are also joined by way of other identifiers; "
                                    "unlink those from one of the two first", detail);
    if (identity_customer(v, said->a, profiles, &count) != 0)
        return TL_EDAMAGED;
    said->moves = contains(profiles, count, said->b);
    if ((err = may_remember(v, said->a, said->b, detail)) != 0)
        return err;
    return may_remember(v, said->b, said->a, detail);
}

/* Was something said of the two that is later than `time`? */
static int
is_outdated(struct views *v, const struct identity_say *said, int64_t time, bool *outdated)
{
    const struct link *known;
    struct links l;

    if (link_get(v, said->a, &l) != 0)
        return TL_EDAMAGED;
    known = link_find(&l, said->b);
    *outdated = known != NULL && known->said && known->time > time;
    return 0;
}

int
identity_decide_link(struct views *v, const struct store_identifier ids[2], bool joined,
                     int64_t time, uint64_t next_profile, struct identity_decision *out,
                     struct arena *arena, const char **detail)
{
    struct identity_say *said = &out->says[0];
    bool begins[2], outdated;
    uint64_t meant[2];
    struct deciding d;
    int err;

    begin(&d, v, ids, 2, next_profile, out, arena);
    *said = (struct identity_say){.what = joined ? IDENTITY_LINKED : IDENTITY_UNLINKED,
                                  .said = true,
                                  .id_a = {ids[0].type, ids[0].value},
                                  .id_b = {ids[1].type, ids[1].value}};
    if ((err = load_bindings(&d)) != 0 || (err = mean(&d, meant, begins)) != 0)
        return err;
    said->a = meant[0];
    said->b = meant[1];
    out->profile = said->a;
    act(&d, 1, FRAME_ELSEWHERE);
    if (said->a == said->b)
        return refuse(TL_BAD_FACET, joined ? "link: a and b are one profile already"
                                           : "link: a and b are one profile, which has no parts",
                      detail);
    said->bind = begins[1] ? &ids[1] : NULL;
    if ((err = is_outdated(v, said, time, &outdated)) != 0 || outdated)
        return err;
    out->says_count = 1;
    return joined ? may_join(v, said, detail) : may_part(v, said, detail);
}

/* ---------------------------------------------------------------- finding */

int
identity_named(struct views *v, struct tl_str type, struct tl_str value, uint64_t *profiles,
               size_t *count)
{
    struct binding b;
    int err = binding_get(v, type, value, 0, &b);

    *count = 0;
    if (err != 0)
        return err;
    if (b.past_count > IDENTITY_PAST_MAX)
        return TL_TOO_MANY;
    if (b.home != 0)
        profiles[(*count)++] = b.home;
    for (size_t i = 0; i < b.holders_count; i++)
        profiles[(*count)++] = b.holders[i].profile;
    for (size_t i = 0; i < b.past_count; i++)
        profiles[(*count)++] = b.past[i];
    return 0;
}

int
identity_find(struct views *v, const struct store_identifier *id, uint64_t *profile,
              uint64_t *candidates, size_t *candidates_count)
{
    enum weak_says says;
    struct arena arena;
    struct binding b;
    int err = binding_get(v, id->type, id->value, id->hash, &b);

    *candidates_count = 0;
    *profile = b.home;
    if (err != 0 || id->strong)
        return err;
    arena_init(&arena, 1u << 20);
    err = weak_points_at(v, id, &b, &says, profile, &arena);
    arena_fini(&arena);
    if (err == 0 && says != WEAK_CUSTOMER && b.holders_count > 1)
        err = count_customers(v, &b, candidates, candidates_count);
    return err;
}
