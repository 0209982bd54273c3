#include "broker/stream.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "broker/broker.h"
#include "broker/crowd.h"
#include "broker/filter.h"
#include "proto/code.h"
#include "proto/codec.h"
#include "proto/str.h"

#define TURN_NS (250 * 1000)
#define FRAMES_PER_LOOK 64          /* at the clock */

struct stream {
    struct stream *before;
    struct stream *after;
    struct stream_list *list;       /* NULL: parked */
    struct session *session;
    uint64_t request;               /* the id of the request that opened it */
    uint64_t name;
    struct filter filter;
    struct crowd *crowd;            /* NULL: all customers */
    bool follow;
    uint64_t at;                    /* everything up to it was looked at */
    uint64_t to;                    /* inclusive */
    int64_t to_received;            /* inclusive */
    uint64_t credit_events;
    int64_t credit_bytes;           /* the last event may overdraw it */
    uint64_t generation;            /* as holder of a group's share; 0: of none */
    uint64_t scanned_bytes;         /* since something was sent */
    uint64_t sent_ms;
};

/* -------------------------------------------------------------------- lists */

static void
park(struct stream *st)
{
    struct stream_list *list = st->list;

    if (list == NULL)
        return;
    *(st->before != NULL ? &st->before->after : &list->first) = st->after;
    *(st->after != NULL ? &st->after->before : &list->last) = st->before;
    st->list = NULL;
}

static void
append(struct stream_list *list, struct stream *st)
{
    park(st);
    st->list = list;
    st->before = list->last;
    st->after = NULL;
    *(list->last != NULL ? &list->last->after : &list->first) = st;
    list->last = st;
}

static bool
at_end(const struct broker *b, const struct stream *st)
{
    return st->at >= st->to
           || (st->at >= store_head(b->store) && st->to_received < b->ingress.received);
}

/* Puts the stream where it belongs now. */
static void
place(struct broker *b, struct stream *st)
{
    if (!st->session->open)
        append(&b->streams.ready, st);      /* its turn frees it */
    else if (st->session->outbox != NULL)
        park(st);
    else if (at_end(b, st))
        append(&b->streams.ready, st);
    else if (st->credit_events == 0 || st->credit_bytes <= 0)
        park(st);
    else if (st->at < store_head(b->store))
        append(&b->streams.ready, st);
    else
        append(&b->streams.waiting, st);
}

/* -------------------------------------------------------------------- names */

struct stream_key {
    const struct session *session;
    uint64_t name;
};

static struct stream *
find(struct broker *b, const struct session *s, uint64_t name)
{
    struct stream_key key = {s, name};

    return map_get(&b->streams.by_name, &key, sizeof key);
}

static void
free_stream(struct broker *b, struct stream *st)
{
    struct stream_key key = {st->session, st->name};

    park(st);
    must(map_remove(&b->streams.by_name, &key, sizeof key) == st);
    b->streams.count--;
    st->session->streams--;
    session_unref(&st->session);
    filter_fini(&st->filter);
    crowd_free(&st->crowd);
    free(st);
}

/* ------------------------------------------------------------------ sending */

static void
send_end(struct broker *b, struct session *s, uint64_t request, uint64_t name, int code,
         const char *detail, uint64_t at)
{
    char position[POSITION_BYTES + 1];
    struct wire_stream_end end = {
        .stream = name,
        .code = (uint32_t)code,
        .detail = {detail, detail != NULL ? strlen(detail) : 0},
        .position = broker_position(b, at, position),
    };

    session_reply(b, s, &(struct wire_reply){.id = request, .stream_end = &end});
}

static void
end_stream(struct broker *b, struct stream *st, int code, const char *detail)
{
    send_end(b, st->session, st->request, st->name, code, detail, st->at);
    free_stream(b, st);
}

/* What was added to the batch; without events it is progress. */
static void
send_batch(struct broker *b, struct stream *st)
{
    char position[POSITION_BYTES + 1];
    struct wire_stream_batch about = {
        .stream = st->name,
        .log = {b->log, LOG_ID_BYTES},
        .position = broker_position(b, st->at, position),
        .generation = st->generation,
    };
    zmq_msg_t message;

    delivery_message(&b->streams.batch, st->request, &about, &message);
    session_send(b, st->session, &message);
    st->scanned_bytes = 0;
    st->sent_ms = uv_now(&b->loop);
}

/* ------------------------------------------------------------------ reading */

static bool
room(const struct stream *st, const struct delivery *out)
{
    return delivery_fits(out, 0) && out->count < st->credit_events
           && (int64_t)out->bytes < st->credit_bytes;
}

/* Is this event one the stream wants? */
static int
wanted(struct broker *b, struct stream *st, const struct frame *f, bool *yes)
{
    struct tl_event ev;
    int err;

    *yes = true;
    if (st->crowd != NULL && (err = crowd_meet(st->crowd, f, yes)) != 0)
        return err;
    *yes = *yes && filter_header(&st->filter, f);
    if (!*yes || !filter_reads_event(&st->filter))
        return 0;
    arena_reset(&b->event_arena);
    *yes = codec_decode(CODEC_EVENT, &ev, f->payload, &b->event_arena) == 0
           && filter_event(&st->filter, &ev);
    return 0;
}

/* Looks at event `number`, and adds it when it is wanted; or leaves it for the
 * next batch, `*full`, when it is one too much for this one. */
static int
look_at(struct broker *b, struct stream *st, uint64_t number, struct delivery *out, bool *full)
{
    bool header = filter_reads_header(&st->filter) || st->crowd != NULL;
    char why[STORE_WHY_BYTES];
    struct frame f;
    bool yes = true;
    int err;

    err = header ? store_read_header(b->store, number, &f, why)
                 : store_read(b->store, number, &f, why);
    if (err != 0)
        return err;
    if (f.received > st->to_received) {
        st->to = st->at;
        return 0;
    }
    if ((err = wanted(b, st, &f, &yes)) != 0)
        return err;
    if (yes && header && (err = store_read(b->store, number, &f, why)) != 0)
        return err;
    if (yes && (*full = !delivery_fits(out, f.payload.len)))
        return 0;
    if (yes)
        delivery_add(out, &f);
    st->scanned_bytes += f.bytes;
    st->at = number;
    return 0;
}

/* Reads until a batch is full, the end is reached, or the time is over. */
static int
fill(struct broker *b, struct stream *st, struct delivery *out, int64_t deadline)
{
    uint64_t head = store_head(b->store), number;
    bool full = false;
    int err;

    for (unsigned n = 1; !full && room(st, out) && st->at < head && st->at < st->to; n++) {
        number = st->at + 1;
        if (st->crowd != NULL && (err = crowd_next(st->crowd, st->at, head, &number)) != 0)
            return err;
        if (number > head || number > st->to) {
            st->at = head < st->to ? head : st->to;
            break;
        }
        if ((err = look_at(b, st, number, out, &full)) != 0)
            return err;
        if (n % FRAMES_PER_LOOK == 0 && clock_monotonic() > deadline)
            break;
    }
    return 0;
}

static void
fail(struct broker *b, struct stream *st, int err)
{
    if (err == TL_EDAMAGED) {
        log_error("stream", "event %llu is damaged, run touchline verify",
                  (unsigned long long)st->at + 1);
        end_stream(b, st, TL_NOT_FOUND, "the next event is damaged: run touchline verify");
    } else {
        end_stream(b, st, err > 0 ? err : TL_NOT_FOUND, "the next event is not kept any more");
    }
}

static void
advance(struct broker *b, struct stream *st, int64_t deadline)
{
    struct delivery *out = &b->streams.batch;
    int err;

    err = fill(b, st, out, deadline);
    if (out->count > 0) {
        st->credit_events -= out->count;
        st->credit_bytes -= (int64_t)out->bytes;
        send_batch(b, st);
    } else if (st->scanned_bytes >= STREAM_PROGRESS_BYTES) {
        send_batch(b, st);
    }
    if (err != 0)
        fail(b, st, err);
    else if (at_end(b, st))
        end_stream(b, st, TL_OK, NULL);
    else
        place(b, st);
}

bool
stream_turn(struct broker *b)
{
    int64_t deadline;
    struct stream *st;

    if (b->streams.ready.first == NULL)
        return false;
    deadline = clock_monotonic() + TURN_NS;
    while ((st = b->streams.ready.first) != NULL) {
        if (st->session->open)
            advance(b, st, deadline);
        else
            free_stream(b, st);
        if (clock_monotonic() > deadline)
            break;
    }
    return b->streams.ready.first != NULL;
}

/* ------------------------------------------------------------------ opening */

static bool
parse_last(struct tl_str text, uint64_t *count)
{
    char digits[24], *end;

    if (!str_starts(text, TL_STR("last:")) || text.len < 6 || text.len - 5 >= sizeof digits
        || text.ptr[5] < '0' || text.ptr[5] > '9')
        return false;
    memcpy(digits, text.ptr + 5, text.len - 5);
    digits[text.len - 5] = '\0';
    *count = strtoull(digits, &end, 10);
    return *end == '\0';
}

static int
start_last(struct broker *b, struct stream *st, uint64_t count, const char **detail)
{
    uint64_t head = store_head(b->store);
    int err;

    if (st->crowd == NULL)
        st->at = count < head ? head - count : 0;
    else if ((err = crowd_last(st->crowd, count, &st->at)) != 0) {
        *detail = "the customer's events cannot be found: run touchline verify";
        return err > 0 ? err : TL_NOT_FOUND;
    }
    if (st->at < store_tail(b->store) - 1)
        st->at = store_tail(b->store) - 1;
    return 0;
}

static int
start_position(struct broker *b, struct stream *st, struct position p, const char **detail)
{
    uint64_t head = store_head(b->store), tail = store_tail(b->store);

    *detail = NULL;
    if (p.log != store_log_id(b->store))
        *detail = "from is a position of another log";
    else if (p.number > head)
        *detail = "from is beyond the head";
    else if (p.number + 1 < tail)
        *detail = "from is before the first event that is kept";
    st->at = p.number;
    return *detail != NULL ? TL_BAD_POSITION : 0;
}

static int
start(struct broker *b, struct stream *st, struct tl_str from, const char **detail)
{
    struct position p;
    uint64_t count;
    int64_t time;

    if (from.len == 0 || str_is(from, "start")) {
        st->at = store_tail(b->store) - 1;
        return 0;
    }
    if (str_is(from, "now")) {
        st->at = store_head(b->store);
        return 0;
    }
    if (parse_last(from, &count))
        return start_last(b, st, count, detail);
    if (position_parse(&p, from) == 0)
        return start_position(b, st, p, detail);
    if (clock_parse(&time, from.ptr, from.len) == 0) {
        st->at = store_number_at(b->store, time) - 1;
        return 0;
    }
    *detail = "from is start, now, last:N, a position, or a time as in 2024-03-01T10:00:00Z";
    return TL_BAD_REQUEST;
}

static int
stop_at(struct broker *b, struct stream *st, struct tl_str to, const char **detail)
{
    struct position p;

    st->to = UINT64_MAX;
    st->to_received = INT64_MAX;
    if (to.len > 0 && position_parse(&p, to) == 0) {
        if (p.log != store_log_id(b->store)) {
            *detail = "to is a position of another log";
            return TL_BAD_POSITION;
        }
        st->to = p.number;
    } else if (to.len > 0 && clock_parse(&st->to_received, to.ptr, to.len) != 0) {
        *detail = "to is a position, or a time as in 2024-03-01T10:00:00Z";
        return TL_BAD_REQUEST;
    }
    if (!st->follow && st->to > store_head(b->store))
        st->to = store_head(b->store);
    return 0;
}

/* A group goes on where it has got to, or at `from` when that is later. */
static int
hold_group(struct broker *b, struct stream *st, const struct wire_stream_open *open,
           const char **detail)
{
    const struct wire_filter *f = open->filter;
    uint64_t at;
    int err;

    if (open->group.len == 0)
        return 0;
    err = groups_hold(&b->groups, open->group, f != NULL ? f->share : 0, f != NULL ? f->shares : 0,
                      &st->generation, &at, detail);
    if (err == TL_EIO)
        broker_fail(b, *detail);
    if (err == 0 && at > st->at)
        st->at = at;
    return err;
}

static int
set_up(struct broker *b, struct stream *st, const struct wire_stream_open *open,
       const char **detail)
{
    int err;

    *detail = NULL;
    if ((err = filter_init(&st->filter, open->filter, detail)) != 0)
        return err;
    arena_reset(&b->event_arena);
    if (open->filter != NULL
        && (err = crowd_new(&st->crowd, b->store, b->kinds, open->filter->customers,
                            open->filter->customers_count, &b->event_arena, detail)) != 0)
        return err;
    st->follow = open->follow;
    if ((err = start(b, st, open->from, detail)) != 0
        || (err = hold_group(b, st, open, detail)) != 0)
        return err;
    return stop_at(b, st, open->to, detail);
}

static void
add_credit(struct stream *st, uint32_t events, uint32_t bytes)
{
    st->credit_events += events;
    if (st->credit_bytes < INT64_MAX - bytes)
        st->credit_bytes += bytes;
}

static struct stream *
new_stream(struct broker *b, struct session *s, uint64_t request, uint64_t name)
{
    struct stream_key key = {s, name};
    struct stream *st = calloc(1, sizeof *st);

    must(st != NULL);
    st->session = s;
    st->request = request;
    st->name = name;
    st->sent_ms = uv_now(&b->loop);
    session_ref(s);
    s->streams++;
    b->streams.count++;
    *map_put(&b->streams.by_name, &key, sizeof key) = st;
    return st;
}

void
stream_take_open(struct broker *b, struct asked *q)
{
    const struct wire_stream_open *open = q->request->stream;
    struct session *s = q->session;
    const char *detail = NULL;
    struct stream *st;
    int err;

    if (find(b, s, open->stream) != NULL) {
        session_refuse(b, s, q->request->id, TL_BAD_REQUEST, "a stream of this number is open");
        return;
    }
    if (s->streams >= STREAMS_PER_SESSION_MAX) {
        send_end(b, s, q->request->id, open->stream, TL_TOO_MANY, "a client has at most 64 streams",
                 0);
        return;
    }
    st = new_stream(b, s, q->request->id, open->stream);
    if ((err = set_up(b, st, open, &detail)) != 0) {
        st->at = err == TL_BAD_POSITION ? store_head(b->store) : 0;
        end_stream(b, st, err, detail);
        return;
    }
    add_credit(st, open->credit_events, open->credit_bytes);
    place(b, st);
}

/* A stream that is not there has ended, and its client is about to hear. */
void
stream_take_credit(struct broker *b, struct asked *q)
{
    const struct wire_stream_credit *credit = q->request->credit;
    struct stream *st = find(b, q->session, credit->stream);

    if (st == NULL)
        return;
    add_credit(st, credit->events, credit->bytes);
    place(b, st);
}

void
stream_take_close(struct broker *b, struct asked *q)
{
    struct stream *st = find(b, q->session, q->request->stream_close->stream);

    if (st != NULL)
        end_stream(b, st, TL_OK, "closed by the client");
}

/* ------------------------------------------------------------- housekeeping */

void
stream_committed(struct broker *b)
{
    struct stream_list *waiting = &b->streams.waiting;

    while (waiting->first != NULL)
        append(&b->streams.ready, waiting->first);
}

void
stream_lost(struct broker *b)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&b->streams.by_name, &i)) != NULL;)
        crowd_stale(((struct stream *)e->value)->crowd);
}

void
stream_unblocked(struct broker *b, struct session *s)
{
    struct map_entry *e;

    for (size_t i = 0; s->streams > 0 && (e = map_next(&b->streams.by_name, &i)) != NULL;) {
        struct stream *st = e->value;

        if (st->session == s)
            place(b, st);
    }
}

/* Returns false when the stream is no more. */
static bool
tick(struct broker *b, struct stream *st)
{
    if (!st->session->open) {
        free_stream(b, st);
        return false;
    }
    if (st->at >= store_head(b->store) && st->to_received < clock_now()) {
        end_stream(b, st, TL_OK, NULL);
        return false;
    }
    if (st->session->outbox == NULL && uv_now(&b->loop) - st->sent_ms >= STREAM_PROGRESS_MS)
        send_batch(b, st);
    return true;
}

void
stream_tick(struct broker *b)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&b->streams.by_name, &i)) != NULL;)
        if (!tick(b, e->value))
            i--;    /* another may have moved up */
}

void
stream_fini(struct broker *b)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&b->streams.by_name, &i)) != NULL; i = 0)
        free_stream(b, e->value);
    map_fini(&b->streams.by_name);
    delivery_fini(&b->streams.batch);
}
