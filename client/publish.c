#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/reply.h"
#include "proto/position.h"

#define BUSY_MS 50              /* when the broker does not say how long */
#define FRAMING_BYTES 8         /* an event's tag and length; the request's own are one more */

struct item {
    uint64_t tag;
    size_t end;                 /* in the batch's bytes */
};

/* Sealed batches wait for their answers in the order of publishing; each send
 * has an id of its own, so an answer to an earlier one is not mistaken. */
struct batch {
    struct batch *next;
    uint64_t id;
    bool sent;
    struct buf bytes;
    struct item *items;
    size_t count;
    size_t cap;
};

static void
drop(struct batch *b)
{
    if (b == NULL)
        return;
    buf_free(&b->bytes);
    free(b->items);
    free(b);
}

/* An answered batch becomes the next to be filled. */
static void
recycle(struct publisher *p, struct batch *b)
{
    drop(p->spare);
    buf_clear(&b->bytes);
    b->count = 0;
    b->sent = false;
    b->next = NULL;
    p->spare = b;
}

static struct batch *
fresh(struct publisher *p)
{
    struct batch *b = p->spare;

    p->spare = NULL;
    return b != NULL ? b : calloc(1, sizeof *b);
}

static int
add(struct batch *b, struct tl_str event, uint64_t tag)
{
    if (b->count == b->cap) {
        size_t cap = b->cap != 0 ? 2 * b->cap : 64;
        struct item *items = realloc(b->items, cap * sizeof *items);

        if (items == NULL)
            return TL_ENOMEM;
        b->items = items;
        b->cap = cap;
    }
    buf_append(&b->bytes, event.ptr, event.len);
    if (b->bytes.failed) {
        b->bytes.failed = false;
        return TL_ENOMEM;
    }
    b->items[b->count++] = (struct item){tag, b->bytes.len};
    return 0;
}

static bool
fits(const struct tl_client *c, const struct batch *b, size_t len)
{
    return b->count < c->batch_events_max
           && b->bytes.len + len + (b->count + 2) * FRAMING_BYTES <= c->batch_bytes_max;
}

void
publish_seal(struct tl_client *c)
{
    struct publisher *p = &c->publisher;

    if (p->open == NULL)
        return;
    if (p->last != NULL)
        p->last->next = p->open;
    else
        p->first = p->open;
    p->last = p->open;
    p->open = NULL;
    p->sealed++;
}

static int
wait_for_room(struct tl_client *c)
{
    int64_t deadline = client_deadline(c->timeout_ms);
    int err;

    while (c->publisher.sealed >= c->window) {
        if ((err = client_work(c, -1, deadline)) != 0)
            return err;
        if (c->publisher.sealed >= c->window && clock_monotonic() >= deadline)
            return TL_EAWAY;
    }
    return 0;
}

int
tl_publish_bytes(struct tl_client *c, struct tl_str event, uint64_t tag)
{
    struct publisher *p = &c->publisher;
    int err;

    if (event.len + 2 * FRAMING_BYTES > c->batch_bytes_max)
        return TL_TOO_LARGE;
    /* A full batch is on its way before the next is begun. */
    if (p->open != NULL && !fits(c, p->open, event.len) && (err = client_work(c, -1, 0)) != 0)
        return err;
    if (p->open == NULL) {
        if ((err = wait_for_room(c)) != 0)
            return err;
        if ((p->open = fresh(p)) == NULL)
            return TL_ENOMEM;
    }
    if ((err = add(p->open, event, tag)) == 0)
        p->unanswered++;
    if (p->open->count == 0) {
        recycle(p, p->open);
        p->open = NULL;
    }
    return err;
}

int
tl_publish(struct tl_client *c, const struct tl_event *event, uint64_t tag)
{
    struct buf bytes = {0};
    int err = TL_ENOMEM;

    codec_encode(CODEC_EVENT, event, &bytes);
    if (!bytes.failed)
        err = tl_publish_bytes(c, (struct tl_str){(char *)bytes.ptr, bytes.len}, tag);
    buf_free(&bytes);
    return err;
}

int
tl_flush(struct tl_client *c, int timeout_ms)
{
    int64_t deadline = client_deadline(timeout_ms);
    int err;

    while (c->publisher.unanswered > 0) {
        if ((err = client_work(c, -1, deadline)) != 0)
            return err;
        if (c->publisher.unanswered > 0 && clock_monotonic() >= deadline)
            return TL_EAWAY;
    }
    return 0;
}

size_t
tl_unanswered(const struct tl_client *c)
{
    return c->publisher.unanswered;
}

/* -------------------------------------------------------------------- wire */

static int
send_batch(struct tl_client *c, struct batch *b)
{
    struct tl_str *events = malloc(b->count * sizeof *events);
    struct wire_publish publish = {events, b->count};
    struct wire_request request = {.id = ++c->last_id, .publish = &publish};
    const char *bytes = (const char *)b->bytes.ptr;
    int err;

    if (events == NULL)
        return TL_ENOMEM;
    for (size_t i = 0, at = 0; i < b->count; at = b->items[i].end, i++)
        events[i] = (struct tl_str){bytes + at, b->items[i].end - at};
    err = client_send(c, &request);
    free(events);
    if (err != 0)
        return err;
    b->id = request.id;
    b->sent = true;
    return 0;
}

/* None overtakes one that has to wait. */
int
publish_push(struct tl_client *c)
{
    struct publisher *p = &c->publisher;
    size_t flying = 0;
    int err;

    if (p->busy_until > clock_monotonic())
        return 0;
    for (struct batch *b = p->first; b != NULL && flying < c->window; b = b->next, flying++)
        if (!b->sent && (err = send_batch(c, b)) != 0)
            return err;
    return 0;
}

static struct batch *
find(const struct publisher *p, uint64_t id, struct batch **before)
{
    *before = NULL;
    for (struct batch *b = p->first; b != NULL; *before = b, b = b->next)
        if (b->sent && b->id == id)
            return b;
    return NULL;
}

static void
finish(struct publisher *p, struct batch *b, struct batch *before)
{
    if (before != NULL)
        before->next = b->next;
    else
        p->first = b->next;
    if (p->last == b)
        p->last = before;
    p->sealed--;
    recycle(p, b);
}

static void
answer(struct publisher *p, const struct item *item, struct tl_str log, int code,
       const struct wire_event_answer *a)
{
    struct tl_answer out = {
        .tag = item->tag,
        .code = code,
        .duplicate = a->duplicate,
        .detail = a->detail,
    };
    char position[TL_POSITION_BYTES + 1] = "";

    p->unanswered--;
    if (p->answered == NULL)
        return;
    if (code == 0)
        reply_position(position, log, a->number);
    out.position = (struct tl_str){position, strlen(position)};
    p->answered(p->arg, &out);
}

static void
pause_sending(struct publisher *p, uint32_t retry_after_ms)
{
    uint32_t ms = retry_after_ms != 0 ? retry_after_ms : BUSY_MS;

    p->busy_until = clock_monotonic() + ms * CLOCK_MS;
}

/* Keeps item `i` in the batch as its item `to`. */
static void
keep(struct batch *b, size_t i, size_t from, size_t to)
{
    size_t at = to > 0 ? b->items[to - 1].end : 0;
    size_t len = b->items[i].end - from;

    memmove(b->bytes.ptr + at, b->bytes.ptr + from, len);
    b->items[to] = (struct item){b->items[i].tag, at + len};
}

int
publish_acked(struct tl_client *c, const struct wire_reply *reply)
{
    struct publisher *p = &c->publisher;
    const struct wire_publish_ack *ack = reply->publish;
    struct batch *before, *b = find(p, reply->id, &before);
    size_t kept = 0;

    if (b == NULL)
        return 0;
    if (ack->answers_count != b->count)
        return TL_EFORMAT;
    for (size_t i = 0, from = 0, end; i < ack->answers_count; i++, from = end) {
        const struct wire_event_answer *a = &ack->answers[i];

        end = b->items[i].end;
        if (a->code != TL_BUSY) {
            answer(p, &b->items[i], ack->log, (int)a->code, a);
            continue;
        }
        pause_sending(p, a->retry_after_ms);
        keep(b, i, from, kept++);
    }
    if (kept == 0) {
        finish(p, b, before);
        return 0;
    }
    b->count = kept;
    b->bytes.len = b->items[kept - 1].end;
    b->sent = false;
    return 0;
}

/* The request as a whole: every event of it. */
bool
publish_refused(struct tl_client *c, const struct wire_reply *reply)
{
    struct publisher *p = &c->publisher;
    const struct wire_refusal *refusal = reply->refusal;
    const struct wire_event_answer refused = {.detail = refusal->detail};
    struct batch *before, *b = find(p, reply->id, &before);

    if (b == NULL)
        return false;
    if (refusal->code == TL_BUSY) {
        pause_sending(p, refusal->retry_after_ms);
        b->sent = false;
        return true;
    }
    for (size_t i = 0; i < b->count; i++)
        answer(p, &b->items[i], (struct tl_str){0}, (int)refusal->code, &refused);
    finish(p, b, before);
    return true;
}

void
publish_again(struct tl_client *c)
{
    c->publisher.busy_until = 0;
    for (struct batch *b = c->publisher.first; b != NULL; b = b->next)
        b->sent = false;
}

static void
give_up(struct publisher *p, struct batch *b)
{
    const struct wire_event_answer closed = {0};

    for (size_t i = 0; b != NULL && i < b->count; i++)
        answer(p, &b->items[i], (struct tl_str){0}, TL_ECLOSED, &closed);
    drop(b);
}

void
publish_fini(struct tl_client *c)
{
    struct publisher *p = &c->publisher;

    while (p->first != NULL) {
        struct batch *b = p->first;

        p->first = b->next;
        give_up(p, b);
    }
    give_up(p, p->open);
    drop(p->spare);
    *p = (struct publisher){0};
}
