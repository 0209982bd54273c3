/* Questions about events: whose, in which order, and how many. */

#include <stdlib.h>

#include "base/must.h"
#include "base/sort.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/campaign.h"
#include "store/catalogue.h"
#include "store/company.h"
#include "store/identity.h"
#include "store/key.h"
#include "store/state.h"
#include "store/subject.h"
#include "store/timeline.h"

int
store_profiles(struct store *st, const struct store_identifier *customer, uint64_t *profiles,
               size_t *count)
{
    uint64_t candidates[IDENTITY_HOLDERS_MAX], profile;
    size_t candidates_count;
    int err = identity_find(st->views, customer, &profile, candidates, &candidates_count);

    *count = 0;
    if (err == 0 && profile != 0)
        err = identity_customer(st->views, profile, profiles, count);
    return store_sound(st, err);
}

int
store_read(struct store *st, uint64_t number, struct frame *f, char why[STORE_WHY_BYTES])
{
    return log_read(st->log, number, f, why);
}

int
store_read_header(struct store *st, uint64_t number, struct frame *f, char why[STORE_WHY_BYTES])
{
    return log_read_header(st->log, number, f, why);
}

uint64_t
store_number_at(struct store *st, int64_t received)
{
    return log_number_at(st->log, received);
}

uint64_t
store_number_by(struct store *st, int64_t received)
{
    return received == INT64_MAX ? log_head(st->log) : log_number_at(st->log, received + 1) - 1;
}

/* --------------------------------------------------------------- timeline */

#define CHUNKS_A_TURN 1024      /* so that what is too many is let go of soon */

/* One profile's events on the way to being merged. */
struct lane {
    struct card card;
    struct timeline timeline;
    struct card_event next;
    bool has_next;
};

static int
open_lane(struct store *st, uint64_t profile, const struct card_event *before,
          struct lane *lane, struct arena *arena)
{
    struct tl_str bytes;
    struct key k;

    lane->has_next = false;
    lane->timeline.walking = false;
    lane->timeline.error = 0;
    key_profile(&k, profile, KEY_CARD);
    if (!views_get(st->views, k.bytes, k.len, &bytes)) {
        card_clear(&lane->card);
        return 0;
    }
    bytes.ptr = arena_copy(arena, bytes.ptr, bytes.len);
    if (bytes.ptr == NULL)
        return TL_TOO_MANY;
    if (card_read(&lane->card, bytes) != 0)
        return TL_EDAMAGED;
    timeline_open(&lane->timeline, st->views, profile, &lane->card, before);
    lane->has_next = timeline_next(&lane->timeline, &lane->next);
    return lane->timeline.error;
}

static struct lane *
newest(struct lane *lanes, size_t count)
{
    struct lane *best = NULL;

    for (size_t i = 0; i < count; i++) {
        struct lane *lane = &lanes[i];

        if (!lane->has_next)
            continue;
        if (best == NULL || lane->next.time > best->next.time ||
            (lane->next.time == best->next.time && lane->next.number > best->next.number))
            best = lane;
    }
    return best;
}

static bool
matches_any(struct tl_str text, const struct tl_str *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_matches(text, patterns[i]))
            return true;
    return count == 0;
}

static bool
passes(const struct frame *f, const struct store_timeline_filter *filter)
{
    return matches_any(f->type, filter->types, filter->types_count) &&
           matches_any(f->channel, filter->channels, filter->channels_count);
}

/* `*next`: the last one looked at, as long as there was room for it; 0 at the end. */
static int
merge_lanes(struct store *st, struct lane *lanes, size_t lanes_count,
            const struct store_timeline_filter *filter, struct frame *frames, size_t *count,
            uint64_t *next)
{
    size_t looked = 0;
    struct lane *lane;
    int err = 0;

    while (err == 0 && (lane = newest(lanes, lanes_count)) != NULL) {
        uint64_t number = lane->next.number;
        struct frame f;

        if (looked++ == STORE_TIMELINE_LOOKED_MAX)
            return 0;
        lane->has_next = timeline_next(&lane->timeline, &lane->next);
        if ((err = lane->timeline.error) != 0)
            break;
        if (*count < filter->limit)
            *next = number & CARD_NUMBER;
        if (number & (CARD_HIDDEN | CARD_OTHERS))
            continue;
        if ((err = store_find_frame(st, number, &f)) != 0 || !passes(&f, filter))
            continue;
        if (*count == filter->limit)
            return 0;
        frames[(*count)++] = f;
    }
    *next = 0;
    return err;
}

/* In the order of time, what comes behind this. */
static int
find_bound(struct store *st, const struct store_timeline_filter *filter,
           struct card_event *before)
{
    struct frame f;
    int err = 0;

    *before = (struct card_event){INT64_MAX, CARD_NUMBER};
    if (filter->before != 0)
        *before = (struct card_event){filter->before, 0};
    if (filter->cursor != 0 && (err = store_find_frame(st, filter->cursor, &f)) == 0)
        *before = (struct card_event){f.time, f.number};
    return err;
}

int
store_timeline(struct store *st, const struct store_question *q,
               const struct store_timeline_filter *filter, struct frame *frames,
               size_t *frames_count, uint64_t *next, uint64_t *depends)
{
    uint64_t profiles[STORE_PROFILES_MAX];
    size_t count, opened = 0;
    struct card_event before;
    struct arena arena;
    struct lane *lanes;
    int err = store_profiles(st, &q->customer, profiles, &count);

    *frames_count = 0;
    *next = 0;
    *depends = 0;
    if (err != 0 || (err = find_bound(st, filter, &before)) != 0)
        return store_sound(st, err);
    lanes = malloc((count + 1) * sizeof(*lanes));
    must(lanes != NULL);
    arena_init(&arena, 4u << 20);
    for (; opened < count && err == 0; opened++) {
        err = open_lane(st, profiles[opened], &before, &lanes[opened], &arena);
        if (err == 0 && lanes[opened].card.folded > *depends)
            *depends = lanes[opened].card.folded;
    }
    if (err == 0)
        err = merge_lanes(st, lanes, opened, filter, frames, frames_count, next);
    for (size_t i = 0; i < opened; i++)
        timeline_close(&lanes[i].timeline);
    arena_fini(&arena);
    free(lanes);
    return store_sound(st, err);
}

int
store_is_superseded(struct store *st, const struct tl_event *ev, uint64_t number,
                    bool *superseded)
{
    uint64_t counted = 0;
    int err = 0;

    if (ev->revision != 0 && ev->subject.len > 0)
        err = subject_counted(st->views, ev->source, ev->subject, &counted);
    *superseded = counted != 0 && counted != number;
    return store_sound(st, err);
}

/* Of too many numbers the smallest stay, and it is known as far as these go. */
static void
keep_smallest(struct buf *numbers, size_t max, uint64_t *to)
{
    uint64_t *items = (uint64_t *)(void *)numbers->ptr;
    size_t count = sort_numbers(items, numbers->len / sizeof(*items));

    if (count > max) {
        count = max;
        *to = items[count - 1];
    }
    numbers->len = count * sizeof(*items);
}

int
store_numbers(struct store *st, const uint64_t *profiles, size_t profiles_count, uint64_t after,
              uint64_t *to, size_t max, struct buf *numbers)
{
    int err = 0;

    buf_clear(numbers);
    for (size_t i = 0; i < profiles_count && err == 0; i++) {
        struct key from = {.len = 0};
        bool more = true;

        while (more && err == 0) {
            const struct timeline_range range = {.after = after, .to = *to};

            err = timeline_numbers(st->views, profiles[i], &range, CHUNKS_A_TURN, &from, numbers,
                                   &more);
            must(!numbers->failed);
            if (numbers->len / sizeof(uint64_t) > max)
                keep_smallest(numbers, max, to);
        }
    }
    keep_smallest(numbers, max, to);
    return store_sound(st, err);
}

/* --------------------------------------------------------------- figures */

static struct tl_str
position_text(struct store *st, uint64_t number, struct arena *arena)
{
    char text[POSITION_BYTES + 1];

    position_format(text, (struct position){store_log_id(st), number});
    return (struct tl_str){arena_copy(arena, text, POSITION_BYTES), POSITION_BYTES};
}

#define TYPES_LISTED_MAX 200

#define SOURCES_LISTED_MAX 200

/* Of sources that miss nothing nothing is said. */
static int
list_gaps(const struct counters *c, struct tl_stat *out, struct arena *arena)
{
    struct tl_count *all;
    size_t count = 0;
    int err = counters_list(c, COUNTER_GAPS, SOURCES_LISTED_MAX, &all, &count, arena);

    if (err != 0)
        return err;
    out->gaps = counters_sum(c, COUNTER_GAPS);
    while (out->gaps_by_source_count < count && all[out->gaps_by_source_count].count > 0)
        out->gaps_by_source_count++;
    out->gaps_by_source = all;
    return 0;
}

int
store_stat(struct store *st, struct tl_stat *out, struct arena *arena)
{
    const struct counters *c = &st->fold.counters;
    struct relationship everybody;
    int err;

    out->position = position_text(st, store_head(st), arena);
    out->checkpoint = position_text(st, views_checkpoint(st->views), arena);
    if (out->position.ptr == NULL || out->checkpoint.ptr == NULL)
        return TL_TOO_MANY;
    company_read(c, &everybody);
    if ((out->relationship = relationship_answer(&everybody, arena)) == NULL)
        return TL_TOO_MANY;
    out->events = counter_get(c, COUNTER_TOTAL, COUNTER_EVENTS);
    out->profiles = counter_get(c, COUNTER_TOTAL, COUNTER_PROFILES);
    out->customers = counter_get(c, COUNTER_TOTAL, COUNTER_CUSTOMERS);
    out->sources = counters_count(c, COUNTER_SOURCE);
    out->campaigns = counters_count(c, COUNTER_CAMPAIGN);
    out->log_bytes = log_bytes(st->log) + seen_bytes(st->seen);
    out->views_bytes = views_bytes(st->views);
    out->views_dirty_bytes = views_dirty_bytes(st->views);
    err = counters_list(c, COUNTER_CHANNEL, TYPES_LISTED_MAX, &out->events_by_channel,
                        &out->events_by_channel_count, arena);
    if (err == 0)
        err = counters_list(c, COUNTER_TYPE, TYPES_LISTED_MAX, &out->events_by_type,
                            &out->events_by_type_count, arena);
    out->superseded = counter_get(c, COUNTER_TOTAL, COUNTER_SUPERSEDED);
    return err == 0 ? list_gaps(c, out, arena) : err;
}

int
store_campaigns(struct store *st, struct tl_str campaign, struct tl_campaigns *out,
                struct arena *arena)
{
    *out = (struct tl_campaigns){.position = position_text(st, store_admitted(st), arena)};
    if (out->position.ptr == NULL)
        return TL_TOO_MANY;
    return store_sound(st, campaign_list(st->views, campaign, out, arena));
}

static int
answer_catalogue(struct store *st, const struct store_catalogue_question *q,
                 struct tl_offers *out, struct arena *arena, uint64_t *depends)
{
    const struct catalogue_query query = {st->views, q->offer, q->after, q->limit, q->now, arena};
    bool more;
    int err;

    *out = (struct tl_offers){.customer = TL_STR("")};
    *depends = 0;
    err = catalogue_list(&query, &out->offers, &out->offers_count, &more, depends);
    if (err != 0)
        return err;
    out->offers_more = more ? TL_STR("more") : TL_STR("");
    out->position =
        position_text(st, *depends > store_head(st) ? *depends : store_head(st), arena);
    return out->position.ptr == NULL ? TL_TOO_MANY : 0;
}

int
store_catalogue(struct store *st, const struct store_catalogue_question *q,
                struct tl_offers *out, struct arena *arena, uint64_t *depends)
{
    return store_sound(st, answer_catalogue(st, q, out, arena, depends));
}
