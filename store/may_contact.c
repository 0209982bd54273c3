#include "store/may_contact.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "proto/code.h"
#include "proto/position.h"
#include "proto/str.h"
#include "store/attribute.h"
#include "store/consent.h"
#include "store/identity.h"
#include "store/key.h"
#include "store/state.h"
#include "store/verdict.h"

/* What his profiles say, before a purpose and channel are looked at. */
struct gathered {
    struct contact_record record;
    struct tl_consent_state *consents;
    uint64_t *consents_numbers;
    size_t consents_count;
    const struct policy_zone *zone;
};

/* ------------------------------------------------------------- gathering */

static int
gather_contacts(const struct may_contact *m, struct gathered *g)
{
    int err = 0;

    if (m->has & CARD_CONTACTS)
        for (size_t i = 0; i < m->profiles_count && err == 0; i++)
            err = contact_read(m->store->views, m->profiles[i], &g->record, m->arena);
    return err;
}

static int
gather_consents(const struct may_contact *m, struct gathered *g)
{
    size_t room = m->profiles_count * CONSENTS_LISTED_MAX;
    struct finder known = consent_finder(m->arena);
    int err = 0;

    if (!(m->has & CARD_CONSENTS))
        return 0;
    g->consents = arena_alloc(m->arena, room * sizeof(g->consents[0]));
    g->consents_numbers = arena_alloc(m->arena, room * sizeof(g->consents_numbers[0]));
    if (g->consents == NULL || g->consents_numbers == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < m->profiles_count && err == 0; i++)
        err = consent_list(m->store->views, m->profiles[i], &known, g->consents,
                           g->consents_numbers, &g->consents_count, m->now, m->arena);
    consent_settle(g->consents, g->consents_numbers, &g->consents_count, m->arena);
    return err;
}

static int
gather_zone(const struct may_contact *m, struct gathered *g)
{
    struct attribute_said said = {0};
    struct tl_str name = {"", 0};
    int err = 0;

    if (m->has & CARD_ATTRIBUTES)
        for (size_t i = 0; i < m->profiles_count && err == 0; i++)
            err = attribute_find(m->store->views, m->profiles[i], TL_STR("timezone"), &name,
                                 &said, m->arena);
    g->zone = policy_zone(m->store->policy, name);
    return err;
}

static int
gather(const struct may_contact *m, struct gathered *g)
{
    int err;

    *g = (struct gathered){.consents_count = 0};
    if ((err = gather_contacts(m, g)) != 0 || (err = gather_consents(m, g)) != 0)
        return err;
    return gather_zone(m, g);
}

/* ------------------------------------------------------------ households */

/* One who lives with him in two of his households counts once. */
static bool
is_first_of_him(const struct relatives *all, size_t which)
{
    for (size_t i = 0; i < which; i++)
        if (all->others[i].profiles[0] == all->others[which].profiles[0])
            return false;
    return true;
}

static int
append(struct contact_entry **list, size_t *count, const struct contact_entry *more,
       size_t more_count, struct arena *arena)
{
    struct contact_entry *both = arena_alloc(arena, (*count + more_count + 1) * sizeof(*both));

    if (both == NULL)
        return TL_TOO_MANY;
    if (*count > 0)
        memcpy(both, *list, *count * sizeof(*both));
    if (more_count > 0)
        memcpy(both + *count, more, more_count * sizeof(*both));
    *list = both;
    *count += more_count;
    return 0;
}

/* Counted for each by himself: of one mailing they all got, each got one. */
static int
add_relative(const struct may_contact *m, const struct relative *r, struct tl_str purpose,
             struct contact_entry **list, size_t *count)
{
    const struct may_contact his = {.store = m->store,
                                    .profiles = r->profiles,
                                    .profiles_count = r->profiles_count,
                                    .has = r->has,
                                    .now = m->now,
                                    .arena = m->arena};
    struct gathered g = {.consents_count = 0};
    struct contact_entry *counted;
    size_t counted_count;
    int err;

    if (!(r->has & CARD_CONTACTS))
        return 0;
    if ((err = gather_contacts(&his, &g)) != 0 ||
        (err = verdict_count(&g.record, purpose, m->now, store_log_id(m->store), &counted,
                             &counted_count, m->arena)) != 0)
        return err;
    return append(list, count, counted, counted_count, m->arena);
}

static int
count_household(const struct may_contact *m, struct tl_str purpose, struct verdict_facts *out)
{
    const struct relatives *all = m->relatives;
    struct contact_entry *list = NULL;
    size_t count = 0;
    int err = 0;

    out->household = out->counted;
    out->household_count = out->counted_count;
    if (all == NULL || !policy_counts_household(m->store->policy, purpose))
        return 0;
    err = append(&list, &count, out->counted, out->counted_count, m->arena);
    for (size_t i = 0; i < all->others_count && err == 0; i++)
        if (is_first_of_him(all, i))
            err = add_relative(m, &all->others[i], purpose, &list, &count);
    out->household = list;
    out->household_count = count;
    return err;
}

static int
facts_of(const struct may_contact *m, const struct gathered *g, struct tl_str purpose,
         struct verdict_facts *out)
{
    struct contact_entry *counted;
    int err = verdict_count(&g->record, purpose, m->now, store_log_id(m->store), &counted,
                            &out->counted_count, m->arena);

    out->now = m->now;
    out->purpose = purpose;
    out->consents = g->consents;
    out->consents_count = g->consents_count;
    out->address = NULL;
    out->counted = counted;
    out->declined = g->record.declined;
    out->complaint = verdict_complaint(&g->record);
    out->zone = g->zone;
    return err != 0 ? err : count_household(m, purpose, out);
}

/* --------------------------------------------------------------- answers */

static struct tl_str
position_text(const struct may_contact *m, uint64_t number)
{
    char text[POSITION_BYTES + 1];

    position_format(text, (struct position){store_log_id(m->store), number});
    return (struct tl_str){arena_copy(m->arena, text, POSITION_BYTES), POSITION_BYTES};
}

static int
answer(const struct may_contact *m, const struct verdict *v, struct tl_str channel,
       struct tl_str purpose, struct tl_contact_verdict *out)
{
    size_t len = strlen(v->rule);

    *out = (struct tl_contact_verdict){
        .channel = channel,
        .purpose = purpose,
        .verdict = verdict_word(v->what),
        .rule = {arena_copy(m->arena, v->rule, len), len},
        .until = v->until,
    };
    return out->rule.ptr == NULL ? TL_TOO_MANY : 0;
}

static int
answer_counted(const struct may_contact *m, const struct verdict *v,
               struct tl_contact_verdict *out)
{
    out->counted = arena_alloc(m->arena, (v->counted_count + 1) * sizeof(out->counted[0]));
    if (out->counted == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < v->counted_count; i++) {
        out->counted[i] = position_text(m, v->counted[i]);
        if (out->counted[i].ptr == NULL)
            return TL_TOO_MANY;
    }
    out->counted_count = v->counted_count;
    return 0;
}

/* ---------------------------------------------------------- in a context */

struct channels {
    struct tl_str names[MAY_CONTACT_SHOWN_MAX];
    size_t count;
};

static void
add_channel(struct channels *c, struct tl_str name)
{
    for (size_t i = 0; i < c->count; i++)
        if (str_equal(c->names[i], name))
            return;
    if (c->count < MAY_CONTACT_SHOWN_MAX)
        c->names[c->count++] = name;
}

/* The next in the order of names, so that it does not show what was known first. */
static const struct tl_str *
next_channel(const struct contact_record *record, const struct tl_str *after)
{
    const struct tl_str *next = NULL;

    for (size_t i = 0; i < record->count; i++) {
        const struct tl_str *name = &record->entries[i].channel;

        if ((after == NULL || str_compare(*name, *after) > 0) &&
            (next == NULL || str_compare(*name, *next) < 0))
            next = name;
    }
    return next;
}

static void
reachable(const struct card_identifier *ids, size_t ids_count,
          const struct contact_record *record, struct channels *out)
{
    static const struct tl_str with_address[] = {
        TL_STR("email"), TL_STR("call"), TL_STR("sms"), TL_STR("push"),
    };
    const struct tl_str *next = NULL;

    for (size_t c = 0; c < sizeof(with_address) / sizeof(with_address[0]); c++)
        for (size_t i = 0; i < ids_count; i++)
            if (str_equal(ids[i].type, consent_address_type(with_address[c])))
                add_channel(out, with_address[c]);
    while (out->count < MAY_CONTACT_SHOWN_MAX && (next = next_channel(record, next)) != NULL)
        add_channel(out, *next);
}

int
may_contact_list(const struct may_contact *m, const struct card_identifier *ids,
                 size_t ids_count, struct tl_contact_verdict **out, size_t *count)
{
    const struct tl_str marketing = TL_STR("marketing");
    struct channels channels = {.count = 0};
    struct verdict_facts facts;
    struct gathered g;
    int err = 0;

    if (!policy_knows(m->store->policy, marketing))
        return 0;
    if ((err = gather(m, &g)) != 0 || (err = facts_of(m, &g, marketing, &facts)) != 0)
        return err;
    reachable(ids, ids_count, &g.record, &channels);
    *out = arena_alloc(m->arena, (channels.count + 1) * sizeof(**out));
    if (*out == NULL)
        return TL_TOO_MANY;
    for (; *count < channels.count && err == 0; (*count)++) {
        struct verdict v;

        verdict_decide(m->store->policy, &facts, channels.names[*count], &v);
        err = answer(m, &v, channels.names[*count], marketing, &(*out)[*count]);
    }
    return err;
}

/* ------------------------------------------------------------------ asked */

static int
load_has(struct may_contact *m, uint64_t *folded)
{
    struct card *c = arena_alloc(m->arena, sizeof(*c));
    int err;

    if (c == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < m->profiles_count; i++) {
        if ((err = card_find(m->store->views, m->profiles[i], c)) != 0)
            return err;
        m->has |= c->has;
        if (c->folded > *folded)
            *folded = c->folded;
    }
    return 0;
}

/* What these customers said of this address, added to what is known. */
static int
add_consents(const struct may_contact *theirs, const struct store_identifier *address,
             struct gathered *g)
{
    struct gathered others = {.consents_count = 0};
    struct tl_consent_state *all;
    int err = gather_consents(theirs, &others);

    if (err != 0)
        return err;
    all = arena_alloc(theirs->arena,
                      (g->consents_count + others.consents_count + 1) * sizeof(*all));
    if (all == NULL)
        return TL_TOO_MANY;
    if (g->consents_count > 0)
        memcpy(all, g->consents, g->consents_count * sizeof(*all));
    g->consents = all;
    for (size_t i = 0; i < others.consents_count; i++)
        if (str_equal(others.consents[i].identifier->type, address->type) &&
            str_equal(others.consents[i].identifier->value, address->value))
            all[g->consents_count++] = others.consents[i];
    return 0;
}

/* An address that several customers use was refused by whoever refused it. */
static int
add_refusals(const struct may_contact *m, const struct store_identifier *address,
             const uint64_t *candidates, size_t candidates_count, struct gathered *g)
{
    int err = 0;

    for (size_t i = 0; i < candidates_count && err == 0; i++) {
        uint64_t profiles[STORE_PROFILES_MAX];
        struct may_contact theirs = {.store = m->store,
                                     .profiles = profiles,
                                     .has = CARD_CONSENTS,
                                     .now = m->now,
                                     .arena = m->arena};

        err = identity_customer(m->store->views, candidates[i], profiles,
                                &theirs.profiles_count);
        if (err == 0)
            err = add_consents(&theirs, address, g);
    }
    return err;
}

/* A question on its way to its answer. */
struct asking {
    const struct store_contact_question *q;
    struct may_contact m;
    uint64_t profiles[STORE_PROFILES_MAX];
    uint64_t profile;           /* 0: the identifier finds nobody in particular */
    uint64_t depends;
    struct gathered g;
    struct verdict verdict;
};

static int
find(struct asking *a, struct store *st, uint64_t *candidates, size_t *candidates_count)
{
    int err = identity_find(st->views, &a->q->who.customer, &a->profile, candidates,
                            candidates_count);

    if (err == TL_NOT_FOUND) {
        *candidates_count = 0;
        a->profile = 0;
        return 0;
    }
    if (err != 0 || a->profile == 0)
        return err;
    return identity_customer(st->views, a->profile, a->profiles, &a->m.profiles_count);
}

static int
find_relatives(struct asking *a)
{
    struct may_contact *m = &a->m;
    struct relatives *all;
    int err;

    if (!(m->has & CARD_HOUSEHOLDS) ||
        !policy_counts_household(m->store->policy, a->q->purpose))
        return 0;
    if ((all = arena_alloc(m->arena, sizeof(*all))) == NULL)
        return TL_TOO_MANY;
    err = relatives_find(m->store->views, m->profiles, m->profiles_count, all, m->arena);
    if (all->depends > a->depends)
        a->depends = all->depends;
    m->relatives = all;
    return err;
}

static int
ask(struct asking *a, struct store *st, const struct store_contact_question *q,
    struct arena *arena)
{
    const struct store_identifier *id = &q->who.customer;
    const struct tl_identifier address = {id->type, id->value};
    uint64_t candidates[IDENTITY_HOLDERS_MAX];
    struct verdict_facts facts;
    size_t candidates_count;
    int err;

    memset(a, 0, sizeof(*a));
    a->q = q;
    a->m = (struct may_contact){
        .store = st, .profiles = a->profiles, .now = q->who.now, .arena = arena};
    if ((err = find(a, st, candidates, &candidates_count)) != 0 ||
        (err = load_has(&a->m, &a->depends)) != 0 || (err = find_relatives(a)) != 0 ||
        (err = gather(&a->m, &a->g)) != 0 ||
        (err = add_refusals(&a->m, id, candidates, candidates_count, &a->g)) != 0 ||
        (err = facts_of(&a->m, &a->g, q->purpose, &facts)) != 0)
        return err;
    if (str_equal(id->type, consent_address_type(q->channel)))
        facts.address = &address;
    verdict_decide(st->policy, &facts, q->channel, &a->verdict);
    return 0;
}

static int
fill(const struct asking *a, struct tl_contact_verdict *out, uint64_t *depends)
{
    uint64_t head = store_head(a->m.store);
    int err = answer(&a->m, &a->verdict, a->q->channel, a->q->purpose, out);

    if (err == 0)
        err = answer_counted(&a->m, &a->verdict, out);
    *depends = a->depends;
    out->position = position_text(&a->m, a->depends > head ? a->depends : head);
    return out->position.ptr == NULL ? TL_TOO_MANY : err;
}

int
store_may_contact(struct store *st, const struct store_contact_question *q,
                  struct tl_contact_verdict *out, struct arena *arena, uint64_t *depends)
{
    struct asking a;
    int err = store_sound(st, ask(&a, st, q, arena));

    return err != 0 ? err : fill(&a, out, depends);
}

/* --------------------------------------------------------------- reserving */

/* The reservation of that name; NULL: none. */
static const struct contact_entry *
known_reservation(const struct asking *a)
{
    uint64_t name = contact_name(a->q->reservation);

    for (size_t i = 0; i < a->g.record.count; i++) {
        const struct contact_entry *e = &a->g.record.entries[i];

        if (e->contact.until != 0 && e->contact.key == name)
            return e;
    }
    return NULL;
}

static bool
is_same(const struct asking *a, const struct contact_entry *e)
{
    return e->contact.until > a->q->who.now && str_equal(e->channel, a->q->channel) &&
           str_equal(e->purpose, a->q->purpose);
}

static void
reserved(struct asking *a, uint64_t number, int64_t until, struct tl_contact_verdict *out)
{
    out->reservation = a->q->reservation;
    out->reserved_until = until;
    if (number > a->depends)
        a->depends = number;
}

static int
reserve(struct asking *a, struct tl_contact_verdict *out)
{
    const struct store_contact_question *q = a->q;
    int64_t until = q->who.now + a->m.store->policy->lease_ms * CLOCK_MS;
    char until_text[CLOCK_TEXT_BYTES];
    struct tl_identifier customer = {q->who.customer.type, q->who.customer.value};
    struct tl_attribute attributes[] = {
        {TL_STR(CONTACT_PURPOSE), q->purpose},
        {TL_STR(CONTACT_RESERVATION), q->reservation},
        {TL_STR(CONTACT_UNTIL), {until_text, 0}},
        {TL_STR(CONTACT_OFFER), q->offer},
    };
    struct tl_event ev = {
        .type = TL_STR(CONTACT_RESERVED),
        .time = q->who.now,
        .channel = q->channel,
        .direction = TL_STR("internal"),
        .campaign = q->campaign,
        .identifiers = &customer,
        .identifiers_count = 1,
        .attributes = attributes,
        .attributes_count = q->offer.len > 0 ? 4 : 3,
    };
    uint64_t number;
    int err;

    clock_format(until_text, until);
    attributes[2].value.len = strlen(until_text);
    err = store_say(a->m.store, &ev, &q->who.customer, a->profile, q->who.now, &number);
    if (err == 0)
        reserved(a, number, until, out);
    return err;
}

int
store_reserve(struct store *st, const struct store_contact_question *q,
              struct tl_contact_verdict *out, struct arena *arena, uint64_t *depends,
              const char **detail)
{
    const struct contact_entry *known;
    struct tl_contact_verdict place = {0};
    struct asking a;
    int err = store_sound(st, ask(&a, st, q, arena));

    if (err != 0)
        return err;
    if ((known = known_reservation(&a)) != NULL && !is_same(&a, known)) {
        *detail = "a reservation of this name is over, or for something else: take a new name";
        return TL_BAD_REQUEST;
    }
    if (known != NULL) {
        a.verdict = (struct verdict){.what = VERDICT_ALLOW, .rule = "reserved before"};
        reserved(&a, known->contact.number, known->contact.until, &place);
    } else if (a.verdict.what == VERDICT_ALLOW && (err = reserve(&a, &place)) != 0) {
        return err;
    }
    if ((err = fill(&a, out, depends)) != 0)
        return err;
    out->reservation = place.reservation;
    out->reserved_until = place.reserved_until;
    return 0;
}

/* ---------------------------------------------------------------- the rules */

int
store_set_policy(struct store *st, struct policy **p)
{
    int err = rules_keep(st->rules, *p, st->admitted + 1);

    if (err != 0) {
        policy_free(p);
        return err;
    }
    policy_free(&st->policy);
    st->policy = *p;
    *p = NULL;
    return 0;
}

const struct policy *
store_policy(const struct store *st)
{
    return st->policy;
}
