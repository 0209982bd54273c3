/* The lists of an answer that take what room is left: offers, then the latest events. */

#include "proto/code.h"
#include "store/context.h"

#define RECENT_BYTES_KEPT 640   /* offers leave them to the latest contacts: about ten */

size_t
offer_bytes(const struct tl_offer *o)
{
    size_t bytes = 56 + o->offer.len + o->campaign.len + o->treatment.len + o->instance.len +
                   o->channel.len + o->state.len + o->reason.len + o->terms.len + o->title.len +
                   o->currency.len + o->exclusivity_group.len + o->conflict.len +
                   (o->valid_from != 0 ? 8 : 0) + 10 * o->of_catalogue_count;

    if (o->last_word != NULL)
        bytes += 18 + o->last_word->outcome.len + o->last_word->channel.len +
                 o->last_word->reason.len;
    for (size_t i = 0; i < o->outcomes_count; i++)
        bytes += 38 + o->outcomes[i].outcome.len + o->outcomes[i].channel.len +
                 o->outcomes[i].reason.len;
    return bytes;
}

int
fill_offers(struct joining *j, struct tl_context *out, size_t *room)
{
    const struct offer_query query = {
        .views = j->st->views,
        .counters = &j->st->fold.counters,
        .sources = j->offer_sources,
        .sources_count = j->offer_sources_count,
        .now = j->q->now,
        .limit = OFFERS_LOOKED_AT,
        .rest_max = LONGEST_COUNT,
        .arena = j->arena,
    };
    size_t enough = *room > RECENT_BYTES_KEPT ? *room - RECENT_BYTES_KEPT : 0;
    struct offer_list list;
    size_t used = 0;
    int err;

    if (!(j->has & CARD_OFFERS))
        return 0;
    if ((err = offer_list(&query, &list, &j->depends)) != 0)
        return err;
    out->offers = list.offers;
    while (out->offers_count < list.count) {
        used += offer_bytes(&out->offers[out->offers_count]);
        if (used > enough)
            break;
        out->offers_count++;
    }
    *room -= used > enough ? enough : used;
    out->offers_more = more_text(j, offer_list_more(&query, &list, out->offers_count));
    return 0;
}

int
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
