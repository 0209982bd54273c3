/* Admission: what is decided about one event at the door, and its way to the
 * disk. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"
#include "store/identity_decide.h"
#include "store/state.h"

/* The most one event can add: itself and what the bus has to say about it. */
#define ADMIT_BYTES_MAX (FRAME_BYTES_MAX + IDENTITY_SAYS_MAX * 2048u)
#define ADMIT_FRAMES_MAX (1 + IDENTITY_SAYS_MAX)

bool
store_has_room(const struct store *st)
{
    if (views_full(st->views)) {
        if (st->verifying != NULL)
            store_verify_cancel(st->verifying);
        return false;
    }
    return !st->wants_freeze && st->open->bytes.len + ADMIT_BYTES_MAX <= STORE_BATCH_BYTES_MAX &&
           st->open->count + ADMIT_FRAMES_MAX <= STORE_BATCH_FRAMES_MAX;
}

/* ------------------------------------------------------------- duplicates */

static bool
find_in_batch(const struct store_batch *b, uint64_t number, struct frame *f)
{
    uint64_t at = number - b->first;
    uint32_t offset;

    if (b->count == 0 || number < b->first || at >= b->count)
        return false;
    offset = b->offsets[at];
    return frame_parse(f, b->bytes.ptr + offset, b->bytes.len - offset) == 0;
}

int
store_find_frame(struct store *st, uint64_t number, struct frame *f)
{
    char why[LOG_WHY_BYTES];

    if (st->as_of == 0 &&
        (find_in_batch(st->open, number, f) || find_in_batch(st->taken, number, f)))
        return 0;
    return log_read(st->log, number, f, why);
}

static void
answer_duplicate(struct store *st, const struct store_event *in, uint64_t first,
                 struct store_verdict *out)
{
    struct frame f;
    int err = store_find_frame(st, first, &f);

    out->number = first;
    if (err != 0) {
        /* One bad place on the disk must not stop the bus whenever its event is
         * sent again; the copy that is put aside may serve to mend it. */
        out->code = TL_DUPLICATE_DIFFERS;
        out->detail = "what was stored under this source and id is damaged: run touchline verify";
    } else if (f.flags & FRAME_ERASED || codec_same_event(f.payload, in->bytes)) {
        out->duplicate = true;
    } else {
        out->code = TL_DUPLICATE_DIFFERS;
        out->detail = "this source and id were stored before with other content";
    }
}

/* ----------------------------------------------------------------- frames */

static void
set_time(struct frame *f, const struct tl_event *ev, int64_t received)
{
    f->time = ev->time != 0 ? ev->time : ev->recorded_time != 0 ? ev->recorded_time : received;
    f->received = received;
    if (f->time > received) {
        f->time = received;
        f->flags |= FRAME_FUTURE;
    }
}

static bool
is_hidden(struct tl_str type)
{
    return str_starts(type, TL_STR("identity."));
}

/* Numbers a frame, puts it into the open batch, and folds it. */
static int
add_frame(struct store *st, struct frame *f, const struct tl_event *ev)
{
    struct store_batch *b = st->open;

    if (b->count == 0) {
        log_batch_begin(&b->bytes);
        b->first = st->admitted + 1;
    }
    f->number = ++st->admitted;
    b->offsets[b->count++] = (uint32_t)b->bytes.len;
    frame_append(&b->bytes, f);
    must(!b->bytes.failed);
    return fold_event(&st->fold, f, ev);
}

static void
list_identifiers(struct store *st, const struct store_event *in,
                 const struct identity_decision *d)
{
    buf_clear(&st->scratch);
    for (size_t i = 0; i < in->identifiers_count; i++)
        frame_add_identifier(&st->scratch, &(struct frame_identifier){d->actions[i],
                                                                      in->identifiers[i].type,
                                                                      in->identifiers[i].value});
    must(!st->scratch.failed);
}

/* ------------------------------------------------- what the bus has to say */

#define PROFILE_TEXT_BYTES 24

static struct tl_str
profile_text(char out[PROFILE_TEXT_BYTES], uint64_t profile)
{
    int len = snprintf(out, PROFILE_TEXT_BYTES, "%llu", (unsigned long long)profile);

    return (struct tl_str){out, (size_t)len};
}

static const char *const say_types[] = {
    [IDENTITY_LINKED] = "identity.linked",
    [IDENTITY_UNLINKED] = "identity.unlinked",
    [IDENTITY_CONFLICT] = "identity.conflict",
};

/* `in`: what showed it. */
static int
add_say(struct store *st, const struct frame *cause, const struct tl_event *in,
        const struct identity_say *say, size_t nth)
{
    const char *type = say_types[say->what];
    bool linked = say->what == IDENTITY_LINKED;
    char id[48], a[PROFILE_TEXT_BYTES], b[PROFILE_TEXT_BYTES], cause_text[POSITION_BYTES + 1];
    struct tl_identifier id_a = say->id_a, id_b = say->id_b;
    struct tl_identity_link link = {
        .a = &id_a,
        .b = &id_b,
        .evidence = linked ? TL_STR("named together in one event")
                           : TL_STR("named together, but one customer has one value of this type"),
        .by = TL_STR(SOURCE_BUS),
        .profile_a = profile_text(a, say->a),
        .profile_b = profile_text(b, say->b),
    };
    struct tl_event ev = {
        .source = TL_STR(SOURCE_BUS),
        .type = {type, strlen(type)},
        .time = cause->time,
        .channel = TL_STR("system"),
        .direction = TL_STR("internal"),
        .link = &link,
        .identifiers = &id_b,
        .identifiers_count = 1,
    };
    struct frame f = {.type = ev.type,
                      .channel = ev.channel,
                      .time = cause->time,
                      .received = cause->received,
                      .profile = say->bind != NULL ? say->b : say->a,
                      .flags = (uint16_t)(FRAME_BUS | FRAME_HIDDEN |
                                          (say->said ? FRAME_SAID : 0) |
                                          (say->moves ? FRAME_MOVES : 0))};
    struct buf bytes = {0}, ids = {0};
    int err;

    snprintf(id, sizeof(id), "%llu.%zu", (unsigned long long)cause->number, nth);
    ev.id = (struct tl_str){id, strlen(id)};
    position_format(cause_text, (struct position){store_log_id(st), cause->number});
    ev.causation_id = (struct tl_str){cause_text, POSITION_BYTES};
    if (say->said) {
        link.evidence = in->link->evidence;
        link.by = in->link->by.len > 0 ? in->link->by : in->source;
    }
    if (say->bind != NULL) {
        frame_add_identifier(&ids, &(struct frame_identifier){
                                       identity_action(say->bind, say->bind->strong ? FRAME_BIND
                                                                                    : FRAME_OWN),
                                       say->bind->type, say->bind->value});
        f.identifiers = (struct tl_str){(const char *)ids.ptr, ids.len};
        f.identifiers_count = 1;
    }
    codec_encode(CODEC_EVENT, &ev, &bytes);
    must(!bytes.failed && !ids.failed);
    f.payload = (struct tl_str){(const char *)bytes.ptr, bytes.len};
    err = add_frame(st, &f, &ev);
    buf_free(&bytes);
    buf_free(&ids);
    return err;
}

/* -------------------------------------------------------------- admission */

static int
decide(struct store *st, const struct store_event *in, struct frame *f,
       struct identity_decision *d, const char **detail)
{
    int err;

    d->says_count = 0;
    if (in->identifiers_count == 0)
        return 0;
    arena_reset(&st->arena);
    if (valid_is_link(f->type))
        err = identity_decide_link(st->views, in->identifiers, str_is(f->type, "identity.linked"),
                                   f->time, st->fold.next_profile, d, detail);
    else
        err = identity_decide(st->views, in->identifiers, in->identifiers_count,
                              st->fold.next_profile, d, &st->arena);
    if (err != 0)
        return err;
    f->profile = d->profile;
    if (d->unverified)
        f->flags |= FRAME_UNVERIFIED;
    list_identifiers(st, in, d);
    f->identifiers = (struct tl_str){(const char *)st->scratch.ptr, st->scratch.len};
    f->identifiers_count = (uint16_t)in->identifiers_count;
    return 0;
}

/* Room in the log for what is open, and one more. */
static int
reserve(struct store *st)
{
    return log_reserve(st->log, st->open->bytes.len + ADMIT_BYTES_MAX +
                                    (st->taken->count > 0 ? st->taken->bytes.len : 0));
}

static int
add_says(struct store *st, const struct frame *cause, const struct tl_event *in,
         const struct identity_decision *d)
{
    int err = 0;

    for (size_t i = 0; i < d->says_count && err == 0; i++)
        err = add_say(st, cause, in, &d->says[i], i + 1);
    return err;
}

/* Decides whose it is, unless that is known, and folds it, and says what follows.
 * With a sentence in `*detail` it was refused, and nothing changed. */
static int
admit_frame(struct store *st, struct frame *f, const struct store_event *in, const char **detail)
{
    struct identity_decision d;
    int err;

    set_time(f, in->event, in->received);
    if ((err = decide(st, in, f, &d, detail)) != 0 || (err = add_frame(st, f, in->event)) != 0)
        return err;
    return add_says(st, f, in->event, &d);
}

static int
admit_new(struct store *st, const struct store_event *in, struct store_verdict *out)
{
    struct frame f = {.type = in->event->type,
                      .channel = in->event->channel,
                      .flags = is_hidden(in->event->type) ? FRAME_HIDDEN : 0,
                      .payload = in->bytes};
    int err = admit_frame(st, &f, in, &out->detail);

    out->number = f.number;
    return err;
}

/* An event of the bus itself, with its id. */
static int
say(struct store *st, struct frame *f, struct store_event *in)
{
    const char *detail = NULL;
    struct buf bytes = {0};
    int err;

    codec_encode(CODEC_EVENT, in->event, &bytes);
    must(!bytes.failed);
    f->payload = (struct tl_str){(const char *)bytes.ptr, bytes.len};
    err = store_sound(st, admit_frame(st, f, in, &detail));
    buf_free(&bytes);
    if (err != 0)
        st->failed = TL_EDAMAGED;
    return err;
}

int
store_say(struct store *st, struct tl_event *ev, const struct store_identifier *customer,
          uint64_t profile, int64_t received, uint64_t *number)
{
    struct store_event in = {.event = ev,
                             .identifiers = customer,
                             .identifiers_count = profile == 0 ? 1 : 0,
                             .received = received};
    struct frame f = {.type = ev->type,
                      .channel = ev->channel,
                      .profile = profile,
                      .flags = FRAME_BUS | FRAME_HIDDEN};
    char id[32];
    int err;

    if (st->failed != 0)
        return st->failed;
    if ((err = reserve(st)) != 0)
        return err;
    snprintf(id, sizeof(id), "%llu.0", (unsigned long long)(st->admitted + 1));
    ev->id = (struct tl_str){id, strlen(id)};
    ev->source = TL_STR(SOURCE_BUS);
    err = say(st, &f, &in);
    *number = f.number;
    return err;
}

int
store_say_once(struct store *st, struct tl_event *ev, uint64_t profile, int64_t received)
{
    struct store_event in = {.event = ev, .received = received};
    struct frame f = {.type = ev->type,
                      .channel = ev->channel,
                      .profile = profile,
                      .flags = FRAME_BUS};
    unsigned char key[SEEN_KEY_BYTES];
    int err;

    if (st->failed != 0)
        return st->failed;
    ev->source = TL_STR(SOURCE_BUS);
    store_seen_key(key, st->key, ev->source, ev->id);
    if (seen_find(st->seen, key) != 0)
        return 0;
    if ((err = reserve(st)) != 0 || (err = say(st, &f, &in)) != 0)
        return err;
    seen_add(st->seen, key, f.number);
    return 0;
}

void
store_admit(struct store *st, const struct store_event *in, struct store_verdict *out)
{
    unsigned char key[SEEN_KEY_BYTES];
    uint64_t first;

    *out = (struct store_verdict){0};
    if ((out->code = st->failed) != 0) {
        out->detail = "the store has stopped";
        return;
    }
    if (in->expected)
        memcpy(key, in->seen, sizeof key);
    else
        store_seen_key(key, st->key, in->event->source, in->event->id);
    if ((first = seen_find(st->seen, key)) != 0) {
        answer_duplicate(st, in, first, out);
        return;
    }
    out->code = reserve(st);
    if (out->code != 0) {
        out->detail = out->code == TL_NO_SPACE ? "the disk is full" : "the log cannot be written";
        return;
    }
    out->code = store_sound(st, admit_new(st, in, out));
    if (out->code > 0 && out->detail != NULL)
        return;
    if (out->code != 0) {
        st->failed = TL_EDAMAGED;
        out->detail = "the views are damaged: make them anew with `touchline rebuild`";
        return;
    }
    seen_add(st->seen, key, out->number);
}

/* ---------------------------------------------------------------- batches */

bool
store_batch_take(struct store *st)
{
    struct store_batch *full = st->open;

    if (full->count == 0 || st->taken->count != 0 || st->failed != 0)
        return false;
    st->open = st->taken;
    st->taken = full;
    return true;
}

size_t
store_batch_bytes(const struct store *st)
{
    return st->taken->count > 0 ? st->taken->bytes.len : 0;
}

int
store_batch_write(struct store *st)
{
    return log_write(st->log, &st->taken->bytes, st->taken->first, st->taken->count);
}

static void
empty(struct store_batch *b)
{
    buf_clear(&b->bytes);
    b->count = 0;
}

/* As after a crash: what is not durable never was. */
static int
forget(struct store *st, char why[STORE_WHY_BYTES])
{
    if (st->verifying != NULL)
        store_verify_stop(st->verifying);
    store_close_views(st);
    empty(st->open);
    empty(st->taken);
    st->flushing = st->wants_freeze = false;
    st->failed = store_open_views(st, why);
    return st->failed;
}

static void
seal_segment(struct store *st)
{
    uint64_t first = log_segment_first(st->log);

    if (first == st->segment_first)
        return;
    st->segment_first = first;
    seen_seal(st->seen, first - 1);
}

int
store_batch_done(struct store *st, int written, char why[STORE_WHY_BYTES])
{
    struct store_batch *b = st->taken;

    why[0] = '\0';
    if (written == TL_NO_SPACE)
        return forget(st, why);
    if (written != 0) {
        st->failed = written;
        snprintf(why, STORE_WHY_BYTES, "the log cannot be written: %s", tl_code_sentence(written));
        return written;
    }
    log_commit(st->log, &b->bytes, b->first, b->count);
    empty(b);
    seal_segment(st);
    if (st->wants_freeze && st->admitted == log_head(st->log))
        return store_tick(st);
    return 0;
}
