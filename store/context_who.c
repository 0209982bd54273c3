/* Who the customer is: identifiers, names, conflicts, who else it may be. */

#include "base/sort.h"
#include "proto/code.h"
#include "store/attribute.h"
#include "store/context.h"
#include "store/identity.h"

#define IDENTIFIERS_SHOWN_MAX 10
#define ATTRIBUTES_SHOWN_MAX 12
#define CONFLICTS_SHOWN_MAX 3

static int
fill_identifiers(struct joining *j, struct tl_who *who)
{
    size_t shown = j->identifiers_count < IDENTIFIERS_SHOWN_MAX ? j->identifiers_count
                                                                : IDENTIFIERS_SHOWN_MAX;

    who->identifiers = arena_alloc(j->arena, (shown + 1) * sizeof(who->identifiers[0]));
    if (who->identifiers == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < shown; i++) {
        const struct card_identifier *id = &j->identifiers[i];

        who->identifiers[who->identifiers_count++] = (struct tl_known_identifier){
            id->type, id->value, id->kind & CARD_STRONG, id->first_seen, id->last_seen};
    }
    who->identifiers_more = more_text(j, j->identifiers_count - shown);
    return 0;
}

static int
fill_attributes(struct joining *j, struct tl_who *who)
{
    size_t room = (j->profiles_count + 1) * ATTRIBUTES_LISTED_MAX;
    struct finder known = attribute_finder(j->arena);
    struct attribute_said *said;
    int err = 0;

    if (!(j->has & CARD_ATTRIBUTES))
        return 0;
    who->attributes = arena_alloc(j->arena, room * sizeof(who->attributes[0]));
    said = arena_alloc(j->arena, room * sizeof(said[0]));
    if (who->attributes == NULL || said == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->profiles_count && err == 0; i++)
        err = attribute_list(j->st->views, j->profiles[i], &known, who->attributes, said,
                             &who->attributes_count, j->arena);
    if (who->attributes_count > ATTRIBUTES_SHOWN_MAX)
        who->attributes_count = ATTRIBUTES_SHOWN_MAX;
    return err;
}

static int
fill_conflicts(struct joining *j, struct tl_who *who)
{
    size_t shown = j->conflicts_count < CONFLICTS_SHOWN_MAX ? j->conflicts_count
                                                            : CONFLICTS_SHOWN_MAX;

    who->conflicts = arena_alloc(j->arena, (shown + 1) * sizeof(who->conflicts[0]));
    if (who->conflicts == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < shown; i++) {
        const struct card_conflict *c = &j->conflicts[i];

        who->conflicts[who->conflicts_count++] = (struct tl_identity_conflict){
            c->type, c->value_a, c->value_b, position_text(j, c->number), c->time};
    }
    return 0;
}

/* The strongest identifier of a customer; of no type: he has none. */
static int
strongest(struct joining *j, uint64_t profile, struct card_identifier *out)
{
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t count;

    *out = (struct card_identifier){.type = {"", 0}};
    if (identity_customer(j->st->views, profile, profiles, &count) != 0)
        return TL_EDAMAGED;
    for (size_t i = 0; i < count; i++) {
        struct card c;
        int err = load_card(j, profiles[i], &c);

        if (err != 0)
            return err;
        if (c.folded > j->depends)
            j->depends = c.folded;
        for (size_t n = 0; n < c.identifiers_count; n++)
            if (out->type.len == 0 || compare_identifiers(&c.identifiers[n], out) < 0)
                *out = c.identifiers[n];
    }
    return 0;
}

/* The other customers a shared phone was seen with, each by one name. */
static int
fill_candidates(struct joining *j, const uint64_t *candidates, size_t count, struct tl_who *who)
{
    who->candidates = arena_alloc(j->arena, (count + 1) * sizeof(who->candidates[0]));
    if (who->candidates == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < count; i++) {
        struct card_identifier name;
        int err = strongest(j, candidates[i], &name);

        if (err != 0)
            return err;
        if (name.type.len > 0)
            who->candidates[who->candidates_count++] =
                (struct tl_candidate){name.type, name.value, name.last_seen};
    }
    return 0;
}

int
fill_who(struct joining *j, const uint64_t *candidates, size_t candidates_count,
         struct tl_context *out)
{
    struct tl_who *who = arena_alloc(j->arena, sizeof(*who));
    int err;

    if (who == NULL)
        return TL_TOO_MANY;
    out->who = who;
    who->profiles = (uint32_t)j->profiles_count;
    if ((err = fill_identifiers(j, who)) != 0 || (err = fill_attributes(j, who)) != 0 ||
        (err = fill_conflicts(j, who)) != 0)
        return err;
    if (j->relatives != NULL) {
        who->households = j->relatives->own;
        who->households_count = j->relatives->own_count;
    }
    return fill_candidates(j, candidates, candidates_count, who);
}
