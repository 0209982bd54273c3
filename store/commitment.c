#include "store/commitment.h"

#include "base/finder.h"
#include "base/hash.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/part.h"

enum { TEXT, BY, TO, STATE, PARTS };

struct state {
    struct part parts[PARTS];
    struct part due_said;
    int64_t due;
    int64_t made;           /* the first time anything was said */
    int64_t announced[DUE_STAGES];      /* the due time last announced, 0: none */
};

static void
merge_state(struct state *s, const struct state *more)
{
    for (int i = 0; i < PARTS; i++)
        part_merge(&s->parts[i], &more->parts[i]);
    if (part_supersedes(&more->due_said, &s->due_said)) {
        s->due_said = more->due_said;
        s->due = more->due;
    }
    if (s->made == 0 || more->made < s->made)
        s->made = more->made;
}

static int
read_state(struct state *s, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    *s = (struct state){0};
    for (int i = 0; i < PARTS; i++)
        part_read(&s->parts[i], &r);
    part_read(&s->due_said, &r);
    s->due = record_time(&r);
    s->made = record_time(&r);
    for (int i = 0; i < DUE_STAGES; i++)
        s->announced[i] = record_time(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
write_state(const struct state *s, struct buf *out)
{
    for (int i = 0; i < PARTS; i++)
        part_write(&s->parts[i], out);
    part_write(&s->due_said, out);
    record_put_time(out, s->due);
    record_put_time(out, s->made);
    for (int i = 0; i < DUE_STAGES; i++)
        record_put_time(out, s->announced[i]);
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

static struct state
state_of(const struct tl_event *ev, const struct frame *f, const struct tl_commitment *said)
{
    return (struct state){
        .parts = {[TEXT] = part_of(f, said->text), [BY] = part_of(f, said->by),
                  [TO] = part_of(f, said->to), [STATE] = part_of(f, word_of(ev, said))},
        .due_said = {f->time, said->due != 0 ? f->number : 0, {"", 0}},
        .due = said->due,
        .made = f->time,
    };
}

/* Borrows from the views.  Nothing said yet: zeros. */
static int
get_state(struct views *v, uint64_t profile, struct tl_str id, struct key *k, struct state *s)
{
    struct tl_str bytes;

    *s = (struct state){0};
    key_profile(k, profile, KEY_COMMITMENT);
    key_add(k, id);
    return views_get(v, k->bytes, k->len, &bytes) ? read_state(s, bytes) : 0;
}

static void
put_state(struct views *v, const struct key *k, const struct state *s)
{
    struct buf out = {0};

    write_state(s, &out);
    views_put(v, k->bytes, k->len, out.ptr, out.len);
    buf_free(&out);
}

static bool
is_open(const struct state *s)
{
    struct tl_str word = s->parts[STATE].text;

    return str_is(word, "made") || str_is(word, "renegotiated") || str_is(word, "due") ||
           str_is(word, "overdue");
}

/* Here nothing knows what time it is: a promise is overdue when the bus said so. */
static struct relationship_sums
comes_to(const struct state *s)
{
    struct relationship_sums sums = {{0}};

    sums.of[RELATIONSHIP_KEPT] = str_is(s->parts[STATE].text, "kept");
    sums.of[RELATIONSHIP_BROKEN] = str_is(s->parts[STATE].text, "broken");
    sums.of[RELATIONSHIP_OVERDUE] =
        is_open(s) && s->due != 0 && s->announced[DUE_OVERDUE] == s->due;
    return sums;
}

int
commitment_fold(struct views *v, uint64_t profile, struct card *c, const struct tl_event *ev,
                const struct frame *f, const struct tl_commitment *made)
{
    struct state s, more = state_of(ev, f, made);
    struct relationship_sums before, now;
    struct key k;
    int err = get_state(v, profile, made->id, &k, &s);

    if (err != 0)
        return err;
    before = comes_to(&s);
    merge_state(&s, &more);
    now = comes_to(&s);
    put_state(v, &k, &s);
    c->has |= CARD_COMMITMENTS;
    card_moved(c, &before, &now);
    return 0;
}

int
commitment_announced(struct views *v, struct card *c, const struct frame *f,
                     const struct tl_commitment *said)
{
    struct relationship_sums before, now;
    enum due_stage stage = str_is(f->type, COMMITMENT_DUE) ? DUE_DUE : DUE_OVERDUE;
    struct state s;
    struct key k;
    int err = get_state(v, f->profile, said->id, &k, &s);

    if (err != 0)
        return err;
    before = comes_to(&s);
    s.announced[stage] = said->due;
    now = comes_to(&s);
    put_state(v, &k, &s);
    card_moved(c, &before, &now);
    return 0;
}

int
commitment_index(struct views *v, struct due_reached *reached, uint64_t profile, struct tl_str id)
{
    enum due_stage stage = DUE_DUE;
    struct state s;
    struct key k;
    int err = get_state(v, profile, id, &k, &s);

    if (err != 0)
        return err;
    while (stage < DUE_STAGES && s.announced[stage] == s.due)
        stage++;
    return due_set(v, reached, profile, id, is_open(&s) && s.due != 0 ? stage : DUE_NOTHING,
                   s.due);
}

/* ---------------------------------------------------------------- reading */

static struct tl_str
state_now(const struct state *s, const struct commitment_query *q)
{
    if (!is_open(s))
        return s->parts[STATE].text;
    if (s->due == 0 || s->due > q->now)
        return TL_STR("open");
    return s->due <= q->now - q->grace_ns ? TL_STR("overdue") : TL_STR("due");
}

static bool
same_id(const void *a, const void *b)
{
    return str_equal(*(const struct tl_str *)a, *(const struct tl_str *)b);
}

static uint64_t
hash_id(const void *id)
{
    return hash_table(((const struct tl_str *)id)->ptr, ((const struct tl_str *)id)->len);
}

static int
list_profile(const struct commitment_query *q, uint64_t profile, struct finder *known,
             struct tl_str *ids, struct state *states, size_t *count)
{
    struct views_walk w;
    struct key prefix;
    size_t room = *count + COMMITMENTS_LISTED_MAX;
    int err = 0;
    bool more;

    key_profile(&prefix, profile, KEY_COMMITMENT);
    more = views_first(&w, q->views, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && *count < room; more = views_next(&w)) {
        struct tl_str id = {w.key.ptr + prefix.len, w.key.len - prefix.len};
        struct tl_str value = {arena_copy(q->arena, w.value.ptr, w.value.len), w.value.len};
        struct state s;
        size_t at;

        id.ptr = arena_copy(q->arena, id.ptr, id.len);
        if (id.ptr == NULL || value.ptr == NULL)
            err = TL_TOO_MANY;
        else if ((err = read_state(&s, value)) == 0) {
            if ((at = finder_find(known, ids, *count, &id)) == *count) {
                ids[(*count)++] = id;
                states[at] = (struct state){0};
            }
            merge_state(&states[at], &s);
        }
    }
    views_end(&w);
    return err;
}

int
commitment_list(const struct commitment_query *q, struct tl_commitment_state *out, size_t *count)
{
    size_t room = q->profiles_count * COMMITMENTS_LISTED_MAX;
    struct tl_str *ids = arena_alloc(q->arena, room * sizeof(ids[0]));
    struct state *states = arena_alloc(q->arena, room * sizeof(states[0]));
    struct finder known = finder_new(sizeof(ids[0]), same_id, hash_id, q->arena);
    int err = ids == NULL || states == NULL ? TL_TOO_MANY : 0;

    *count = 0;
    for (size_t i = 0; i < q->profiles_count && err == 0; i++)
        err = list_profile(q, q->profiles[i], &known, ids, states, count);
    for (size_t i = 0; i < *count && err == 0; i++)
        out[i] = (struct tl_commitment_state){
            .id = ids[i],
            .text = states[i].parts[TEXT].text,
            .by = states[i].parts[BY].text,
            .to = states[i].parts[TO].text,
            .due = states[i].due,
            .state = state_now(&states[i], q),
            .made = states[i].made,
            .time = states[i].parts[STATE].time,
        };
    return err;
}

static int
join(const struct commitment_query *q, const struct due_entry *entry, struct state *joined,
     bool *announced)
{
    struct state s;
    struct key k;
    int err = 0;

    *joined = (struct state){0};
    *announced = false;
    for (size_t i = 0; i < q->profiles_count && err == 0; i++) {
        if ((err = get_state(q->views, q->profiles[i], entry->id, &k, &s)) != 0)
            break;
        merge_state(joined, &s);
        *announced |= s.announced[entry->stage] == entry->due;
    }
    return err;
}

int
commitment_standing(const struct commitment_query *q, const struct due_entry *entry,
                    struct tl_commitment *out, uint64_t *cause)
{
    struct state s;
    bool announced;
    int err = join(q, entry, &s, &announced);

    if (err != 0)
        return err;
    if (announced || !is_open(&s) || s.due != entry->due)
        return TL_NOT_FOUND;
    *cause = s.due_said.number;
    *out = (struct tl_commitment){
        .id = entry->id,
        .text = s.parts[TEXT].text,
        .by = s.parts[BY].text,
        .to = s.parts[TO].text,
        .due = s.due,
        .state = entry->stage == DUE_DUE ? TL_STR("due") : TL_STR("overdue"),
    };
    return 0;
}
