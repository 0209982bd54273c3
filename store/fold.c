#include "store/fold.h"

#include <string.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/position.h"
#include "proto/str.h"
#include "store/attribute.h"
#include "store/binding.h"
#include "store/campaign.h"
#include "store/card.h"
#include "store/catalogue.h"
#include "store/commitment.h"
#include "store/company.h"
#include "store/consent.h"
#include "store/contact.h"
#include "store/conversation.h"
#include "store/feedback.h"
#include "store/household.h"
#include "store/key.h"
#include "store/link.h"
#include "store/offer.h"
#include "store/sequence.h"
#include "store/summary.h"
#include "store/timeline.h"

#define ARENA_BYTES (1u << 20)  /* what one event may make us hold while folding */

int
fold_init(struct fold *fold, struct views *v)
{
    int err;

    memset(fold, 0, sizeof(*fold));
    fold->views = v;
    arena_init(&fold->arena, ARENA_BYTES);
    arena_init(&fold->scratch, ARENA_BYTES);
    err = counters_load(&fold->counters, v);
    fold->next_profile = counter_get(&fold->counters, COUNTER_TOTAL, COUNTER_NEXT_PROFILE);
    if (fold->next_profile == 0)
        fold->next_profile = 1;
    return err;
}

void
fold_fini(struct fold *fold)
{
    counters_fini(&fold->counters);
    arena_fini(&fold->arena);
    arena_fini(&fold->scratch);
    buf_free(&fold->bytes);
    buf_free(&fold->body);
}

void
fold_store(struct fold *fold)
{
    counter_set(&fold->counters, COUNTER_TOTAL, COUNTER_NEXT_PROFILE, fold->next_profile);
    counters_store(&fold->counters, fold->views);
}

/* ---------------------------------------------------- the profile's records */

static int
load_card(struct fold *fold, uint64_t profile, struct card *c)
{
    struct tl_str bytes;
    struct key k;
    bool lasts;

    key_profile(&k, profile, KEY_CARD);
    if (!views_get_lasting(fold->views, k.bytes, k.len, &bytes, &lasts)) {
        card_clear(c);
        return 0;
    }
    /* The card borrows; puts of other records must not move its text. */
    if (!lasts)
        bytes.ptr = arena_copy(&fold->arena, bytes.ptr, bytes.len);
    return bytes.ptr == NULL ? TL_TOO_MANY : card_read_closed(c, bytes);
}

static void
store_card(struct fold *fold, uint64_t profile, const struct card *c)
{
    struct key k;

    buf_clear(&fold->bytes);
    card_write(c, &fold->bytes);
    key_profile(&k, profile, KEY_CARD);
    views_put(fold->views, k.bytes, k.len, fold->bytes.ptr, fold->bytes.len);
}

/* Who speaks about identifiers has not seen the customer: it says nothing of one
 * that is known. */
static bool
is_only_named(const struct frame *f, unsigned action)
{
    return valid_is_link(f->type) && (action == FRAME_KEEP || action == FRAME_ELSEWHERE);
}

static void
fold_identifiers(struct card *c, const struct frame *f)
{
    struct frame_identifier id;
    bool login = false;
    size_t at = 0;

    while (!valid_is_link(f->type) && frame_next_identifier(f, &at, &id))
        login = login || id.action & FRAME_STRONG;
    at = 0;
    while (frame_next_identifier(f, &at, &id)) {
        unsigned action = id.action & FRAME_ACTION_MASK;
        unsigned kind = (id.action & FRAME_STRONG ? CARD_STRONG : 0u) |
                        (id.action & FRAME_SINGLE ? CARD_SINGLE : 0u) |
                        (action == FRAME_ELSEWHERE ? CARD_ELSEWHERE : 0u);

        if (!is_only_named(f, action))
            card_identifier_seen(c, id.type, id.value, kind, f->time, login);
    }
}

/* Every event that changes anything of a profile is in its timeline, so that what
 * was known of it once can be found out again (as_of.c). */
static int
fold_tail(struct fold *fold, const struct frame *f, uint64_t profile, struct card *c)
{
    uint64_t number = f->number | (f->flags & FRAME_HIDDEN ? CARD_HIDDEN : 0) |
                      (f->profile != profile ? CARD_OTHERS : 0);
    int err = 0;

    if (!card_tail_add(c, f->time, number)) {
        card_open(c);
        err = timeline_spill(fold->views, profile, c);
        if (err == 0)
            card_tail_add(c, f->time, number);
    }
    return err;
}

static void
fold_recent(struct fold *fold, const struct frame *f, const struct tl_event *ev, struct card *c)
{
    struct card_event_text text = {.unverified = f->flags & FRAME_UNVERIFIED,
                                   .superseded = fold->subject.superseded,
                                   .type = f->type,
                                   .channel = f->channel};
    unsigned char *summary;

    c->events += !fold->subject.superseded;
    card_source_seen(c, ev->source, f->time);
    if (!card_has_room_for(c, f->time, f->number))
        return;
    buf_clear(&fold->body);
    summary_of(ev, &fold->body);
    text.summary.len = fold->body.len;
    summary = arena_copy(&fold->arena, fold->body.ptr, fold->body.len);
    must(summary != NULL);
    text.summary.ptr = (const char *)summary;
    buf_clear(&fold->body);
    card_recent_body(&fold->body, &text);
    card_recent(c, &(struct card_recent){
                       f->time, f->number, {(const char *)fold->body.ptr, fold->body.len}});
}

static void
fold_sale(struct fold *fold, const struct frame *f, const struct tl_event *ev, struct card *c)
{
    const struct card_sale sale = {f->time, f->number, ev->sale->total_minor, ev->sale->currency};
    bool returned = str_is(f->type, "sale.returned");

    card_sold(c, ev->sale, returned);
    if (returned)
        return;
    if (fold->subject.name == 0) {
        card_last_sale(c, &sale);
    } else {
        c->has |= CARD_SUBJECTS;
        subject_sale_put(fold->views, f->profile, &sale);
    }
}

/* What adds up: of a subject that has revisions, only for the one that counts. */
static int
fold_sums(struct fold *fold, const struct frame *f, const struct tl_event *ev, struct card *c)
{
    int err = 0;

    if (ev->sale != NULL && subject_is_sale(f->type))
        fold_sale(fold, f, ev, c);
    for (size_t i = 0; i < ev->offers_count && err == 0; i++) {
        arena_reset(&fold->scratch);
        err = offer_fold(fold, f, c, ev, &ev->offers[i]);
    }
    return err;
}

/* Takes back what a lower revision of the event's subject added to the profile. */
static int
unfold_sums(struct fold *fold, struct card *c)
{
    const struct subject_counted *was = &fold->subject.replaced;
    int err = card_recent_supersede(c, was->number, &fold->arena);

    c->events--;
    if (was->sale != 0)
        card_unsold(c, was->currency, was->minor, was->sale == 'r');
    if (was->sale == 's')
        subject_sale_delete(fold->views, was->profile, was->time, was->number);
    for (size_t i = 0; i < was->touches_count && err == 0; i++) {
        arena_reset(&fold->scratch);
        err = offer_unfold(fold, was->profile, c, was->touches[i].offer, fold->subject.name);
    }
    return err;
}

static int
fold_facets(struct fold *fold, const struct frame *f, const struct tl_event *ev, struct card *c)
{
    int err = fold->subject.superseded ? 0 : fold_sums(fold, f, ev, c);

    for (size_t i = 0; i < ev->consents_count && err == 0; i++)
        err = consent_fold(fold->views, f->profile, c, f, &ev->consents[i]);
    for (size_t i = 0; i < ev->commitments_count && err == 0; i++)
        err = commitment_fold(fold->views, f->profile, c, ev, f, &ev->commitments[i]);
    if (ev->feedback != NULL && err == 0)
        err = feedback_fold(fold->views, f->profile, c, f, ev);
    if (ev->household != NULL && err == 0)
        err = household_fold(fold->views, c, f, ev);
    if (str_is(f->type, "customer.attributes_set"))
        for (size_t i = 0; i < ev->attributes_count && err == 0; i++)
            err = attribute_fold(fold->views, f->profile, c, &ev->attributes[i], f->time,
                                 f->number);
    return err;
}

/* ------------------------------------------------ what the bus itself says */

/* Profiles as events of the bus name them, in digits. */
static uint64_t
profile_number(struct tl_str text)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.len; i++)
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    return number;
}

/* The event that showed it. */
static uint64_t
cause_of(const struct frame *f, const struct tl_event *ev)
{
    struct position cause;

    return position_parse(&cause, ev->causation_id) == 0 ? cause.number : f->number;
}

/* A side's card, which depends on this event from now on. */
static int
fold_side(struct fold *fold, const struct frame *f, uint64_t profile, struct card *c)
{
    int err = load_card(fold, profile, c);

    if (err != 0 || c->folded >= f->number)
        return err;
    c->folded = f->number;
    return fold_tail(fold, f, profile, c);
}

static int
fold_conflict(struct fold *fold, const struct frame *f, const struct tl_event *ev)
{
    const struct tl_identity_link *link = ev->link;
    uint64_t sides[2] = {profile_number(link->profile_a), profile_number(link->profile_b)};
    struct card_conflict conflict = {link->a->type, link->a->value, link->b->value,
                                     cause_of(f, ev), f->time};
    int err = 0;

    for (int i = 0; i < 2 && err == 0; i++) {
        struct card c;

        err = fold_side(fold, f, sides[i], &c);
        if (err == 0) {
            card_conflict(&c, &conflict);
            store_card(fold, sides[i], &c);
        }
    }
    return err;
}

static int
fold_link(struct fold *fold, const struct frame *f, const struct tl_identity_link *link)
{
    uint64_t sides[2] = {profile_number(link->profile_a), profile_number(link->profile_b)};
    struct link known = {.other = sides[1],
                         .said = f->flags & FRAME_SAID,
                         .joined = str_is(f->type, "identity.linked"),
                         .time = f->time,
                         .number = f->number};
    int err = link_apply(fold->views, sides[0], &known);

    for (int i = 0; i < 2 && err == 0; i++) {
        struct card c;

        err = fold_side(fold, f, sides[i], &c);
        if (err == 0)
            store_card(fold, sides[i], &c);
    }
    return err;
}

static int
fold_identity(struct fold *fold, const struct frame *f, const struct tl_event *ev)
{
    const struct tl_identity_link *link = ev->link;

    if (!(f->flags & FRAME_BUS) || link == NULL || link->a == NULL || link->b == NULL)
        return 0;
    if (valid_is_link(f->type))
        return fold_link(fold, f, link);
    if (str_is(f->type, "identity.conflict"))
        return fold_conflict(fold, f, ev);
    return 0;
}

static bool
is_announcement(const struct frame *f)
{
    return f->flags & FRAME_BUS &&
           (str_is(f->type, COMMITMENT_DUE) || str_is(f->type, COMMITMENT_OVERDUE));
}

static int
fold_announcement(struct fold *fold, const struct frame *f, const struct tl_event *ev,
                  struct card *c)
{
    int err = 0;

    for (size_t i = 0; i < ev->commitments_count && err == 0; i++)
        err = commitment_announced(fold->views, c, f, &ev->commitments[i]);
    return err;
}

static int
index_commitments(struct fold *fold, const struct frame *f, const struct tl_event *ev)
{
    int err = 0;

    for (size_t i = 0; i < ev->commitments_count && err == 0; i++)
        err = commitment_index(fold->views, &fold->due, f->profile, ev->commitments[i].id);
    return err;
}

/* ------------------------------------------------------- between him and us */

static bool
may_move(const struct tl_event *ev, const struct spoken *said)
{
    return said->conversation.len > 0 || ev->feedback != NULL || ev->commitments_count > 0;
}

static int
fold_spoken(struct fold *fold, const struct frame *f, const struct tl_event *ev,
            const struct spoken *said, struct card *c)
{
    if (said->conversation.len == 0)
        return 0;
    return conversation_fold(fold->views, f->profile, c, f, ev, said);
}

static int
fold_relationship(struct fold *fold, const struct spoken *said, struct card *c)
{
    if (said->word == SPOKEN_NO_WORD && !c->has_moved)
        return 0;
    c->has |= CARD_RELATIONSHIP;
    return relationship_change(&c->relationship, said, c->has_moved ? &c->moved : NULL,
                               &fold->arena);
}

/* --------------------------------------------------------------- one event */

static int
fold_profile(struct fold *fold, const struct frame *f, const struct tl_event *ev,
             const struct spoken *said, bool is_new)
{
    struct card c;
    int err = 0;

    card_clear(&c);
    if (!is_new)
        err = load_card(fold, f->profile, &c);
    if (err != 0)
        return err;
    if (c.folded >= f->number)
        return may_move(ev, said) ? company_moved(&fold->counters, fold->views, f->profile,
                                                  c.relationship)
                                  : 0;
    if (fold->subject.replaced.number != 0 && fold->subject.replaced.profile == f->profile &&
        (err = unfold_sums(fold, &c)) != 0)
        return err;
    fold_identifiers(&c, f);
    if ((err = fold_tail(fold, f, f->profile, &c)) != 0)
        return err;
    if (is_announcement(f)) {
        err = fold_announcement(fold, f, ev, &c);
    } else if (!(f->flags & FRAME_HIDDEN)) {
        fold_recent(fold, f, ev, &c);
        err = fold_facets(fold, f, ev, &c);
        if (err == 0)
            err = fold_spoken(fold, f, ev, said, &c);
    }
    if (err == 0)
        err = contact_fold(fold, &c, f, ev);
    if (err == 0)
        err = fold_relationship(fold, said, &c);
    /* Before the card is stored: what it borrows may be of the card that is replaced. */
    if (err == 0 && may_move(ev, said))
        err = company_moved(&fold->counters, fold->views, f->profile, c.relationship);
    c.folded = f->number;
    store_card(fold, f->profile, &c);
    return err;
}

/* A lower revision was somebody else's: it was not yet said whose the order is. */
static int
unfold_elsewhere(struct fold *fold, const struct frame *f)
{
    uint64_t profile = fold->subject.replaced.profile;
    struct card c;
    int err;

    if (profile == 0 || profile == f->profile)
        return 0;
    if ((err = load_card(fold, profile, &c)) != 0 || c.folded >= f->number)
        return err;
    if ((err = unfold_sums(fold, &c)) != 0)
        return err;
    c.folded = f->number;
    if ((err = fold_tail(fold, f, profile, &c)) != 0)
        return err;
    store_card(fold, profile, &c);
    return 0;
}

/* Whose event counts, of those of its subject, and what is counted over everybody. */
static int
fold_everybody(struct fold *fold, const struct frame *f, const struct tl_event *ev)
{
    struct subject *s = &fold->subject;
    int err = subject_fold(fold->views, &fold->counters, f, ev, s, &fold->arena);

    if (err == 0)
        err = sequence_fold(fold->views, &fold->counters, ev, f->number);
    if (err == 0 && str_is(f->type, "offer.defined"))
        err = catalogue_fold(fold->views, &fold->counters, f, ev, &fold->scratch);
    if (err == 0 && s->replaced.number != 0 &&
        (err = campaign_unfold(fold->views, &fold->counters, &s->replaced)) == 0)
        err = unfold_elsewhere(fold, f);
    if (err == 0 && !s->superseded)
        err = campaign_fold(fold->views, &fold->counters, ev, f->time);
    return err;
}

static void
count(struct fold *fold, const struct frame *f, const struct tl_event *ev)
{
    struct counters *c = &fold->counters;

    counter_add(c, COUNTER_TOTAL, TL_STR(COUNTER_EVENTS), 1);
    counter_add(c, COUNTER_CHANNEL, f->channel, 1);
    counter_add(c, COUNTER_TYPE, f->type, 1);
    counter_add(c, COUNTER_SOURCE, ev->source, 1);
    if (f->profile >= fold->next_profile) {
        counter_add(c, COUNTER_TOTAL, TL_STR(COUNTER_PROFILES), 1);
        counter_add(c, COUNTER_TOTAL, TL_STR(COUNTER_CUSTOMERS), 1);
        fold->next_profile = f->profile + 1;
    }
    if (f->flags & FRAME_MOVES)
        counter_add(c, COUNTER_TOTAL, TL_STR(COUNTER_CUSTOMERS),
                    str_is(f->type, "identity.linked") ? -1 : 1);
}

int
fold_event(struct fold *fold, const struct frame *f, const struct tl_event *ev)
{
    /* It has no card then: none is looked for. */
    bool is_new = f->profile >= fold->next_profile && f->number > fold->ahead;
    struct spoken said = spoken_of(f, ev);
    int err;

    arena_reset(&fold->arena);
    count(fold, f, ev);
    if (f->profile != 0)
        company_said(&fold->counters, &said);
    err = fold_everybody(fold, f, ev);
    if (err != 0 || f->profile == 0)
        return err;
    if ((err = binding_apply(fold->views, f)) != 0)
        return err;
    if ((err = fold_profile(fold, f, ev, &said, is_new)) != 0 ||
        (err = index_commitments(fold, f, ev)) != 0 ||
        (ev->household != NULL && (err = household_index(fold->views, f, ev)) != 0))
        return err;
    return fold_identity(fold, f, ev);
}
