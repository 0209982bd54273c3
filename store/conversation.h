/* conversation.h -- one conversation across channels: when he spoke, when we did,
 * and whether anybody is waited for. */

#ifndef STORE_CONVERSATION_H
#define STORE_CONVERSATION_H

#include "base/arena.h"
#include "proto/answer.h"
#include "store/card.h"
#include "store/frame.h"
#include "store/relationship.h"
#include "store/spoken.h"
#include "store/views.h"

#define CONVERSATIONS_LISTED_MAX 8      /* of one profile: unanswered, open, closed, each */
#define CONVERSATION_CHANNELS_MAX 8     /* the first by name */
#define CONVERSATION_WORDS_MAX 16       /* our first, looked through for the first answer */
#define CONVERSATION_CALLS_MAX 16       /* counted of one conversation */
#define CONVERSATION_TITLE_BYTES_MAX 100
#define CONVERSATION_SILENT_DAYS 30     /* after so long it is over, unless he waits */

/* Folds what an event that names a conversation says of it.  Returns 0 or
 * TL_EDAMAGED. */
int conversation_fold(struct views *v, uint64_t profile, struct card *c, const struct frame *f,
                      const struct tl_event *ev, const struct spoken *said);

struct conversation_query {
    struct views *views;
    const uint64_t *profiles;           /* those that have any */
    size_t profiles_count;
    int64_t now;
    struct arena *arena;
};

struct conversation_listed {
    struct tl_conversation shown;
    uint64_t last_word;                 /* number of his last */
};

/* A customer's: those in which he waits for us first, then what is open, then what
 * is over, each the latest first; of a profile the first CONVERSATIONS_LISTED_MAX of
 * each.  `joined` moves by what those told of in several profiles come to together.
 * Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int conversation_list(const struct conversation_query *q, struct conversation_listed **out,
                      size_t *count, struct relationship_sums *joined);

#endif
