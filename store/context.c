/* The answer an agent gets: who he is, then each section in the order of the design. */

#include "proto/code.h"
#include "store/context.h"
#include "store/identity.h"

static size_t
channels_bytes(const struct tl_conversation *conversation)
{
    size_t bytes = 0;

    for (size_t i = 0; i < conversation->channels_count; i++)
        bytes += 2 + conversation->channels[i].len;
    return bytes;
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
    for (size_t i = 0; i < c->who->households_count; i++)
        bytes += 28 + c->who->households[i].id.len + c->who->households[i].role.len;
    for (size_t i = 0; i < c->commitments_count; i++)
        bytes += 50 + c->commitments[i].id.len + c->commitments[i].text.len +
                 c->commitments[i].by.len + c->commitments[i].to.len;
    for (size_t i = 0; i < c->may_contact_count; i++)
        bytes += 40 + c->may_contact[i].channel.len + c->may_contact[i].rule.len;
    for (size_t i = 0; i < c->consents_count; i++)
        bytes += 60 + c->consents[i].evidence.len +
                 (c->consents[i].identifier != NULL ? c->consents[i].identifier->value.len : 0);
    for (size_t i = 0; i < c->feedback_count; i++)
        bytes += 100 + c->feedback[i].id.len + c->feedback[i].title.len;
    for (size_t i = 0; i < c->conversations_count; i++)
        bytes += 130 + c->conversations[i].id.len + c->conversations[i].title.len +
                 channels_bytes(&c->conversations[i]);
    if (c->relationship != NULL)
        bytes += 70 + 14 * c->relationship->response_within_count;
    for (size_t i = 0; i < c->freshness_count; i++)
        bytes += 18 + c->freshness[i].source.len;
    return bytes + REASONS_SHOWN_MAX * 80;
}

int
context_omit(struct tl_context *out, struct tl_str section, struct arena *arena)
{
    struct tl_str *omitted = arena_alloc(arena, (out->omitted_count + 1) * sizeof(omitted[0]));

    if (omitted == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < out->omitted_count; i++)
        omitted[i] = out->omitted[i];
    omitted[out->omitted_count++] = section;
    out->omitted = omitted;
    return 0;
}

static int
answer_context(struct store *st, const struct store_question *q, size_t bytes_max,
               struct tl_context *out, struct arena *arena, uint64_t *depends)
{
    uint64_t candidates[IDENTITY_HOLDERS_MAX];
    size_t candidates_count, fixed, room;
    struct joining j;
    int err = begin_joining(&j, st, q, arena, candidates, &candidates_count);

    if (err != 0)
        return err;
    *out = (struct tl_context){.customer = name_of(&q->customer, arena), .now = q->now};
    if ((err = find_relatives(&j)) != 0 ||
        (err = fill_who(&j, candidates, candidates_count, out)) != 0 ||
        (err = fill_commitments(&j, out)) != 0 || (err = fill_consents(&j, out)) != 0 ||
        (err = fill_may_contact(&j, out)) != 0 || (err = fill_feedback(&j, out)) != 0 ||
        (err = fill_conversations(&j, out)) != 0 || (err = fill_relationship(&j, out)) != 0 ||
        (err = fill_value(&j, out)) != 0 || (err = fill_freshness(&j, out)) != 0)
        return err;
    fixed = fixed_bytes(out);
    room = bytes_max > fixed ? bytes_max - fixed : 0;
    if ((err = fill_household(&j, out, &room)) != 0 ||
        (err = fill_offers(&j, out, &room)) != 0 || (err = fill_recent(&j, out, room)) != 0 ||
        (err = fill_reasons(&j, out)) != 0)
        return err;
    *depends = j.depends;
    out->position = standing_text(&j);
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
    size_t candidates_count;
    struct offer_list list;
    struct joining j;
    int err = begin_joining(&j, st, q, arena, candidates, &candidates_count);
    struct offer_query query = {.views = st->views,
                                .counters = &st->fold.counters,
                                .now = q->now,
                                .limit = limit > OFFERS_LOOKED_AT ? limit : OFFERS_LOOKED_AT,
                                .rest_max = LONGEST_COUNT,
                                .arena = arena};

    if (err != 0)
        return err;
    query.sources = j.offer_sources;
    query.sources_count = j.offer_sources_count;
    *out = (struct tl_offers){.customer = name_of(&q->customer, arena)};
    if ((err = offer_list(&query, &list, &j.depends)) != 0)
        return err;
    out->offers = list.offers;
    out->offers_count = list.count < limit ? list.count : limit;
    out->offers_more = more_text(&j, offer_list_more(&query, &list, out->offers_count));
    *depends = j.depends;
    out->position = standing_text(&j);
    return out->customer.ptr == NULL || out->position.ptr == NULL ? TL_TOO_MANY : 0;
}

int
store_offers(struct store *st, const struct store_question *q, size_t limit,
             struct tl_offers *out, struct arena *arena, uint64_t *depends)
{
    return store_sound(st, answer_offers(st, q, limit, out, arena, depends));
}
