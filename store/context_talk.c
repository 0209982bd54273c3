/* What he and we said to each other: conversations, and the relationship as a whole. */

#include "proto/code.h"
#include "proto/str.h"
#include "store/context.h"
#include "store/conversation.h"

#define CONVERSATIONS_SHOWN_MAX 4

/* Of those in which he waits the one heard of last. */
static void
note_unanswered(struct joining *j, const struct conversation_listed *one)
{
    if (one->shown.unanswered > j->unanswered.time)
        j->unanswered = (struct card_event){one->shown.unanswered, one->last_word};
}

int
fill_conversations(struct joining *j, struct tl_context *out)
{
    const struct conversation_query query = {j->st->views, j->conversing, j->conversing_count,
                                             j->q->now, j->arena};
    struct conversation_listed *listed;
    size_t count, shown;
    int err;

    if (j->conversing_count == 0)
        return 0;
    err = conversation_list(&query, &listed, &count, &j->relationship.sums);
    if (err != 0)
        return err;
    shown = count < CONVERSATIONS_SHOWN_MAX ? count : CONVERSATIONS_SHOWN_MAX;
    out->conversations = arena_alloc(j->arena, (shown + 1) * sizeof(out->conversations[0]));
    if (out->conversations == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < count; i++)
        note_unanswered(j, &listed[i]);
    for (size_t i = 0; i < shown; i++)
        out->conversations[out->conversations_count++] = listed[i].shown;
    return 0;
}

int
fill_relationship(struct joining *j, struct tl_context *out)
{
    if (!(j->has & (CARD_RELATIONSHIP | CARD_COMMITMENTS)))
        return 0;
    out->relationship = relationship_answer(&j->relationship, j->arena);
    return out->relationship != NULL ? 0 : TL_TOO_MANY;
}
