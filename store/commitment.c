#include "store/commitment.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/record.h"

/* A word said at a time; the latest counts. */
struct word {
    int64_t time;
    uint64_t number;        /* 0: never said */
};

struct state {
    struct word terms;
    struct tl_str text, by, to;
    int64_t due;
    struct word last;
    struct tl_str state;
    int64_t made;           /* the first time anything was said */
};

static bool
supersedes(const struct frame *f, const struct word *w)
{
    return w->number == 0 || f->time > w->time || (f->time == w->time && f->number > w->number);
}

static int
read_state(struct state *s, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    s->terms.time = record_time(&r);
    s->terms.number = record_varint(&r);
    s->text = record_text(&r);
    s->by = record_text(&r);
    s->to = record_text(&r);
    s->due = record_time(&r);
    s->last.time = record_time(&r);
    s->last.number = record_varint(&r);
    s->state = record_text(&r);
    s->made = record_time(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
write_state(const struct state *s, struct buf *out)
{
    record_put_time(out, s->terms.time);
    buf_varint(out, s->terms.number);
    record_put_text(out, s->text);
    record_put_text(out, s->by);
    record_put_text(out, s->to);
    record_put_time(out, s->due);
    record_put_time(out, s->last.time);
    buf_varint(out, s->last.number);
    record_put_text(out, s->state);
    record_put_time(out, s->made);
}

/* What this event says of the commitment: its own word, or its type's. */
static struct tl_str
word_of(const struct tl_event *ev, const struct tl_commitment *said)
{
    const struct tl_str prefix = TL_STR("commitment.");

    if (said->state.len > 0)
        return said->state;
    if (str_starts(ev->type, prefix))
        return (struct tl_str){ev->type.ptr + prefix.len, ev->type.len - prefix.len};
    return TL_STR("made");
}

static void
merge(struct state *s, const struct tl_event *ev, const struct frame *f,
      const struct tl_commitment *said)
{
    if ((said->text.len > 0 || said->due != 0) && supersedes(f, &s->terms)) {
        s->terms = (struct word){f->time, f->number};
        s->text = said->text.len > 0 ? said->text : s->text;
        s->by = said->by.len > 0 ? said->by : s->by;
        s->to = said->to.len > 0 ? said->to : s->to;
        s->due = said->due != 0 ? said->due : s->due;
    }
    if (supersedes(f, &s->last)) {
        s->last = (struct word){f->time, f->number};
        s->state = word_of(ev, said);
    }
    if (s->made == 0 || f->time < s->made)
        s->made = f->time;
}

int
commitment_fold(struct views *v, uint64_t profile, struct card *c, const struct tl_event *ev,
                const struct frame *f, const struct tl_commitment *made)
{
    struct state s = {0};
    struct tl_str bytes;
    struct buf out = {0};
    struct key k;

    key_profile(&k, profile, KEY_COMMITMENT);
    key_add(&k, made->id);
    if (views_get(v, k.bytes, k.len, &bytes) && read_state(&s, bytes) != 0)
        return TL_EDAMAGED;
    merge(&s, ev, f, made);
    write_state(&s, &out);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
    c->has |= CARD_COMMITMENTS;
    return 0;
}

/* ---------------------------------------------------------------- reading */

static struct tl_str
state_now(const struct state *s, int64_t now)
{
    bool open = str_is(s->state, "made") || str_is(s->state, "renegotiated") ||
                str_is(s->state, "due") || str_is(s->state, "overdue");

    if (!open)
        return s->state;
    return s->due != 0 && s->due < now ? TL_STR("overdue") : TL_STR("open");
}

static void
add_state(struct tl_commitment_state *out, size_t *count, const struct tl_commitment_state *one)
{
    size_t at = 0;

    while (at < *count && !str_equal(out[at].id, one->id))
        at++;
    if (at < *count && out[at].time >= one->time)
        return;
    out[at] = *one;
    if (at == *count)
        (*count)++;
}

int
commitment_list(struct views *v, uint64_t profile, struct tl_commitment_state *out, size_t *count,
                int64_t now, struct arena *arena)
{
    size_t room = *count + COMMITMENTS_LISTED_MAX;
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    key_profile(&prefix, profile, KEY_COMMITMENT);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && *count < room; more = views_next(&w)) {
        struct tl_str key = {arena_copy(arena, w.key.ptr, w.key.len), w.key.len};
        struct tl_str value = {arena_copy(arena, w.value.ptr, w.value.len), w.value.len};
        struct state s;

        if (key.ptr == NULL || value.ptr == NULL)
            err = TL_TOO_MANY;
        else if ((err = read_state(&s, value)) == 0)
            add_state(out, count,
                      &(struct tl_commitment_state){
                          .id = {key.ptr + prefix.len, key.len - prefix.len},
                          .text = s.text,
                          .by = s.by,
                          .to = s.to,
                          .due = s.due,
                          .state = state_now(&s, now),
                          .made = s.made,
                          .time = s.last.time,
                      });
    }
    views_end(&w);
    return err;
}
