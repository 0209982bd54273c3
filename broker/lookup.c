#include "broker/lookup.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/position.h"
#include "proto/str.h"

#define CONTEXT_BYTES_DEFAULT 4096
#define CONTEXT_BYTES_MAX (256u << 10)
#define OFFERS_DEFAULT 100
#define OFFERS_MAX_ASKED 1000
#define TIMELINE_MAX 1000
#define TIMELINE_BYTES_MAX (1u << 20)   /* of events; the rest is `more` */

/* ------------------------------------------------------------------ context */

#define SECTION(name) \
    {#name, offsetof(struct tl_context, name), sizeof ((struct tl_context *)0)->name}
#define COUNT(name) {NULL, offsetof(struct tl_context, name), sizeof ((struct tl_context *)0)->name}

/* What may be asked for; a field without a name goes with the one before it. */
static const struct {
    const char *name;
    size_t offset;
    size_t size;
} sections[] = {
    SECTION(who),
    SECTION(reasons), COUNT(reasons_count),
    SECTION(offers), COUNT(offers_count), COUNT(offers_more),
    SECTION(commitments), COUNT(commitments_count), COUNT(commitments_more),
    SECTION(may_contact), COUNT(may_contact_count),
    SECTION(consents), COUNT(consents_count),
    SECTION(feedback), COUNT(feedback_count),
    SECTION(conversations), COUNT(conversations_count),
    SECTION(relationship),
    SECTION(value),
    SECTION(household), COUNT(household_count),
    SECTION(recent), COUNT(recent_count), COUNT(recent_more),
    SECTION(freshness), COUNT(freshness_count),
};

#define SECTIONS (sizeof sections / sizeof sections[0])

static bool
one_of(struct tl_str name, const struct tl_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, names[i]))
            return true;
    return false;
}

bool
lookup_is_section(struct tl_str name)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (sections[i].name != NULL && str_is(name, sections[i].name))
            return true;
    return false;
}

static void
keep_sections(struct tl_context *context, const struct wire_context_query *query)
{
    bool wanted = true;

    if (query->sections_count == 0)
        return;
    for (size_t i = 0; i < SECTIONS; i++) {
        const char *name = sections[i].name;

        if (name != NULL)
            wanted = one_of((struct tl_str){name, strlen(name)}, query->sections,
                            query->sections_count);
        if (!wanted)
            memset((char *)context + sections[i].offset, 0, sections[i].size);
    }
}

static size_t
context_bytes(const struct wire_context_query *query)
{
    if (query->bytes_max == 0)
        return CONTEXT_BYTES_DEFAULT;
    return query->bytes_max < CONTEXT_BYTES_MAX ? query->bytes_max : CONTEXT_BYTES_MAX;
}

static int
look_up_context(struct lookup *l, struct store *st)
{
    const struct wire_context_query *query = l->request->context;
    int err = store_context(st, &l->question, context_bytes(query), &l->context, l->arena,
                            &l->depends);

    keep_sections(&l->context, query);
    l->reply = (struct wire_reply){.context = &l->context};
    return err;
}

/* ------------------------------------------------------------------- offers */

size_t
lookup_offers_limit(const struct wire_offers_query *query)
{
    if (query->limit == 0)
        return OFFERS_DEFAULT;
    return query->limit < OFFERS_MAX_ASKED ? query->limit : OFFERS_MAX_ASKED;
}

static int
look_up_offers(struct lookup *l, struct store *st)
{
    l->reply = (struct wire_reply){.offers = &l->offers};
    return store_offers(st, &l->question, lookup_offers_limit(l->request->offers), &l->offers,
                        l->arena, &l->depends);
}

/* ----------------------------------------------------------------- timeline */

static struct tl_str
arena_text(struct arena *arena, const char *text)
{
    size_t len = strlen(text);

    return (struct tl_str){arena_copy(arena, text, len), len};
}

/* The event as the producer sent it, with what the bus knows of it. */
static int
event_of(struct lookup *l, struct store *st, const struct frame *f, struct tl_event *ev)
{
    char text[POSITION_BYTES + 1];
    int err;

    if ((f->flags & FRAME_ERASED) != 0)
        *ev = (struct tl_event){.type = f->type, .channel = f->channel, .time = f->time};
    else if ((err = codec_decode(CODEC_EVENT, ev, f->payload, l->arena)) != 0)
        return err == TL_TOO_MANY ? err : TL_EDAMAGED;
    if ((err = store_is_superseded(st, ev, f->number, &ev->superseded)) != 0)
        return err;
    ev->received_time = f->received;
    position_format(text, (struct position){store_log_id(st), f->number});
    ev->position = arena_text(l->arena, text);
    if (f->profile != 0) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)f->profile);
        ev->profile = arena_text(l->arena, text);
    }
    return ev->position.ptr == NULL || (f->profile != 0 && ev->profile.ptr == NULL) ? TL_TOO_MANY
                                                                                   : 0;
}

/* As many as an answer may hold. */
static int
fill_timeline(struct lookup *l, struct store *st, const struct frame *frames, size_t count,
              uint64_t *next)
{
    struct tl_timeline *out = &l->timeline;
    size_t bytes = 0;
    int err;

    if ((out->events = arena_alloc(l->arena, count * sizeof out->events[0])) == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < count; i++) {
        bytes += frames[i].payload.len;
        if (i > 0 && bytes > TIMELINE_BYTES_MAX) {
            *next = frames[i - 1].number;
            return 0;
        }
        if ((err = event_of(l, st, &frames[i], &out->events[i])) != 0)
            return err;
        out->events_count++;
    }
    return 0;
}

static int
fill_positions(struct lookup *l, struct store *st, uint64_t next)
{
    uint64_t number = l->depends > store_head(st) ? l->depends : store_head(st);
    char text[POSITION_BYTES + 1];

    if (number < l->question.at_least)
        number = l->question.at_least;
    position_format(text, (struct position){store_log_id(st), number});
    l->timeline.position = arena_text(l->arena, text);
    if (l->timeline.position.ptr == NULL || next == 0)
        return l->timeline.position.ptr != NULL ? 0 : TL_TOO_MANY;
    l->timeline.more = true;
    position_format(text, (struct position){store_log_id(st), next});
    l->timeline.next = arena_text(l->arena, text);
    return l->timeline.next.ptr != NULL ? 0 : TL_TOO_MANY;
}

static size_t
timeline_limit(const struct wire_timeline_query *query)
{
    if (query->limit == 0)
        return TIMELINE_DEFAULT;
    return query->limit < TIMELINE_MAX ? query->limit : TIMELINE_MAX;
}

static int
look_up_timeline(struct lookup *l, struct store *st)
{
    const struct wire_timeline_query *query = l->request->timeline;
    struct store_timeline_filter filter = {
        .limit = timeline_limit(query),
        .before = query->before,
        .types = query->types,
        .types_count = query->types_count,
        .channels = query->channels,
        .channels_count = query->channels_count,
    };
    struct frame *frames = calloc(filter.limit, sizeof *frames);
    struct position cursor;
    uint64_t next = 0;
    size_t count = 0;
    int err;

    must(frames != NULL);
    l->reply = (struct wire_reply){.timeline = &l->timeline};
    l->timeline.customer = query->customer;
    if (query->cursor.len > 0) {
        must(position_parse(&cursor, query->cursor) == 0);
        filter.cursor = cursor.number;
    }
    err = store_timeline(st, &l->question, &filter, frames, &count, &next, &l->depends);
    if (err == 0)
        err = fill_timeline(l, st, frames, count, &next);
    free(frames);
    if (err == 0)
        err = fill_positions(l, st, next);
    return err;
}

/* ---------------------------------------------------------------- whichever */

int
lookup_run(struct lookup *l, struct store *st)
{
    if (l->request->context != NULL)
        return look_up_context(l, st);
    if (l->request->offers != NULL)
        return look_up_offers(l, st);
    return look_up_timeline(l, st);
}
