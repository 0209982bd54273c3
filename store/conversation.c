#include "store/conversation.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/contact.h"
#include "store/key.h"
#include "store/ordered.h"
#include "store/part.h"

#define ORDER_TIME_AT (KEY_PROFILE_BYTES + 1)       /* after the class */
#define ORDER_ID_AT (ORDER_TIME_AT + 8)
#define JOINED_MAX 32                               /* looked for in each profile */
#define SILENT_NS (CONVERSATION_SILENT_DAYS * 86400 * CLOCK_SECOND)

enum class { WAITS, OPEN, OVER, CLASSES };

/* Times: 0 is never.  Parts are without text, but for the title. */
struct state {
    int64_t first;
    struct part last;               /* of all events */
    uint64_t events;
    struct part spoken;             /* somebody spoke, or opened it */
    struct part closed;
    struct part title;
    int64_t he_first;
    struct part he_last;
    int64_t he_replied;             /* the first word of his that answers one of ours */
    int64_t we[CONVERSATION_WORDS_MAX + 1];     /* the first, ascending */
    size_t we_count;
    int64_t we_last;
    struct tl_str channels[CONVERSATION_CHANNELS_MAX + 1];  /* ascending */
    size_t channels_count;
    uint64_t calls[CONVERSATION_CALLS_MAX + 1];             /* hashes, ascending; odd: his */
    size_t calls_count;
};

/* ------------------------------------------------------------------ merging */

static void
earlier(int64_t *time, int64_t more)
{
    if (more != 0 && (*time == 0 || more < *time))
        *time = more;
}

static void
add_ours(struct state *s, int64_t time)
{
    size_t at = s->we_count;

    while (at > 0 && s->we[at - 1] > time)
        at--;
    if (at > 0 && s->we[at - 1] == time)
        return;
    memmove(&s->we[at + 1], &s->we[at], (s->we_count - at) * sizeof(s->we[0]));
    s->we[at] = time;
    if (s->we_count < CONVERSATION_WORDS_MAX)
        s->we_count++;
}

static void
add_channel(struct state *s, struct tl_str channel)
{
    size_t at = s->channels_count;

    while (at > 0 && str_compare(s->channels[at - 1], channel) > 0)
        at--;
    if (channel.len == 0 || (at > 0 && str_equal(s->channels[at - 1], channel)))
        return;
    memmove(&s->channels[at + 1], &s->channels[at],
            (s->channels_count - at) * sizeof(s->channels[0]));
    s->channels[at] = channel;
    if (s->channels_count < CONVERSATION_CHANNELS_MAX)
        s->channels_count++;
}

static void
add_call(struct state *s, uint64_t call)
{
    size_t at = s->calls_count;

    while (at > 0 && s->calls[at - 1] > call)
        at--;
    if (at > 0 && s->calls[at - 1] == call)
        return;
    memmove(&s->calls[at + 1], &s->calls[at], (s->calls_count - at) * sizeof(s->calls[0]));
    s->calls[at] = call;
    if (s->calls_count < CONVERSATION_CALLS_MAX)
        s->calls_count++;
}

static void
merge_state(struct state *s, const struct state *more)
{
    earlier(&s->first, more->first);
    part_merge(&s->last, &more->last);
    s->events += more->events;
    part_merge(&s->spoken, &more->spoken);
    part_merge(&s->closed, &more->closed);
    part_merge(&s->title, &more->title);
    earlier(&s->he_first, more->he_first);
    part_merge(&s->he_last, &more->he_last);
    earlier(&s->he_replied, more->he_replied);
    for (size_t i = 0; i < more->we_count; i++)
        add_ours(s, more->we[i]);
    if (more->we_last > s->we_last)
        s->we_last = more->we_last;
    for (size_t i = 0; i < more->channels_count; i++)
        add_channel(s, more->channels[i]);
    for (size_t i = 0; i < more->calls_count; i++)
        add_call(s, more->calls[i]);
}

/* ------------------------------------------------------------- as a record */

static int
read_state(struct state *s, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    *s = (struct state){0};
    s->first = record_time(&r);
    part_read(&s->last, &r);
    s->events = record_varint(&r);
    part_read(&s->spoken, &r);
    part_read(&s->closed, &r);
    part_read(&s->title, &r);
    part_read(&s->he_last, &r);
    if (s->he_last.number != 0) {
        s->he_first = record_time(&r);
        s->he_replied = record_time(&r);
    }
    s->we_count = record_count(&r, CONVERSATION_WORDS_MAX);
    for (size_t i = 0; i < s->we_count; i++)
        s->we[i] = record_time(&r);
    s->we_last = s->we_count > 0 ? record_time(&r) : 0;
    s->channels_count = record_count(&r, CONVERSATION_CHANNELS_MAX);
    for (size_t i = 0; i < s->channels_count; i++)
        s->channels[i] = record_text(&r);
    s->calls_count = record_count(&r, CONVERSATION_CALLS_MAX);
    for (size_t i = 0; i < s->calls_count; i++)
        s->calls[i] = (uint64_t)record_time(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
write_state(const struct state *s, struct buf *out)
{
    record_put_time(out, s->first);
    part_write(&s->last, out);
    buf_varint(out, s->events);
    part_write(&s->spoken, out);
    part_write(&s->closed, out);
    part_write(&s->title, out);
    part_write(&s->he_last, out);
    if (s->he_last.number != 0) {
        record_put_time(out, s->he_first);
        record_put_time(out, s->he_replied);
    }
    buf_varint(out, s->we_count);
    for (size_t i = 0; i < s->we_count; i++)
        record_put_time(out, s->we[i]);
    if (s->we_count > 0)
        record_put_time(out, s->we_last);
    buf_varint(out, s->channels_count);
    for (size_t i = 0; i < s->channels_count; i++)
        record_put_text(out, s->channels[i]);
    buf_varint(out, s->calls_count);
    for (size_t i = 0; i < s->calls_count; i++)
        buf_u64(out, s->calls[i]);
}

/* ------------------------------------------------------------ what it means */

static size_t
calls_of(const struct state *s, bool his)
{
    size_t count = 0;

    for (size_t i = 0; i < s->calls_count; i++)
        count += (s->calls[i] & 1) == his;
    return count;
}

/* Did we speak first?  His first word also says so when it is a reply.  Of a call of
 * which only its end is told both spoke at once: then it is who called. */
static bool
is_begun_by_us(const struct state *s)
{
    if (s->he_first == 0)
        return s->we_count > 0;
    if (s->he_replied == s->he_first)
        return true;
    if (s->we_count == 0 || s->we[0] > s->he_first)
        return false;
    return s->we[0] < s->he_first || calls_of(s, false) > calls_of(s, true);
}

static bool
is_open(const struct state *s)
{
    return s->closed.number == 0 || part_supersedes(&s->spoken, &s->closed);
}

static bool
is_unanswered(const struct state *s)
{
    return s->he_last.number != 0 && s->he_last.time > s->we_last &&
           (s->closed.number == 0 || part_supersedes(&s->he_last, &s->closed));
}

/* Our first word at or after his first; 0: none. */
static int64_t
first_answer(const struct state *s)
{
    for (size_t i = 0; i < s->we_count; i++)
        if (s->we[i] >= s->he_first)
            return s->we[i];
    return s->we_last >= s->he_first ? s->we_last : 0;
}

static enum class
class_of(const struct state *s)
{
    return is_unanswered(s) ? WAITS : is_open(s) ? OPEN : OVER;
}

static struct relationship_sums
comes_to(const struct state *s)
{
    struct relationship_sums sums = {{0}};
    bool ours = is_begun_by_us(s);

    if (s->events == 0)
        return sums;
    sums.of[RELATIONSHIP_CONVERSATIONS] = 1;
    sums.of[RELATIONSHIP_HIS_CALLS] = (int64_t)calls_of(s, true);
    sums.of[RELATIONSHIP_OUR_CALLS] = (int64_t)calls_of(s, false);
    sums.of[RELATIONSHIP_BEGUN] = ours;
    sums.of[RELATIONSHIP_REPLIED] = ours && s->he_first != 0;
    sums.of[RELATIONSHIP_UNANSWERED] = is_unanswered(s);
    if (s->he_first == 0 || ours)
        return sums;
    sums.of[RELATIONSHIP_HEARD] = 1;
    sums.of[RELATIONSHIP_ANSWERED] = first_answer(s) != 0;
    relationship_response(&sums, s->he_first, first_answer(s));
    return sums;
}

/* ------------------------------------------------------------------ folding */

static struct tl_str
title_of(const struct tl_event *ev)
{
    if (ev->message != NULL && ev->message->subject.len > 0)
        return part_cut(ev->message->subject, CONVERSATION_TITLE_BYTES_MAX);
    if (ev->feedback != NULL)
        return part_cut(ev->feedback->title, CONVERSATION_TITLE_BYTES_MAX);
    return (struct tl_str){"", 0};
}

static struct state
state_of(const struct frame *f, const struct tl_event *ev, const struct spoken *said)
{
    const struct part now = {f->time, f->number, {"", 0}}, never = {0};
    struct state s = {
        .first = f->time,
        .last = now,
        .events = 1,
        .spoken = said->who != 0 || said->opens ? now : never,
        .closed = said->closes ? now : never,
        .title = part_of(f, title_of(ev)),
    };

    if (said->who & SPOKEN_HE) {
        s.he_first = said->he_at;
        s.he_last = (struct part){said->he_at, f->number, {"", 0}};
        s.he_replied = said->reply ? said->he_at : 0;
    }
    if (said->who & SPOKEN_WE) {
        s.we[s.we_count++] = said->we_at;
        s.we_last = said->we_at;
    }
    add_channel(&s, f->channel);
    if (said->caller != 0)
        add_call(&s, (contact_name(said->call) & ~1ULL) | (said->caller == SPOKEN_HE));
    return s;
}

static void
record_key(struct key *k, uint64_t profile, struct tl_str id)
{
    key_profile(k, profile, KEY_CONVERSATION);
    key_add(k, id);
}

static void
order_key(struct key *k, uint64_t profile, struct tl_str id, const struct state *s)
{
    key_profile(k, profile, KEY_CONVERSATION_ORDER);
    key_add_byte(k, (unsigned char)class_of(s));
    key_add_time_descending(k, s->last.time);
    key_add(k, id);
}

int
conversation_fold(struct views *v, uint64_t profile, struct card *c, const struct frame *f,
                  const struct tl_event *ev, const struct spoken *said)
{
    struct state s = {0}, more = state_of(f, ev, said);
    struct relationship_sums before, now;
    struct tl_str bytes, id = said->conversation;
    struct key record, old, order;
    struct buf out = {0};
    bool is_known;

    record_key(&record, profile, id);
    is_known = c->has & CARD_CONVERSATIONS && views_get(v, record.bytes, record.len, &bytes);
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
    c->has |= CARD_CONVERSATIONS;
    card_moved(c, &before, &now);
    return 0;
}

/* ------------------------------------------------------------------ reading */

struct listed {
    struct tl_str id;
    enum class class;       /* as its parts are: the first, and the latest */
    int64_t time;
    struct state state;     /* joined */
};

struct listing {
    const struct conversation_query *q;
    struct listed *items;
    size_t count;
    struct relationship_sums *joined;
};

/* One profile's part of a conversation, if it has any. */
static int
add_part(struct listing *l, uint64_t profile, struct listed *one,
         struct relationship_sums *apart)
{
    struct relationship_sums none = {{0}}, part;
    struct tl_str bytes;
    struct state s;
    struct key k;

    record_key(&k, profile, one->id);
    if (!views_get(l->q->views, k.bytes, k.len, &bytes))
        return 0;
    bytes.ptr = arena_copy(l->q->arena, bytes.ptr, bytes.len);
    if (bytes.ptr == NULL)
        return TL_TOO_MANY;
    if (read_state(&s, bytes) != 0)
        return TL_EDAMAGED;
    part = comes_to(&s);
    relationship_move(apart, &none, &part);
    merge_state(&one->state, &s);
    return 0;
}

static int
join(struct listing *l, struct listed *one)
{
    struct relationship_sums apart = {{0}}, together;
    int err = 0;

    for (size_t i = 0; i < l->q->profiles_count && err == 0; i++)
        err = add_part(l, l->q->profiles[i], one, &apart);
    together = comes_to(&one->state);
    relationship_move(l->joined, &apart, &together);
    one->class = class_of(&one->state);
    one->time = one->state.last.time;
    return err == 0 && one->state.events == 0 ? TL_EDAMAGED : err;
}

static int
add_id(struct listing *l, enum class class, int64_t time, struct tl_str id)
{
    size_t at = 0;

    while (at < l->count && !str_equal(l->items[at].id, id))
        at++;
    if (at == l->count) {
        id.ptr = arena_copy(l->q->arena, id.ptr, id.len);
        if (id.ptr == NULL)
            return TL_TOO_MANY;
        l->items[l->count++] = (struct listed){.id = id, .class = class, .time = time};
    }
    if (class < l->items[at].class)
        l->items[at].class = class;
    if (time > l->items[at].time)
        l->items[at].time = time;
    return 0;
}

static int
list_class(struct listing *l, uint64_t profile, enum class class)
{
    struct views_walk w;
    struct key prefix;
    size_t found = 0;
    int err = 0;
    bool more;

    key_profile(&prefix, profile, KEY_CONVERSATION_ORDER);
    key_add_byte(&prefix, (unsigned char)class);
    more = views_first(&w, l->q->views, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && found < CONVERSATIONS_LISTED_MAX; more = views_next(&w), found++) {
        if (w.key.len <= ORDER_ID_AT)
            err = TL_EDAMAGED;
        else
            err = add_id(l, class, key_read_time_descending(w.key, ORDER_TIME_AT),
                         (struct tl_str){w.key.ptr + ORDER_ID_AT, w.key.len - ORDER_ID_AT});
    }
    views_end(&w);
    return err;
}

static int
compare(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;

    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    return str_compare(x->id, y->id);
}

static int
answer(const struct listing *l, const struct listed *one, struct conversation_listed *out)
{
    const struct state *s = &one->state;
    bool waits = is_unanswered(s), his = s->he_first != 0 && !is_begun_by_us(s);
    int64_t answered = his ? first_answer(s) : 0;
    struct tl_str *channels =
        arena_copy(l->q->arena, s->channels, CONVERSATION_CHANNELS_MAX * sizeof(channels[0]));

    if (channels == NULL)
        return TL_TOO_MANY;
    *out = (struct conversation_listed){
        .shown = {
            .id = one->id,
            .channels = channels,
            .channels_count = s->channels_count,
            .first_time = s->first,
            .last_time = s->last.time,
            .events = (uint32_t)s->events,
            .open = waits || (is_open(s) && l->q->now - s->last.time <= SILENT_NS),
            .title = s->title.text,
            .asked = his ? s->he_first : 0,
            .answered = answered,
            .response_ms = answered != 0 ? (answered - s->he_first) / CLOCK_MS : 0,
            .unanswered = waits ? s->he_last.time : 0,
        },
        .last_word = s->he_last.number,
    };
    return 0;
}

int
conversation_list(const struct conversation_query *q, struct conversation_listed **out,
                  size_t *count, struct relationship_sums *joined)
{
    struct listing l = {q, NULL, 0, joined};
    size_t room = q->profiles_count * CLASSES * CONVERSATIONS_LISTED_MAX + 1;
    int err = 0;

    *count = 0;
    l.items = arena_alloc(q->arena, room * sizeof(l.items[0]));
    *out = arena_alloc(q->arena, room * sizeof(**out));
    if (l.items == NULL || *out == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < q->profiles_count && err == 0; i++)
        for (unsigned class = 0; class < CLASSES && err == 0; class++)
            err = list_class(&l, q->profiles[i], (enum class)class);
    qsort(l.items, l.count, sizeof(l.items[0]), compare);
    if (l.count > JOINED_MAX)
        l.count = JOINED_MAX;
    for (size_t i = 0; i < l.count && err == 0; i++)
        err = join(&l, &l.items[i]);
    qsort(l.items, l.count, sizeof(l.items[0]), compare);
    for (size_t i = 0; i < l.count && err == 0; i++)
        err = answer(&l, &l.items[i], &(*out)[(*count)++]);
    return err;
}
