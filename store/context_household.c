/* What an answer says of the people who live with the customer. */

#include <stdlib.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/context.h"

#define MEMBERS_SHOWN_MAX 6
#define MEMBER_OFFERS_MAX 3         /* of each one shown */
#define MEMBERS_SHARE 4             /* together they take at most this part of the room */

/* One who may be shown. */
struct shown {
    struct tl_household_member member;
    bool has_offers;                /* that may be shown */
    const struct offer_source *sources;
    size_t sources_count;
};

int
find_relatives(struct joining *j)
{
    int err;

    if (!(j->has & CARD_HOUSEHOLDS))
        return 0;
    if ((j->relatives = arena_alloc(j->arena, sizeof(*j->relatives))) == NULL)
        return TL_TOO_MANY;
    err = relatives_find(j->st->views, j->profiles, j->profiles_count, j->relatives, j->arena);
    if (j->relatives->depends > j->depends)
        j->depends = j->relatives->depends;
    return err;
}

/* His strongest identifier; of several of that type the first as text, for a name
 * should not change because he used the other one. */
static struct store_identifier
name_for(const struct joining *his)
{
    const struct card_identifier *ids = his->identifiers, *first = ids;

    if (his->identifiers_count == 0)
        return (struct store_identifier){.type = {"", 0}, .value = {"", 0}};
    for (size_t i = 1; i < his->identifiers_count && str_equal(ids[i].type, first->type); i++)
        if (str_compare(ids[i].value, first->value) < 0)
            first = &ids[i];
    return (struct store_identifier){.type = first->type, .value = first->value};
}

static int
look_at(struct joining *j, const struct relative *r, struct shown *out)
{
    struct store_identifier name;
    struct joining his;
    int err = join_customer(&his, j->st, j->q, j->arena, r->profiles[0]);

    if (err != 0)
        return err;
    name = name_for(&his);
    *out = (struct shown){
        .member = {.household = r->member.id,
                   .customer = name_of(&name, j->arena),
                   .role = r->member.role,
                   .since = r->member.since,
                   .shows_offers = relative_shows_offers(j->relatives, r)},
        .has_offers = relative_shows_offers(j->relatives, r) && his.has & CARD_OFFERS,
        .sources = arena_copy(j->arena, his.offer_sources,
                              his.offer_sources_count * sizeof(his.offer_sources[0])),
        .sources_count = his.offer_sources_count,
    };
    return out->member.customer.ptr == NULL || out->sources == NULL ? TL_TOO_MANY : 0;
}

/* Whose offers are shown first, then by household, and who has been there longest. */
static int
compare_shown(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    int order;

    if (x->has_offers != y->has_offers)
        return x->has_offers ? -1 : 1;
    if ((order = str_compare(x->member.household, y->member.household)) != 0)
        return order;
    if (x->member.since != y->member.since)
        return x->member.since < y->member.since ? -1 : 1;
    return str_compare(x->member.customer, y->member.customer);
}

/* As many as there is room for. */
static int
fill_member_offers(struct joining *j, const struct shown *one, struct tl_household_member *out,
                   size_t *room)
{
    const struct offer_query query = {
        .views = j->st->views,
        .counters = &j->st->fold.counters,
        .sources = one->sources,
        .sources_count = one->sources_count,
        .now = j->q->now,
        .limit = MEMBER_OFFERS_MAX,
        .rest_max = LONGEST_COUNT,
        .arena = j->arena,
    };
    struct offer_list list;
    int err;

    if (!one->has_offers)
        return 0;
    if ((err = offer_list(&query, &list, &j->depends)) != 0)
        return err;
    out->offers = list.offers;
    while (out->offers_count < list.count && out->offers_count < MEMBER_OFFERS_MAX) {
        size_t bytes = offer_bytes(&out->offers[out->offers_count]);

        if (bytes > *room)
            break;
        *room -= bytes;
        out->offers_count++;
    }
    out->offers_more = more_text(j, offer_list_more(&query, &list, out->offers_count));
    return 0;
}

/* Everybody first, then what they were offered. */
static int
fill_members(struct joining *j, const struct shown *list, size_t count, struct tl_context *out,
             size_t *room)
{
    int err = 0;

    out->household = arena_alloc(j->arena, MEMBERS_SHOWN_MAX * sizeof(out->household[0]));
    if (out->household == NULL)
        return TL_TOO_MANY;
    while (out->household_count < count && out->household_count < MEMBERS_SHOWN_MAX) {
        const struct tl_household_member *member = &list[out->household_count].member;
        size_t bytes = 40 + member->household.len + member->customer.len + member->role.len;

        if (bytes > *room)
            break;
        *room -= bytes;
        out->household[out->household_count++] = *member;
    }
    for (size_t i = 0; i < out->household_count && err == 0; i++)
        err = fill_member_offers(j, &list[i], &out->household[i], room);
    out->household_more = more_text(j, count - out->household_count);
    return err;
}

int
fill_household(struct joining *j, struct tl_context *out, size_t *room)
{
    size_t share = *room / MEMBERS_SHARE, count = 0;
    struct shown *list;
    int err = 0;

    if (j->relatives == NULL || j->relatives->others_count == 0)
        return 0;
    list = arena_alloc(j->arena, j->relatives->others_count * sizeof(list[0]));
    if (list == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->relatives->others_count && err == 0; i++)
        if (relative_shown(&j->relatives->others[i]))
            err = look_at(j, &j->relatives->others[i], &list[count++]);
    if (err != 0)
        return err;
    qsort(list, count, sizeof(list[0]), compare_shown);
    *room -= share;
    err = fill_members(j, list, count, out, &share);
    *room += share;
    return err;
}
