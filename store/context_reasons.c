/* Why he probably calls. */

#include "base/clock.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/context.h"

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

static void
add_conversations(struct joining *j, struct tl_context *out)
{
    if (j->unanswered.number != 0)
        add_reason(j, out, TL_STR("unanswered message"), j->unanswered.number,
                   j->unanswered.time);
    for (size_t i = 0; i < out->conversations_count; i++)
        if (out->conversations[i].open && out->conversations[i].unanswered == 0) {
            add_reason(j, out, TL_STR("open conversation"), 0, out->conversations[i].last_time);
            break;
        }
}

int
fill_reasons(struct joining *j, struct tl_context *out)
{
    out->reasons = arena_alloc(j->arena, REASONS_SHOWN_MAX * sizeof(out->reasons[0]));
    if (out->reasons == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < out->commitments_count; i++)
        if (str_is(out->commitments[i].state, "overdue"))
            add_reason(j, out, TL_STR("promised and not kept"), 0, out->commitments[i].due);
    add_complaints(j, out);
    add_conversations(j, out);
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
