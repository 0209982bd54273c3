#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/reply.h"
#include "proto/str.h"

#define CREDIT_EVENTS 100000
#define CREDIT_BYTES (8u << 20)
#define SILENCE_NS (3 * CLOCK_SECOND)   /* the broker speaks each second: three missed */
#define BUSY_MS 200

struct tl_stream {
    struct tl_stream *next;
    struct tl_client *client;           /* NULL: closed before us */
    struct arena options_arena;
    struct wire_stream_open open;
    struct wire_filter filter;
    uint64_t id;                        /* a new one each time it is opened */
    bool opened;
    int64_t open_at;                    /* not before */
    int64_t heard;                      /* the broker's last word */
    int64_t listening;                  /* since when nothing else is done; 0: not */
    uint32_t used_events, used_bytes;   /* credit to give back */

    struct tl_reply *first, *last;      /* received and not begun */
    struct tl_reply *current;
    char received[TL_POSITION_BYTES + 1];   /* where to open again */
    char passed[TL_POSITION_BYTES + 1];     /* the caller had everything up to it */
    uint64_t generation;                /* as holder of a group's share */
    bool delivering;                    /* `event` is of `current` */
    struct tl_stream_event event;
    struct buf whole;
    int code;                           /* why it ended */
    char detail[256];
};

/* ----------------------------------------------------------------- options */

static bool
copy_text(struct arena *a, struct tl_str *out, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    *out = (struct tl_str){len > 0 ? arena_copy(a, text, len) : NULL, len};
    return len == 0 || out->ptr != NULL;
}

static bool
copy_texts(struct arena *a, struct tl_str **out, size_t *out_count, const char *const *texts,
           size_t count)
{
    if (count == 0)
        return true;
    if ((*out = arena_alloc(a, count * sizeof **out)) == NULL)
        return false;
    *out_count = count;
    for (size_t i = 0; i < count; i++)
        if (!copy_text(a, &(*out)[i], texts[i]))
            return false;
    return true;
}

static bool
copy_options(struct tl_stream *s, const struct tl_stream_options *o)
{
    struct arena *a = &s->options_arena;
    struct wire_filter *f = &s->filter;

    s->open.follow = o->follow;
    s->open.filter = f;
    f->share = o->share;
    f->shares = o->shares;
    return copy_text(a, &s->open.from, o->from) && copy_text(a, &s->open.to, o->to)
           && copy_text(a, &s->open.group, o->group)
           && copy_texts(a, &f->customers, &f->customers_count, o->customers, o->customers_count)
           && copy_texts(a, &f->types, &f->types_count, o->types, o->types_count)
           && copy_texts(a, &f->channels, &f->channels_count, o->channels, o->channels_count)
           && copy_texts(a, &f->campaigns, &f->campaigns_count, o->campaigns, o->campaigns_count)
           && copy_texts(a, &f->offers, &f->offers_count, o->offers, o->offers_count);
}

int
tl_stream_open(struct tl_client *c, const struct tl_stream_options *options,
               struct tl_stream **out)
{
    static const struct tl_stream_options none;
    struct tl_stream *s = calloc(1, sizeof *s);

    *out = NULL;
    if (s == NULL)
        return TL_ENOMEM;
    arena_init(&s->options_arena, SIZE_MAX);
    if (!copy_options(s, options != NULL ? options : &none)) {
        arena_fini(&s->options_arena);
        free(s);
        return TL_ENOMEM;
    }
    s->client = c;
    s->next = c->streams;
    c->streams = s;
    *out = s;
    return 0;
}

/* -------------------------------------------------------------------- wire */

static int
open_again(struct tl_client *c, struct tl_stream *s)
{
    struct wire_request request = {.id = ++c->last_id, .stream = &s->open};
    int err;

    if (clock_monotonic() < s->open_at)
        return 0;
    if (s->received[0] != '\0')
        s->open.from = (struct tl_str){s->received, TL_POSITION_BYTES};
    s->open.stream = request.id;
    s->open.credit_events = CREDIT_EVENTS;
    s->open.credit_bytes = CREDIT_BYTES;
    if ((err = client_send(c, &request)) != 0)
        return err;
    s->id = request.id;
    s->opened = true;
    s->used_events = s->used_bytes = 0;
    s->heard = clock_monotonic();
    return 0;
}

static int
give_credit(struct tl_client *c, struct tl_stream *s)
{
    struct wire_stream_credit credit = {s->id, s->used_events, s->used_bytes};
    struct wire_request request = {.id = ++c->last_id, .credit = &credit};
    int err;

    if (s->used_events < CREDIT_EVENTS / 4 && s->used_bytes < CREDIT_BYTES / 4)
        return 0;
    if ((err = client_send(c, &request)) != 0)
        return err;
    s->used_events = s->used_bytes = 0;
    return 0;
}

int
stream_push(struct tl_client *c)
{
    int err = 0;

    for (struct tl_stream *s = c->streams; s != NULL && err == 0; s = s->next) {
        if (s->code != 0)
            continue;
        err = s->opened ? give_credit(c, s) : open_again(c, s);
    }
    return err;
}

/* The broker is told if that is possible at once; it loses nothing otherwise,
 * for without credit a stream costs nothing. */
static void
leave(struct tl_stream *s)
{
    struct wire_stream_close bye = {s->id};
    struct wire_request request = {.id = ++s->client->last_id, .stream_close = &bye};

    if (s->opened && s->code == 0 && s->client->state == SESSION_OPEN)
        (void)client_send(s->client, &request);
    s->opened = false;
}

static struct tl_stream *
find(const struct tl_client *c, uint64_t id)
{
    for (struct tl_stream *s = c->streams; s != NULL; s = s->next)
        if (s->opened && s->id == id)
            return s;
    return NULL;
}

static void
enqueue(struct tl_stream *s, struct tl_reply **reply)
{
    struct tl_reply *r = *reply;

    *reply = NULL;
    r->next = NULL;
    if (s->last != NULL)
        s->last->next = r;
    else
        s->first = r;
    s->last = r;
}

/* Batches, progress and the end keep their order in one queue. */
bool
stream_received(struct tl_client *c, struct tl_reply **reply)
{
    const struct delivery *delivery = &(*reply)->delivery;
    const struct wire_stream_end *over = (*reply)->wire.stream_end;
    struct tl_str position = over == NULL ? delivery->position : over->position;
    struct tl_stream *s = find(c, over == NULL ? delivery->stream : over->stream);

    if (s == NULL)
        return false;
    s->heard = clock_monotonic();
    if (position.len == TL_POSITION_BYTES)
        memcpy(s->received, position.ptr, TL_POSITION_BYTES);
    enqueue(s, reply);
    return true;
}

bool
stream_refused(struct tl_client *c, struct tl_reply **reply)
{
    const struct wire_refusal *refusal = (*reply)->wire.refusal;
    struct tl_stream *s = find(c, (*reply)->wire.id);

    if (s == NULL)
        return false;
    if (refusal->code == TL_BUSY) {
        uint32_t ms = refusal->retry_after_ms != 0 ? refusal->retry_after_ms : BUSY_MS;

        s->opened = false;
        s->open_at = clock_monotonic() + ms * CLOCK_MS;
        return true;
    }
    enqueue(s, reply);
    return true;
}

void
stream_again(struct tl_client *c)
{
    for (struct tl_stream *s = c->streams; s != NULL; s = s->next)
        s->opened = false;
}

/* -------------------------------------------------------------------- next */

static void
end(struct tl_stream *s, int code, struct tl_str detail)
{
    size_t len = detail.len < sizeof s->detail ? detail.len : sizeof s->detail - 1;

    s->code = code;
    if (len > 0)
        memcpy(s->detail, detail.ptr, len);
    s->detail[len] = '\0';
}

/* The broker goes on reading while we work through what is here.  Credit that
 * does not go out now goes out with the next round. */
static void
give_early(struct tl_stream *s)
{
    if (s->client != NULL && s->opened && s->client->state == SESSION_OPEN)
        (void)give_credit(s->client, s);
}

/* The current batch is used up. */
static void
finish(struct tl_stream *s)
{
    struct tl_str position = s->current->delivery.position;

    if (position.len == TL_POSITION_BYTES)
        memcpy(s->passed, position.ptr, TL_POSITION_BYTES);
    tl_reply_free(&s->current);
    give_early(s);
}

/* Takes the next thing from the queue. */
static void
begin(struct tl_stream *s)
{
    struct tl_reply *r = s->first;
    const struct wire_stream_end *over = r->wire.stream_end;

    if ((s->first = r->next) == NULL)
        s->last = NULL;
    s->current = r;
    if (r->is_delivery) {
        s->generation = r->delivery.generation;
        return;
    }
    if (over != NULL && over->position.len == TL_POSITION_BYTES)
        memcpy(s->passed, over->position.ptr, TL_POSITION_BYTES);
    if (over != NULL)
        end(s, over->code != 0 ? (int)over->code : TL_ECLOSED, over->detail);
    else
        end(s, r->code, tl_reply_detail(r));
    tl_reply_free(&s->current);
}

/* Is there another event in the current batch? */
static bool
take(struct tl_stream *s)
{
    enum delivery_step step;

    s->delivering = false;
    if (s->current == NULL)
        return false;
    step = delivery_next(&s->current->delivery, &s->event);
    if (step == DELIVERY_NO)
        finish(s);
    if (step == DELIVERY_MALFORMED) {
        end(s, TL_EFORMAT, (struct tl_str){0});
        tl_reply_free(&s->current);
    }
    if (step != DELIVERY_YES)
        return false;
    /* What an earlier opening sent was never taken from this one's credit. */
    if (s->current->delivery.stream == s->id) {
        s->used_events++;
        s->used_bytes += (uint32_t)s->event.bytes.len;
    }
    s->listening = 0;
    return s->delivering = true;
}

/* Does the queue give an event? */
static bool
advance(struct tl_stream *s)
{
    while (!take(s)) {
        if (s->code != 0 || s->first == NULL)
            return false;
        begin(s);
    }
    return true;
}

/* The broker's word may lie unread while the caller works, so silence counts
 * from when we began to listen. */
static void
listen_for_life(struct tl_stream *s)
{
    int64_t heard = s->heard > s->listening ? s->heard : s->listening;

    if (s->opened && s->client->state == SESSION_OPEN && clock_monotonic() - heard > SILENCE_NS)
        leave(s);
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int
wait_for_event(struct tl_stream *s, int64_t deadline)
{
    struct tl_client *c = s->client;
    int64_t now = clock_monotonic();
    int err;

    if (s->listening == 0)
        s->listening = now;
    while (!advance(s)) {
        if (s->code != 0)
            return s->code;
        if (now >= deadline)
            return c->state == SESSION_OPEN ? 0 : TL_EAWAY;
        if ((err = client_work(c, -1, sooner(deadline, now + CLOCK_SECOND))) != 0)
            return err;
        listen_for_life(s);
        now = clock_monotonic();
    }
    return 0;
}

int
tl_stream_next(struct tl_stream *s, int timeout_ms, const struct tl_stream_event **out)
{
    int err;

    *out = NULL;
    if (!advance(s)) {
        if (s->client == NULL)
            return TL_ECLOSED;
        if (s->code != 0)
            return s->code;
        /* One round at least, so that a caller who does not wait gets somewhere. */
        if ((err = client_work(s->client, -1, 0)) != 0)
            return err;
        if ((err = wait_for_event(s, client_deadline(timeout_ms))) != 0)
            return err;
    }
    if (s->delivering)
        *out = &s->event;
    return 0;
}

const char *
tl_stream_detail(const struct tl_stream *s)
{
    return s->detail;
}

void
tl_stream_position(const struct tl_stream *s, char out[TL_POSITION_BYTES + 1])
{
    if (s->delivering)
        reply_position(out, s->current->delivery.log, s->event.number);
    else
        memcpy(out, s->passed, sizeof s->passed);
}

uint64_t
tl_stream_generation(const struct tl_stream *s)
{
    return s->generation;
}

int
tl_stream_whole(struct tl_stream *s, struct tl_str *bytes)
{
    char position[TL_POSITION_BYTES + 1], profile[24];
    struct tl_event more = {.received_time = s->event.received_time};

    *bytes = (struct tl_str){0};
    if (!s->delivering)
        return TL_EARGUMENT;
    tl_stream_position(s, position);
    more.position = (struct tl_str){position, strlen(position)};
    if (s->event.profile != 0) {
        int len = snprintf(profile, sizeof profile, "%llu", (unsigned long long)s->event.profile);

        more.profile = (struct tl_str){profile, (size_t)len};
    }
    buf_clear(&s->whole);
    /* Of a field that is there twice the last one counts. */
    buf_append(&s->whole, s->event.bytes.ptr, s->event.bytes.len);
    codec_encode(CODEC_EVENT, &more, &s->whole);
    if (s->whole.failed)
        return TL_ENOMEM;
    *bytes = (struct tl_str){(char *)s->whole.ptr, s->whole.len};
    return 0;
}

/* ------------------------------------------------------------------- close */

static void
detach(struct tl_stream *s)
{
    struct tl_stream **at = &s->client->streams;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->client = NULL;
}

void
stream_detach_all(struct tl_client *c)
{
    while (c->streams != NULL)
        detach(c->streams);
}

void
tl_stream_close(struct tl_stream **stream)
{
    struct tl_stream *s = *stream;

    if (s == NULL)
        return;
    if (s->client != NULL) {
        leave(s);
        detach(s);
    }
    tl_reply_free(&s->current);
    while (s->first != NULL) {
        struct tl_reply *r = s->first;

        s->first = r->next;
        tl_reply_free(&r);
    }
    buf_free(&s->whole);
    arena_fini(&s->options_arena);
    free(s);
    *stream = NULL;
}
