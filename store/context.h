/* context.h -- the inside of an answer, for the files that put it together. */

#ifndef STORE_CONTEXT_H
#define STORE_CONTEXT_H

#include "base/finder.h"
#include "store/card.h"
#include "store/offer.h"
#include "store/relatives.h"
#include "store/state.h"

#define REASONS_SHOWN_MAX 5
#define LONGEST_COUNT 100       /* more is said as `100+` */
#define OFFERS_LOOKED_AT 24     /* at least so many of the best, for conflicts between them */

/* A customer while the answer is put together. */
struct joining {
    struct store *st;
    const struct store_question *q;
    struct arena *arena;
    uint64_t depends;

    size_t profiles_count;
    struct card_identifier *identifiers;
    size_t identifiers_count;
    struct finder identifiers_known;
    struct card_value *values;
    size_t values_count;
    struct card_sale last_sale;
    size_t sources_count;
    size_t conflicts_count;
    size_t recent_count;
    size_t offer_sources_count;
    size_t conversing_count;
    struct relationship relationship;
    struct card_event unanswered;       /* his last message that nobody answered; number 0: none */
    uint64_t events;
    uint64_t has;
    struct relatives *relatives;    /* NULL: he is in no household */

    /* Of these, what the counts exclude is not set. */
    uint64_t profiles[STORE_PROFILES_MAX];
    struct card_source sources[STORE_PROFILES_MAX * 2];
    struct card_conflict conflicts[CARD_CONFLICTS_MAX];
    struct card_recent recent[CARD_RECENT_MAX + 1];
    struct offer_source offer_sources[STORE_PROFILES_MAX];
    uint64_t conversing[STORE_PROFILES_MAX];    /* profiles that have conversations */
};

/* context_join.c: the cards of a customer's profiles as one.  All that they return
 * borrows from the arena.  0, TL_NOT_FOUND, TL_TOO_MANY (arena), TL_EDAMAGED. */
int begin_joining(struct joining *j, struct store *st, const struct store_question *q,
                  struct arena *arena, uint64_t *candidates, size_t *candidates_count);
int join_customer(struct joining *j, struct store *st, const struct store_question *q,
                  struct arena *arena, uint64_t profile);
int load_card(struct joining *j, uint64_t profile, struct card *c);
int compare_identifiers(const void *a, const void *b);      /* strongest first */

struct tl_str position_text(const struct joining *j, uint64_t number);
struct tl_str standing_text(const struct joining *j);       /* the position the answer is of */
struct tl_str more_text(const struct joining *j, uint64_t more);
struct tl_str name_of(const struct store_identifier *id, struct arena *arena);

/* This section is not filled, and named. */
int context_omit(struct tl_context *out, struct tl_str section, struct arena *arena);

/* context_who.c */
int fill_who(struct joining *j, const uint64_t *candidates, size_t candidates_count,
             struct tl_context *out);

/* context_sections.c: each bounded by a count */
int fill_commitments(struct joining *j, struct tl_context *out);
int fill_consents(struct joining *j, struct tl_context *out);
int fill_may_contact(struct joining *j, struct tl_context *out);
int fill_feedback(struct joining *j, struct tl_context *out);
int fill_conversations(struct joining *j, struct tl_context *out);
int fill_relationship(struct joining *j, struct tl_context *out);   /* after the three before */
int fill_value(struct joining *j, struct tl_context *out);
int fill_freshness(struct joining *j, struct tl_context *out);

/* context_household.c: find_relatives first; the section takes some of the room */
int find_relatives(struct joining *j);
int fill_household(struct joining *j, struct tl_context *out, size_t *room);

/* context_lists.c: these take what room is left */
size_t offer_bytes(const struct tl_offer *o);
int fill_offers(struct joining *j, struct tl_context *out, size_t *room);
int fill_recent(struct joining *j, struct tl_context *out, size_t room);

/* context_reasons.c: from the sections above */
int fill_reasons(struct joining *j, struct tl_context *out);

#endif
