/* The sections of an answer that are bounded by a count. */

#include "base/sort.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/commitment.h"
#include "store/consent.h"
#include "store/context.h"
#include "store/feedback.h"
#include "store/may_contact.h"
#include "store/sequence.h"
#include "store/subject.h"

#define COMMITMENTS_SHOWN_MAX 6
#define FEEDBACK_SHOWN_MAX 4
#define CONSENTS_SHOWN_MAX 8
#define SOURCES_SHOWN_MAX 6

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

/* Together, of all his profiles, and as of now. */
static void
count_promises(struct joining *j, const struct tl_commitment_state *promises, size_t count)
{
    int64_t *sums = j->relationship.sums.of;

    sums[RELATIONSHIP_KEPT] = sums[RELATIONSHIP_BROKEN] = sums[RELATIONSHIP_OVERDUE] = 0;
    for (size_t i = 0; i < count; i++) {
        sums[RELATIONSHIP_KEPT] += str_is(promises[i].state, "kept");
        sums[RELATIONSHIP_BROKEN] += str_is(promises[i].state, "broken");
        sums[RELATIONSHIP_OVERDUE] += str_is(promises[i].state, "overdue");
    }
}

int
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
    count_promises(j, out->commitments, count);
    sort(out->commitments, count, sizeof(out->commitments[0]), compare_commitments);
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

int
fill_consents(struct joining *j, struct tl_context *out)
{
    size_t room = (j->profiles_count + 1) * CONSENTS_LISTED_MAX, count = 0;
    struct finder known = consent_finder(j->arena);
    uint64_t *numbers;
    int err = 0;

    if (!(j->has & CARD_CONSENTS))
        return 0;
    out->consents = arena_alloc(j->arena, room * sizeof(out->consents[0]));
    numbers = arena_alloc(j->arena, room * sizeof(numbers[0]));
    if (out->consents == NULL || numbers == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->profiles_count && err == 0; i++)
        err = consent_list(j->st->views, j->profiles[i], &known, out->consents, numbers,
                           &count, j->q->now, j->arena);
    consent_settle(out->consents, numbers, &count, j->arena);
    sort(out->consents, count, sizeof(out->consents[0]), latest_consent_first);
    out->consents_count = count < CONSENTS_SHOWN_MAX ? count : CONSENTS_SHOWN_MAX;
    for (size_t i = 0; i < out->consents_count; i++)
        if (out->consents[i].identifier->type.len == 0)
            out->consents[i].identifier = NULL;
    return err;
}

int
fill_may_contact(struct joining *j, struct tl_context *out)
{
    const struct may_contact m = {j->st,  j->profiles,  j->profiles_count,
                                  j->has, j->q->now, j->arena, j->relatives};

    if (j->st->policy == NULL)
        return context_omit(out, TL_STR("may_contact"), j->arena);
    return may_contact_list(&m, j->identifiers, j->identifiers_count, &out->may_contact,
                            &out->may_contact_count);
}

int
fill_feedback(struct joining *j, struct tl_context *out)
{
    const struct feedback_query query = {j->st->views, j->profiles, j->profiles_count,
                                         j->q->now, FEEDBACK_SHOWN_MAX, j->arena};
    size_t count;
    int err;

    if (!(j->has & CARD_FEEDBACK))
        return 0;
    err = feedback_list(&query, &out->feedback, &count, &j->relationship.sums);
    out->feedback_count = count < FEEDBACK_SHOWN_MAX ? count : FEEDBACK_SHOWN_MAX;
    return err;
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

int
fill_value(struct joining *j, struct tl_context *out)
{
    struct tl_value *value = arena_alloc(j->arena, sizeof(*value));
    int err = 0;

    if (value == NULL)
        return TL_TOO_MANY;
    out->value = value;
    if (j->values_count == 0)
        return 0;
    for (size_t i = 0; j->has & CARD_SUBJECTS && i < j->profiles_count && err == 0; i++)
        err = subject_last_sale(j->st->views, j->profiles[i], &j->last_sale, j->arena);
    if (err != 0)
        return err;
    sort(j->values, j->values_count, sizeof(j->values[0]), compare_values);
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

int
fill_freshness(struct joining *j, struct tl_context *out)
{
    sort(j->sources, j->sources_count, sizeof(j->sources[0]), latest_source_first);
    out->freshness = arena_alloc(j->arena, (SOURCES_SHOWN_MAX + 1) * sizeof(out->freshness[0]));
    if (out->freshness == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < j->sources_count && i < SOURCES_SHOWN_MAX; i++) {
        const struct card_source *source = &j->sources[i];
        uint64_t since, gaps = sequence_gaps(&j->st->fold.counters, source->source, &since);

        if (since > j->depends)
            j->depends = since;
        out->freshness[out->freshness_count++] =
            (struct tl_freshness){.source = source->source,
                                  .last_event = source->last_event,
                                  .gaps = gaps < UINT32_MAX ? (uint32_t)gaps : UINT32_MAX};
    }
    return 0;
}
