#include "store/feedback.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/finder.h"
#include "base/hash.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/ordered.h"
#include "store/part.h"

#define ORDER_ID_AT (KEY_PROFILE_BYTES + 1 + 8)     /* after class and time */
#define ORDER_RATING_BYTES (KEY_PROFILE_BYTES + 1)  /* the key of the last rating */

enum { KIND, TITLE, RATING, RATING_MAX, CHANNEL, PARTS };
enum { HEARD, ANSWERED, RESOLVED, WORDS };

/* Of the order records. */
enum { CLASS_OPEN_COMPLAINT, CLASS_HEARD, CLASS_UNHEARD, CLASS_LAST_RATING };

struct state {
    struct part parts[PARTS];
    struct part last[WORDS];        /* without text */
    int64_t first[WORDS];
    bool is_public;                 /* as last heard */
    bool is_part;                   /* of a conversation, which knows who spoke */
};

static void
merge_state(struct state *s, const struct state *more)
{
    for (int i = 0; i < PARTS; i++)
        part_merge(&s->parts[i], &more->parts[i]);
    if (part_supersedes(&more->last[HEARD], &s->last[HEARD]))
        s->is_public = more->is_public;
    s->is_part |= more->is_part;
    for (int i = 0; i < WORDS; i++) {
        if (more->last[i].number == 0)
            continue;
        if (s->last[i].number == 0 || more->first[i] < s->first[i])
            s->first[i] = more->first[i];
        part_merge(&s->last[i], &more->last[i]);
    }
}

static int
read_state(struct state *s, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    *s = (struct state){0};
    for (int i = 0; i < PARTS; i++)
        part_read(&s->parts[i], &r);
    for (int i = 0; i < WORDS; i++) {
        part_read(&s->last[i], &r);
        s->first[i] = record_time(&r);
    }
    s->is_public = record_byte(&r) != 0;
    s->is_part = record_byte(&r) != 0;
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
write_state(const struct state *s, struct buf *out)
{
    for (int i = 0; i < PARTS; i++)
        part_write(&s->parts[i], out);
    for (int i = 0; i < WORDS; i++) {
        part_write(&s->last[i], out);
        record_put_time(out, s->first[i]);
    }
    buf_byte(out, s->is_public);
    buf_byte(out, s->is_part);
}

/* ----------------------------------------------------------- what is said */

static struct tl_str
id_of(const struct tl_event *ev)
{
    if (ev->feedback->id.len > 0)
        return ev->feedback->id;
    return ev->subject.len > 0 ? ev->subject : ev->id;
}

static struct tl_str
kind_of(const struct tl_event *ev)
{
    static const struct tl_str kinds[] = {
        TL_STR("review"), TL_STR("rating"), TL_STR("survey"),
        TL_STR("complaint"), TL_STR("praise"), TL_STR("beacon"),
    };
    const struct tl_str prefix = TL_STR("feedback.");

    if (ev->feedback->kind.len > 0 || !str_starts(ev->type, prefix))
        return ev->feedback->kind;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (ev->type.len == prefix.len + kinds[i].len &&
            memcmp(ev->type.ptr + prefix.len, kinds[i].ptr, kinds[i].len) == 0)
            return kinds[i];
    return ev->feedback->kind;
}

static struct tl_str
title_of(const struct tl_feedback *said)
{
    if (said->title.len > 0)
        return said->title;
    return part_cut(said->text, FEEDBACK_TITLE_BYTES_MAX);
}

static struct state
state_of(const struct frame *f, const struct tl_event *ev)
{
    const struct tl_feedback *said = ev->feedback;
    bool answer = str_is(ev->type, "feedback.answered");
    bool resolution = str_is(ev->type, "feedback.resolved");
    bool words[WORDS] = {
        [HEARD] = !answer && !resolution,
        [ANSWERED] = answer || str_is(said->state, "answered"),
        [RESOLVED] = resolution || str_is(said->state, "resolved"),
    };
    struct state s = {.is_public = said->is_public};

    s.parts[KIND] = part_of(f, kind_of(ev));
    /* What an answer says is not what he said. */
    if (words[HEARD]) {
        s.parts[TITLE] = part_of(f, title_of(said));
        s.parts[RATING] = part_of(f, said->rating);
        s.parts[RATING_MAX] = part_of(f, said->rating_max);
        s.parts[CHANNEL] = part_of(f, f->channel);
        s.is_part = ev->conversation.len > 0;
    }
    for (int i = 0; i < WORDS; i++)
        if (words[i]) {
            s.last[i] = (struct part){f->time, f->number, {"", 0}};
            s.first[i] = f->time;
        }
    return s;
}

/* It was, and he did not say more since. */
static bool
is(const struct state *s, int word)
{
    return s->last[word].number != 0 && !part_supersedes(&s->last[HEARD], &s->last[word]);
}

static bool
is_open_complaint(const struct state *s)
{
    return str_is(s->parts[KIND].text, "complaint") && !is(s, RESOLVED);
}

/* Nobody answered it since he spoke, nor is it settled. */
static bool
waits(const struct state *s)
{
    return !is(s, ANSWERED) && !is(s, RESOLVED);
}

static struct relationship_sums
comes_to(const struct state *s)
{
    struct relationship_sums sums = {{0}};
    int64_t answered = s->last[ANSWERED].number != 0 ? s->first[ANSWERED] : 0;

    if (s->last[HEARD].number == 0 || s->is_part || !spoken_kind(s->parts[KIND].text))
        return sums;
    sums.of[RELATIONSHIP_HEARD] = 1;
    sums.of[RELATIONSHIP_ANSWERED] = answered != 0;
    sums.of[RELATIONSHIP_UNANSWERED] = str_is(s->parts[KIND].text, "complaint") && waits(s);
    relationship_response(&sums, s->first[HEARD], answered);
    return sums;
}

/* ---------------------------------------------------------------- folding */

static void
order_key(struct key *k, uint64_t profile, struct tl_str id, const struct state *s)
{
    bool heard = s->last[HEARD].number != 0;

    key_profile(k, profile, KEY_FEEDBACK_ORDER);
    key_add_byte(k, !heard               ? CLASS_UNHEARD
                    : is_open_complaint(s) ? CLASS_OPEN_COMPLAINT
                                           : CLASS_HEARD);
    key_add_time_descending(k, s->first[HEARD]);
    key_add(k, id);
}

static void
record_key(struct key *k, uint64_t profile, struct tl_str id)
{
    key_profile(k, profile, KEY_FEEDBACK);
    key_add(k, id);
}

/* Its part's text is the id. */
static int
read_last_rating(struct views *v, uint64_t profile, bool may_be, struct key *k, struct part *out)
{
    struct tl_str bytes;
    struct record r;

    *out = (struct part){0};
    key_profile(k, profile, KEY_FEEDBACK_ORDER);
    key_add_byte(k, CLASS_LAST_RATING);
    if (!may_be || !views_get(v, k->bytes, k->len, &bytes))
        return 0;
    r = record_open(bytes);
    part_read(out, &r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

/* The last that has a rating, for a list that would not reach down to it. */
static int
keep_last_rating(struct views *v, uint64_t profile, struct card *c, const struct part *rated)
{
    struct part last;
    struct buf out = {0};
    struct key k;
    int err = read_last_rating(v, profile, c->has & CARD_FEEDBACK, &k, &last);

    if (err != 0 || !part_supersedes(rated, &last))
        return err;
    part_write(rated, &out);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
    return 0;
}

int
feedback_fold(struct views *v, uint64_t profile, struct card *c, const struct frame *f,
              const struct tl_event *ev)
{
    struct state s = {0}, more = state_of(f, ev);
    struct tl_str bytes, id = id_of(ev);
    struct key record, old, order;
    struct relationship_sums before, now;
    struct part rated = {f->time, f->number, id};
    struct buf out = {0};
    bool is_known;
    int err = 0;

    record_key(&record, profile, id);
    is_known = c->has & CARD_FEEDBACK && views_get(v, record.bytes, record.len, &bytes);
    if (is_known && read_state(&s, bytes) != 0)
        return TL_EDAMAGED;
    order_key(&old, profile, id, &s);
    before = comes_to(&s);
    merge_state(&s, &more);
    now = comes_to(&s);
    order_key(&order, profile, id, &s);
    write_state(&s, &out);
    ordered_put(v, &record, &out, is_known ? &old : NULL, &order);
    buf_free(&out);
    if (more.parts[RATING].number != 0)
        err = keep_last_rating(v, profile, c, &rated);
    c->has |= CARD_FEEDBACK;
    card_moved(c, &before, &now);
    return err;
}

/* ---------------------------------------------------------------- reading */

struct listed {
    struct tl_str id;
    struct state state;
    struct part rated;                  /* of his ratings the last: when */
    struct relationship_sums apart;     /* what its parts come to */
};

static int
list_ids(const struct feedback_query *q, uint64_t profile, struct tl_str *ids, size_t *count)
{
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    key_profile(&prefix, profile, KEY_FEEDBACK_ORDER);
    more = views_first(&w, q->views, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && *count < FEEDBACK_LISTED_MAX && w.key.len != ORDER_RATING_BYTES;
         more = views_next(&w)) {
        size_t len = w.key.len > ORDER_ID_AT ? w.key.len - ORDER_ID_AT : 0;
        char *id = arena_copy(q->arena, w.key.ptr + w.key.len - len, len);

        if (len == 0)
            err = TL_EDAMAGED;
        else if (id == NULL)
            err = TL_TOO_MANY;
        else
            ids[(*count)++] = (struct tl_str){id, len};
    }
    views_end(&w);
    return err;
}

static bool
same_listed(const void *a, const void *b)
{
    return str_equal(((const struct listed *)a)->id, ((const struct listed *)b)->id);
}

static uint64_t
hash_listed(const void *a)
{
    const struct tl_str *id = &((const struct listed *)a)->id;

    return hash_table(id->ptr, id->len);
}

static int
add_one(const struct feedback_query *q, uint64_t profile, struct tl_str id,
        struct finder *known, struct listed *list, size_t *count)
{
    struct relationship_sums none = {{0}}, part;
    struct tl_str bytes;
    struct state s;
    struct key k;
    size_t at;

    record_key(&k, profile, id);
    if (!views_get(q->views, k.bytes, k.len, &bytes))
        return TL_EDAMAGED;
    bytes.ptr = arena_copy(q->arena, bytes.ptr, bytes.len);
    if (bytes.ptr == NULL)
        return TL_TOO_MANY;
    if (read_state(&s, bytes) != 0)
        return TL_EDAMAGED;
    at = finder_find(known, list, *count, &(struct listed){.id = id});
    if (at == *count)
        list[(*count)++] = (struct listed){.id = id};
    merge_state(&list[at].state, &s);
    part = comes_to(&s);
    relationship_move(&list[at].apart, &none, &part);
    return 0;
}

/* The last that has a rating is in the list, too. */
static int
add_last_rating(const struct feedback_query *q, uint64_t profile, struct finder *known,
                struct listed *list, size_t *count)
{
    struct part last;
    struct key k;
    size_t at;
    int err = read_last_rating(q->views, profile, true, &k, &last);

    if (err != 0 || last.number == 0)
        return err;
    last.text.ptr = arena_copy(q->arena, last.text.ptr, last.text.len);
    if (last.text.ptr == NULL)
        return TL_TOO_MANY;
    at = finder_find(known, list, *count, &(struct listed){.id = last.text});
    if (at == *count)
        err = add_one(q, profile, last.text, known, list, count);
    if (err == 0)
        part_merge(&list[at].rated, &last);
    return err;
}

static int
list_profile(const struct feedback_query *q, uint64_t profile, struct finder *known,
             struct listed *list, size_t *count)
{
    struct tl_str ids[FEEDBACK_LISTED_MAX];
    size_t ids_count = 0;
    int err = list_ids(q, profile, ids, &ids_count);

    for (size_t i = 0; i < ids_count && err == 0; i++)
        err = add_one(q, profile, ids[i], known, list, count);
    return err == 0 ? add_last_rating(q, profile, known, list, count) : err;
}

static int
compare(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    bool x_open = is_open_complaint(&x->state), y_open = is_open_complaint(&y->state);

    if (x_open != y_open)
        return x_open ? -1 : 1;
    if (x->state.first[HEARD] != y->state.first[HEARD])
        return x->state.first[HEARD] > y->state.first[HEARD] ? -1 : 1;
    return str_compare(x->id, y->id);
}

static struct tl_feedback_state
answer(const struct feedback_query *q, const struct listed *one)
{
    const struct state *s = &one->state;
    int64_t heard = s->first[HEARD], answered = s->first[ANSWERED];

    return (struct tl_feedback_state){
        .id = one->id,
        .kind = s->parts[KIND].text,
        .title = s->parts[TITLE].text,
        .rating = s->parts[RATING].text,
        .state = is(s, RESOLVED)   ? TL_STR("resolved")
                 : is(s, ANSWERED) ? TL_STR("answered")
                                   : TL_STR("heard"),
        .is_public = s->is_public,
        .time = heard,
        .answered = answered,
        .resolved = is(s, RESOLVED) ? s->last[RESOLVED].time : 0,
        .rating_max = s->parts[RATING_MAX].text,
        .channel = s->parts[CHANNEL].text,
        .response_ms = answered > heard ? (answered - heard) / CLOCK_MS : 0,
        .waiting_ms = waits(s) && q->now > s->last[HEARD].time
                          ? (q->now - s->last[HEARD].time) / CLOCK_MS
                          : 0,
    };
}

/* What is shown ends with the last rating, when it would not be among it. */
static void
raise_last_rating(struct listed *list, size_t count, size_t shown)
{
    struct listed last;
    size_t at = count;

    for (size_t i = 0; i < count; i++)
        if (list[i].rated.number != 0 &&
            (at == count || part_supersedes(&list[i].rated, &list[at].rated)))
            at = i;
    if (at == count || at < shown || shown == 0)
        return;
    last = list[at];
    memmove(&list[shown], &list[shown - 1], (at - shown + 1) * sizeof(list[0]));
    list[shown - 1] = last;
}

static size_t
drop_unheard(struct listed *list, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (list[i].state.last[HEARD].number != 0)
            list[kept++] = list[i];
    return kept;
}

int
feedback_list(const struct feedback_query *q, struct tl_feedback_state **out, size_t *count,
              struct relationship_sums *joined)
{
    size_t room = q->profiles_count * (FEEDBACK_LISTED_MAX + 1) + 1, listed = 0;
    struct listed *list = arena_alloc(q->arena, room * sizeof(list[0]));
    struct finder known = finder_new(sizeof(list[0]), same_listed, hash_listed, q->arena);
    int err = 0;

    *out = arena_alloc(q->arena, room * sizeof(**out));
    *count = 0;
    if (list == NULL || *out == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < q->profiles_count && err == 0; i++)
        err = list_profile(q, q->profiles[i], &known, list, &listed);
    for (size_t i = 0; i < listed; i++) {
        struct relationship_sums together = comes_to(&list[i].state);

        relationship_move(joined, &list[i].apart, &together);
    }
    listed = drop_unheard(list, listed);
    qsort(list, listed, sizeof(list[0]), compare);
    raise_last_rating(list, listed, q->shown);
    for (size_t i = 0; i < listed; i++)
        (*out)[(*count)++] = answer(q, &list[i]);
    return err;
}
