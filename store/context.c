/* The answer an agent gets: the cards of a customer's profiles, joined. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/attribute.h"
#include "store/commitment.h"
#include "store/feedback.h"
#include "store/consent.h"
#include "store/identity.h"
#include "store/key.h"
#include "store/may_contact.h"
#include "store/offer.h"
#include "store/state.h"

#define IDENTIFIERS_SHOWN_MAX 10
#define ATTRIBUTES_SHOWN_MAX 12
#define COMMITMENTS_SHOWN_MAX 6
#define FEEDBACK_SHOWN_MAX 4
#define CONSENTS_SHOWN_MAX 8
#define CONFLICTS_SHOWN_MAX 3
#define REASONS_SHOWN_MAX 5
#define SOURCES_SHOWN_MAX 6
#define OFFERS_LOOKED_AT 24
#define LONGEST_COUNT 100       /* more is said as `100+` */
#define RECENT_BYTES_KEPT 640   /* offers leave them to the latest contacts: about ten */

/* A customer while the answer is put together. */
struct joining {
    struct store *st;
    const struct store_question *q;
    struct arena *arena;
    uint64_t depends;

    uint64_t profiles[STORE_PROFILES_MAX];
    size_t profiles_count;

    struct card_identifier *identifiers;
    size_t identifiers_count;
    struct card_value *values;
    size_t values_count;
    struct card_sale last_sale;
    struct card_source sources[STORE_PROFILES_MAX * 2];
    size_t sources_count;
    struct card_conflict conflicts[CARD_CONFLICTS_MAX];
    size_t conflicts_count;
    struct card_recent recent[CARD_RECENT_MAX + 1];
    size_t recent_count;
    struct offer_source offer_sources[STORE_PROFILES_MAX];
    size_t offer_sources_count;
    uint64_t events;
    uint64_t offers;
    uint64_t has;
};

/* ------------------------------------------------------------ joining cards */

/* The types everybody knows, strongest first, as the design lists them. */
static size_t
strength(const struct card_identifier *id)
{
    static const char *const types[] = {"crm",   "user",   "account", "loyalty", "email",
                                        "payment", "phone",  "social",  "device",  "cookie",
                                        "anonymous", "receipt"};
    size_t count = sizeof(types) / sizeof(types[0]), i = 0;

    while (i < count && !str_is(id->type, types[i]))
        i++;
    if (id->kind & CARD_ELSEWHERE)
        return 3 * count;
    return (id->kind & CARD_STRONG ? 0 : count + 1) + i;
}

static int
compare_identifiers(const void *a, const void *b)
{
    const struct card_identifier *x = a, *y = b;
    size_t x_strength = strength(x), y_strength = strength(y);
    int order;

    if (x_strength != y_strength)
        return x_strength < y_strength ? -1 : 1;
    if (x->last_seen != y->last_seen)
        return x->last_seen > y->last_seen ? -1 : 1;
    order = str_compare(x->type, y->type);
    return order != 0 ? order : str_compare(x->value, y->value);
}

static void
join_identifier(struct joining *j, const struct card_identifier *id)
{
    for (size_t i = 0; i < j->identifiers_count; i++) {
        struct card_identifier *known = &j->identifiers[i];

        if (!str_equal(known->value, id->value) || !str_equal(known->type, id->type))
            continue;
        known->kind &= id->kind | ~(unsigned)CARD_ELSEWHERE;
        if (id->first_seen < known->first_seen)
            known->first_seen = id->first_seen;
        if (id->last_seen > known->last_seen)
            known->last_seen = id->last_seen;
        return;
    }
    j->identifiers[j->identifiers_count++] = *id;
}

/* What was named in this customer's events and belongs to somebody else is not
 * shown. */
static void
drop_elsewhere(struct joining *j)
{
    size_t kept = 0;

    for (size_t i = 0; i < j->identifiers_count; i++)
        if (!(j->identifiers[i].kind & CARD_ELSEWHERE))
            j->identifiers[kept++] = j->identifiers[i];
    j->identifiers_count = kept;
}

static void
join_value(struct joining *j, const struct card_value *value)
{
    size_t i = 0;

    while (i < j->values_count && !str_equal(j->values[i].currency, value->currency))
        i++;
    if (i == j->values_count)
        j->values[j->values_count++] = (struct card_value){.currency = value->currency};
    j->values[i].purchases += value->purchases;
    j->values[i].returns += value->returns;
    j->values[i].spend_minor += value->spend_minor;
}

static void
join_source(struct joining *j, const struct card_source *source)
{
    size_t i = 0;

    while (i < j->sources_count && !str_equal(j->sources[i].source, source->source))
        i++;
    if (i == sizeof(j->sources) / sizeof(j->sources[0]))
        return;
    if (i == j->sources_count)
        j->sources[j->sources_count++] = *source;
    else if (source->last_event > j->sources[i].last_event)
        j->sources[i].last_event = source->last_event;
}

static void
join_recent(struct joining *j, const struct card_recent *event)
{
    size_t at = j->recent_count;

    while (at > 0 && (event->time > j->recent[at - 1].time ||
                      (event->time == j->recent[at - 1].time &&
                       event->number > j->recent[at - 1].number)))
        at--;
    memmove(&j->recent[at + 1], &j->recent[at], (j->recent_count - at) * sizeof(j->recent[0]));
    j->recent[at] = *event;
    if (j->recent_count < CARD_RECENT_MAX)
        j->recent_count++;
}

static void
join_conflict(struct joining *j, const struct card_conflict *conflict)
{
    for (size_t i = 0; i < j->conflicts_count; i++)
        if (j->conflicts[i].number == conflict->number)
            return;
    if (j->conflicts_count < CARD_CONFLICTS_MAX)
        j->conflicts[j->conflicts_count++] = *conflict;
}

static void
join_card(struct joining *j, uint64_t profile, const struct card *c)
{
    if (c->folded > j->depends)
        j->depends = c->folded;
    j->events += c->events;
    j->offers += c->offers;
    j->offer_sources[j->offer_sources_count++] =
        (struct offer_source){profile, c->offers_here, c->has & CARD_OFFERS_APART};
    j->has |= c->has;
    for (size_t i = 0; i < c->identifiers_count; i++)
        join_identifier(j, &c->identifiers[i]);
    for (size_t i = 0; i < c->values_count; i++)
        join_value(j, &c->values[i]);
    if (c->values[CARD_CURRENCIES_MAX].purchases + c->values[CARD_CURRENCIES_MAX].returns > 0)
        join_value(j, &c->values[CARD_CURRENCIES_MAX]);
    for (size_t i = 0; i < c->sources_count; i++)
        join_source(j, &c->sources[i]);
    for (size_t i = 0; i < c->conflicts_count; i++)
        join_conflict(j, &c->conflicts[i]);
    for (size_t i = 0; i < c->recent_count; i++)
        join_recent(j, &c->recent[i]);
    if (c->last_sale.number != 0 &&
        (c->last_sale.time > j->last_sale.time ||
         (c->last_sale.time == j->last_sale.time && c->last_sale.number > j->last_sale.number)))
        j->last_sale = c->last_sale;
}

static int
load_card(struct joining *j, uint64_t profile, struct card *c)
{
    struct tl_str bytes;
    struct key k;

    card_clear(c);
    key_profile(&k, profile, KEY_CARD);
    if (!views_get(j->st->views, k.bytes, k.len, &bytes))
        return 0;
    bytes.ptr = arena_copy(j->arena, bytes.ptr, bytes.len);
    return bytes.ptr == NULL ? TL_TOO_MANY : card_read(c, bytes);
}

static int
join_profiles(struct joining *j, uint64_t profile)
{
    struct card c;
    int err = 0;

    if (profile != 0)
        err = identity_customer(j->st->views, profile, j->profiles, &j->profiles_count);
    j->identifiers = arena_alloc(j->arena, (j->profiles_count * CARD_IDENTIFIERS_MAX + 1) *
                                               sizeof(j->identifiers[0]));
    j->values = arena_alloc(j->arena, (j->profiles_count + 1) * (CARD_CURRENCIES_MAX + 1) *
                                          sizeof(j->values[0]));
    if (j->identifiers == NULL || j->values == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->profiles_count && err == 0; i++) {
        err = load_card(j, j->profiles[i], &c);
        if (err == 0)
            join_card(j, j->profiles[i], &c);
    }
    drop_elsewhere(j);
    qsort(j->identifiers, j->identifiers_count, sizeof(j->identifiers[0]), compare_identifiers);
    return err;
}

/* ----------------------------------------------------------------- sections */

static struct tl_str
position_text(const struct joining *j, uint64_t number)
{
    char text[POSITION_BYTES + 1];

    position_format(text, (struct position){store_log_id(j->st), number});
    return (struct tl_str){arena_copy(j->arena, text, POSITION_BYTES), POSITION_BYTES};
}

static struct tl_str
more_text(const struct joining *j, uint64_t more)
{
    char *text;

    if (more == 0)
        return (struct tl_str){"", 0};
    text = arena_alloc(j->arena, 8);
    if (text == NULL)
        return (struct tl_str){"", 0};
    if (more > LONGEST_COUNT)
        snprintf(text, 8, "%d+", LONGEST_COUNT);
    else
        snprintf(text, 8, "%d", (int)more);
    return (struct tl_str){text, strlen(text)};
}

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
    struct attribute_said *said;
    int err = 0;

    if (!(j->has & CARD_ATTRIBUTES))
        return 0;
    who->attributes = arena_alloc(j->arena, room * sizeof(who->attributes[0]));
    said = arena_alloc(j->arena, room * sizeof(said[0]));
    if (who->attributes == NULL || said == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->profiles_count && err == 0; i++)
        err = attribute_list(j->st->views, j->profiles[i], who->attributes, said,
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

/* The other customers a shared phone was seen with, by their strongest
 * identifier. */
static int
fill_candidates(struct joining *j, const uint64_t *candidates, size_t count, struct tl_who *who)
{
    who->candidates = arena_alloc(j->arena, (count + 1) * sizeof(who->candidates[0]));
    if (who->candidates == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < count; i++) {
        struct card c;
        int err = load_card(j, candidates[i], &c);

        if (err != 0)
            return err;
        if (c.folded > j->depends)
            j->depends = c.folded;
        if (c.identifiers_count == 0)
            continue;
        qsort(c.identifiers, c.identifiers_count, sizeof(c.identifiers[0]), compare_identifiers);
        who->candidates[who->candidates_count++] = (struct tl_candidate){
            c.identifiers[0].type, c.identifiers[0].value, c.identifiers[0].last_seen};
    }
    return 0;
}

static int
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
    return fill_candidates(j, candidates, candidates_count, who);
}

static int
rank_commitment(const struct tl_commitment_state *c)
{
    if (str_is(c->state, "overdue"))
        return 0;
    return str_is(c->state, "due") || str_is(c->state, "open") ? 1 : 2;
}

static int
compare_commitments(const void *a, const void *b)
{
    const struct tl_commitment_state *x = a, *y = b;
    int x_rank = rank_commitment(x), y_rank = rank_commitment(y);

    if (x_rank != y_rank)
        return x_rank - y_rank;
    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    return str_compare(x->id, y->id);
}

static int
fill_commitments(struct joining *j, struct tl_context *out)
{
    const struct commitment_query query = {j->st->views, j->profiles, j->profiles_count, j->q->now,
                                           j->st->settings.grace_ns, j->arena};
    size_t room = (j->profiles_count + 1) * COMMITMENTS_LISTED_MAX, count = 0;
    int err;

    if (!(j->has & CARD_COMMITMENTS))
        return 0;
    out->commitments = arena_alloc(j->arena, room * sizeof(out->commitments[0]));
    if (out->commitments == NULL)
        return TL_TOO_MANY;
    err = commitment_list(&query, out->commitments, &count);
    qsort(out->commitments, count, sizeof(out->commitments[0]), compare_commitments);
    out->commitments_count = count < COMMITMENTS_SHOWN_MAX ? count : COMMITMENTS_SHOWN_MAX;
    out->commitments_more = more_text(j, count - out->commitments_count);
    return err;
}

static int
latest_consent_first(const void *a, const void *b)
{
    const struct tl_consent_state *x = a, *y = b;
    int order;

    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    if ((order = str_compare(x->purpose, y->purpose)) != 0)
        return order;
    if ((order = str_compare(x->channel, y->channel)) != 0)
        return order;
    return str_compare(x->identifier->value, y->identifier->value);
}

static int
fill_consents(struct joining *j, struct tl_context *out)
{
    size_t room = (j->profiles_count + 1) * CONSENTS_LISTED_MAX, count = 0;
    uint64_t *numbers;
    int err = 0;

    if (!(j->has & CARD_CONSENTS))
        return 0;
    out->consents = arena_alloc(j->arena, room * sizeof(out->consents[0]));
    numbers = arena_alloc(j->arena, room * sizeof(numbers[0]));
    if (out->consents == NULL || numbers == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->profiles_count && err == 0; i++)
        err = consent_list(j->st->views, j->profiles[i], out->consents, numbers, &count,
                           j->q->now, j->arena);
    qsort(out->consents, count, sizeof(out->consents[0]), latest_consent_first);
    out->consents_count = count < CONSENTS_SHOWN_MAX ? count : CONSENTS_SHOWN_MAX;
    for (size_t i = 0; i < out->consents_count; i++)
        if (out->consents[i].identifier->type.len == 0)
            out->consents[i].identifier = NULL;
    return err;
}

static int
fill_may_contact(struct joining *j, struct tl_context *out)
{
    const struct may_contact m = {j->st,  j->profiles,  j->profiles_count,
                                  j->has, j->q->now, j->arena};

    return may_contact_list(&m, j->identifiers, j->identifiers_count, &out->may_contact,
                            &out->may_contact_count);
}

/* The currency with most purchases leads. */
static int
compare_values(const void *a, const void *b)
{
    const struct card_value *x = a, *y = b;

    if (x->purchases != y->purchases)
        return x->purchases > y->purchases ? -1 : 1;
    return str_compare(x->currency, y->currency);
}

static int
fill_value(struct joining *j, struct tl_context *out)
{
    struct tl_value *value = arena_alloc(j->arena, sizeof(*value));

    if (value == NULL)
        return TL_TOO_MANY;
    out->value = value;
    if (j->values_count == 0)
        return 0;
    qsort(j->values, j->values_count, sizeof(j->values[0]), compare_values);
    value->purchases = j->values[0].purchases;
    value->returns = j->values[0].returns;
    value->spend_minor = j->values[0].spend_minor;
    value->currency = j->values[0].currency;
    value->last_sale = j->last_sale.time;
    value->last_sale_minor = j->last_sale.minor;
    value->last_sale_currency = j->last_sale.currency;
    value->others = arena_alloc(j->arena, j->values_count * sizeof(value->others[0]));
    if (value->others == NULL)
        return TL_TOO_MANY;
    for (size_t i = 1; i < j->values_count; i++)
        value->others[value->others_count++] =
            (struct tl_other_value){j->values[i].purchases, j->values[i].spend_minor,
                                    j->values[i].currency, j->values[i].returns};
    return 0;
}

static int
latest_source_first(const void *a, const void *b)
{
    const struct card_source *x = a, *y = b;

    if (x->last_event != y->last_event)
        return x->last_event > y->last_event ? -1 : 1;
    return str_compare(x->source, y->source);
}

static int
fill_freshness(struct joining *j, struct tl_context *out)
{
    qsort(j->sources, j->sources_count, sizeof(j->sources[0]), latest_source_first);
    out->freshness = arena_alloc(j->arena, (SOURCES_SHOWN_MAX + 1) * sizeof(out->freshness[0]));
    if (out->freshness == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->sources_count && i < SOURCES_SHOWN_MAX; i++)
        out->freshness[out->freshness_count++] =
            (struct tl_freshness){.source = j->sources[i].source,
                                  .last_event = j->sources[i].last_event};
    return 0;
}

/* ------------------------------------------- lists that take what room is left */

static size_t
offer_bytes(const struct tl_offer *o)
{
    size_t bytes = 56 + o->offer.len + o->campaign.len + o->treatment.len + o->instance.len +
                   o->channel.len + o->state.len + o->reason.len + o->terms.len + o->title.len +
                   o->currency.len;

    for (size_t i = 0; i < o->outcomes_count; i++)
        bytes += 38 + o->outcomes[i].outcome.len + o->outcomes[i].channel.len +
                 o->outcomes[i].reason.len;
    return bytes;
}

static int
fill_offers(struct joining *j, struct tl_context *out, size_t *room)
{
    const struct offer_query query = {
        .views = j->st->views,
        .sources = j->offer_sources,
        .sources_count = j->offer_sources_count,
        .now = j->q->now,
        .limit = OFFERS_LOOKED_AT,
        .arena = j->arena,
    };
    size_t enough = *room > RECENT_BYTES_KEPT ? *room - RECENT_BYTES_KEPT : 0;
    size_t count = 0, used = 0;
    int err;

    if (!(j->has & CARD_OFFERS))
        return 0;
    if ((err = offer_list(&query, &out->offers, &count)) != 0)
        return err;
    while (out->offers_count < count) {
        used += offer_bytes(&out->offers[out->offers_count]);
        if (used > enough)
            break;
        out->offers_count++;
    }
    *room -= used > enough ? enough : used;
    out->offers_more =
        more_text(j, (count > j->offers ? count : j->offers) - out->offers_count);
    return 0;
}

static int
fill_recent(struct joining *j, struct tl_context *out, size_t room)
{
    out->recent = arena_alloc(j->arena, (CARD_RECENT_MAX + 1) * sizeof(out->recent[0]));
    if (out->recent == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->recent_count; i++) {
        struct card_event_text text;
        size_t bytes;

        if (card_recent_text(&j->recent[i], &text) != 0)
            return TL_EDAMAGED;
        bytes = 26 + text.type.len + text.channel.len + text.summary.len;
        if (bytes > room)
            break;
        room -= bytes;
        out->recent[out->recent_count++] =
            (struct tl_recent){.time = j->recent[i].time,
                               .type = text.type,
                               .channel = text.channel,
                               .summary = text.summary,
                               .unverified = text.unverified};
    }
    out->recent_more = more_text(j, j->events - out->recent_count);
    return 0;
}

/* ------------------------------------------------------ why he probably calls */

static void
add_reason(const struct joining *j, struct tl_context *out, struct tl_str why, uint64_t number,
           int64_t time)
{
    if (out->reasons_count < REASONS_SHOWN_MAX)
        out->reasons[out->reasons_count++] = (struct tl_reason){
            why, number != 0 ? position_text(j, number) : (struct tl_str){"", 0}, time};
}

struct sign {
    const char *type;
    int64_t within_ns;
    struct tl_str why;
};

/* What an event of late says about a call now. */
static const struct sign signs[] = {
    {"call.abandoned", 7 * 86400 * CLOCK_SECOND, {"hung up before anybody answered", 31}},
    {"sale.returned", 14 * 86400 * CLOCK_SECOND, {"returned goods", 14}},
    {"callback.requested", 14 * 86400 * CLOCK_SECOND, {"asked to be called back", 23}},
    {"coupon.refused", 7 * 86400 * CLOCK_SECOND, {"a coupon was refused at the till", 32}},
    {"page.viewed", 3600 * CLOCK_SECOND, {"on the web site within the last hour", 36}},
};

static void
add_signs(struct joining *j, struct tl_context *out)
{
    for (size_t s = 0; s < sizeof(signs) / sizeof(signs[0]); s++)
        for (size_t i = 0; i < out->recent_count; i++) {
            const struct tl_recent *event = &out->recent[i];

            if (!str_is(event->type, signs[s].type) || event->time > j->q->now ||
                j->q->now - event->time > signs[s].within_ns)
                continue;
            add_reason(j, out, signs[s].why, j->recent[i].number, event->time);
            break;
        }
}

static int
fill_feedback(struct joining *j, struct tl_context *out)
{
    const struct feedback_query query = {j->st->views, j->profiles, j->profiles_count, j->arena};
    size_t count;
    int err;

    if (!(j->has & CARD_FEEDBACK))
        return 0;
    err = feedback_list(&query, &out->feedback, &count);
    out->feedback_count = count < FEEDBACK_SHOWN_MAX ? count : FEEDBACK_SHOWN_MAX;
    return err;
}

static void
add_complaints(struct joining *j, struct tl_context *out)
{
    for (size_t i = 0; i < out->feedback_count; i++) {
        const struct tl_feedback_state *said = &out->feedback[i];

        if (str_is(said->kind, "complaint") && !str_is(said->state, "resolved"))
            add_reason(j, out,
                       str_is(said->state, "heard") ? TL_STR("complained, not answered")
                                                    : TL_STR("complained, not resolved"),
                       0, said->time);
    }
}

static int
fill_reasons(struct joining *j, struct tl_context *out)
{
    out->reasons = arena_alloc(j->arena, REASONS_SHOWN_MAX * sizeof(out->reasons[0]));
    if (out->reasons == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < out->commitments_count; i++)
        if (str_is(out->commitments[i].state, "overdue"))
            add_reason(j, out, TL_STR("promised and not kept"), 0, out->commitments[i].due);
    add_complaints(j, out);
    for (size_t i = 0; i < out->offers_count; i++) {
        const struct tl_offer *o = &out->offers[i];

        if (o->live && str_is(o->state, "accepted"))
            add_reason(j, out, TL_STR("offer accepted, not redeemed"), 0,
                       o->outcomes[o->outcomes_count - 1].time);
        else if (o->live && str_is(o->state, "clicked"))
            add_reason(j, out, TL_STR("offer clicked, not redeemed"), 0,
                       o->outcomes[o->outcomes_count - 1].time);
    }
    add_signs(j, out);
    return 0;
}

/* ------------------------------------------------------------------ answers */

static struct tl_str
name_of(const struct store_identifier *id, struct arena *arena)
{
    size_t len = id->type.len + 1 + id->value.len;
    char *text = arena_alloc(arena, len + 1);

    if (text == NULL)
        return (struct tl_str){NULL, 0};
    memcpy(text, id->type.ptr, id->type.len);
    text[id->type.len] = ':';
    memcpy(text + id->type.len + 1, id->value.ptr, id->value.len);
    return (struct tl_str){text, len};
}

static size_t
fixed_bytes(const struct tl_context *c)
{
    size_t bytes = 160 + c->customer.len;

    for (size_t i = 0; i < c->who->identifiers_count; i++)
        bytes += 34 + c->who->identifiers[i].type.len + c->who->identifiers[i].value.len;
    for (size_t i = 0; i < c->who->attributes_count; i++)
        bytes += 6 + c->who->attributes[i].key.len + c->who->attributes[i].value.len;
    for (size_t i = 0; i < c->who->conflicts_count; i++)
        bytes += 60 + c->who->conflicts[i].value_a.len + c->who->conflicts[i].value_b.len;
    for (size_t i = 0; i < c->who->candidates_count; i++)
        bytes += 20 + c->who->candidates[i].type.len + c->who->candidates[i].value.len;
    for (size_t i = 0; i < c->commitments_count; i++)
        bytes += 50 + c->commitments[i].id.len + c->commitments[i].text.len +
                 c->commitments[i].by.len + c->commitments[i].to.len;
    for (size_t i = 0; i < c->may_contact_count; i++)
        bytes += 40 + c->may_contact[i].channel.len + c->may_contact[i].rule.len;
    for (size_t i = 0; i < c->consents_count; i++)
        bytes += 60 + c->consents[i].evidence.len +
                 (c->consents[i].identifier != NULL ? c->consents[i].identifier->value.len : 0);
    for (size_t i = 0; i < c->feedback_count; i++)
        bytes += 70 + c->feedback[i].id.len + c->feedback[i].title.len;
    for (size_t i = 0; i < c->freshness_count; i++)
        bytes += 18 + c->freshness[i].source.len;
    return bytes + REASONS_SHOWN_MAX * 80;
}

static int
begin(struct joining *j, struct store *st, const struct store_question *q, struct arena *arena,
      uint64_t *candidates, size_t *candidates_count)
{
    uint64_t profile;
    int err = identity_find(st->views, &q->customer, &profile, candidates, candidates_count);

    memset(j, 0, sizeof(*j));
    j->st = st;
    j->q = q;
    j->arena = arena;
    return err != 0 ? err : join_profiles(j, profile);
}

static int
answer_context(struct store *st, const struct store_question *q, size_t bytes_max,
               struct tl_context *out, struct arena *arena, uint64_t *depends)
{
    uint64_t candidates[IDENTITY_HOLDERS_MAX];
    size_t candidates_count, fixed, room;
    struct joining j;
    int err = begin(&j, st, q, arena, candidates, &candidates_count);

    if (err != 0)
        return err;
    *out = (struct tl_context){.customer = name_of(&q->customer, arena), .now = q->now};
    if ((err = fill_who(&j, candidates, candidates_count, out)) != 0 ||
        (err = fill_commitments(&j, out)) != 0 || (err = fill_consents(&j, out)) != 0 ||
        (err = fill_may_contact(&j, out)) != 0 || (err = fill_feedback(&j, out)) != 0 ||
        (err = fill_value(&j, out)) != 0 || (err = fill_freshness(&j, out)) != 0)
        return err;
    fixed = fixed_bytes(out);
    room = bytes_max > fixed ? bytes_max - fixed : 0;
    if ((err = fill_offers(&j, out, &room)) != 0 || (err = fill_recent(&j, out, room)) != 0 ||
        (err = fill_reasons(&j, out)) != 0)
        return err;
    *depends = j.depends;
    out->position = position_text(&j, j.depends > store_head(st) ? j.depends : store_head(st));
    return out->customer.ptr == NULL || out->position.ptr == NULL ? TL_TOO_MANY : 0;
}

int
store_context(struct store *st, const struct store_question *q, size_t bytes_max,
              struct tl_context *out, struct arena *arena, uint64_t *depends)
{
    return store_sound(st, answer_context(st, q, bytes_max, out, arena, depends));
}

static int
answer_offers(struct store *st, const struct store_question *q, size_t limit,
              struct tl_offers *out, struct arena *arena, uint64_t *depends)
{
    uint64_t candidates[IDENTITY_HOLDERS_MAX];
    size_t candidates_count, count = 0;
    struct joining j;
    int err = begin(&j, st, q, arena, candidates, &candidates_count);
    struct offer_query query = {.views = st->views, .now = q->now, .limit = limit, .arena = arena};

    if (err != 0)
        return err;
    query.sources = j.offer_sources;
    query.sources_count = j.offer_sources_count;
    *out = (struct tl_offers){.customer = name_of(&q->customer, arena)};
    if ((err = offer_list(&query, &out->offers, &count)) != 0)
        return err;
    out->offers_count = count < limit ? count : limit;
    out->offers_more = more_text(&j, (count > j.offers ? count : j.offers) - out->offers_count);
    *depends = j.depends;
    out->position = position_text(&j, j.depends > store_head(st) ? j.depends : store_head(st));
    return out->customer.ptr == NULL || out->position.ptr == NULL ? TL_TOO_MANY : 0;
}

int
store_offers(struct store *st, const struct store_question *q, size_t limit,
             struct tl_offers *out, struct arena *arena, uint64_t *depends)
{
    return store_sound(st, answer_offers(st, q, limit, out, arena, depends));
}
