#include "broker/delivery.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "proto/position.h"
#include "proto/tag.h"

_Static_assert(DELIVERY_BYTES <= FRAME_BYTES_MAX, "many events take no more than a large one");

#define NUMBER_BYTES 11         /* a tag and the longest varint */
#define LENGTH_BYTES 4          /* a tag and a length below 2 MiB */
#define EVENT_OVERHEAD (2 * LENGTH_BYTES + 3 * NUMBER_BYTES)
#define FRONT_BYTES (2 * NUMBER_BYTES + 2 * LENGTH_BYTES + LOG_ID_BYTES)
#define BACK_BYTES (LENGTH_BYTES + POSITION_BYTES + NUMBER_BYTES)
#define ROOM_BYTES (FRONT_BYTES + FRAME_BYTES_MAX + DELIVERY_EVENTS * EVENT_OVERHEAD + BACK_BYTES)
#define COPY_BYTES_MAX (ROOM_BYTES / 4) /* a small message does not keep a large room waiting */
#define ROOMS_KEPT_MAX 16               /* 1.6 MB: as many as a reader has on their way */

static size_t
varint_bytes(uint64_t v)
{
    return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

static unsigned char *
put_varint(unsigned char *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (unsigned char)v;
    return p;
}

/* A zero is left out, as in all of proto3. */
static unsigned char *
put_number(unsigned char *p, unsigned char tag, uint64_t v)
{
    if (v == 0)
        return p;
    *p++ = tag;
    return put_varint(p, v);
}

static unsigned char *
put_bytes(unsigned char *p, unsigned char tag, struct tl_str s)
{
    if (s.len == 0)
        return p;
    *p++ = tag;
    p = put_varint(p, s.len);
    return (unsigned char *)memcpy(p, s.ptr, s.len) + s.len;
}

static size_t
number_bytes(uint64_t v)
{
    return v != 0 ? 1 + varint_bytes(v) : 0;
}

bool
delivery_fits(const struct delivery *d, size_t bytes)
{
    return d->count == 0 || (d->count < DELIVERY_EVENTS && d->bytes + bytes <= DELIVERY_BYTES);
}

/* How ZeroMQ's thread comes to see what the loop wrote is libzmq's business; that
 * it does is said here too, for who checks us and not libzmq. */
struct room {
    atomic_bool written;
    struct room *next;          /* of those that are free */
    unsigned char bytes[ROOM_BYTES];
};

/* Rooms that came back.  Given to the heap on one thread and taken from it on
 * another, each would be a hundred kilobytes of new pages. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct room *free_rooms;
static size_t free_rooms_count;

static struct room *
take_free(void)
{
    struct room *room;

    must(pthread_mutex_lock(&lock) == 0);
    if ((room = free_rooms) != NULL) {
        free_rooms = room->next;
        free_rooms_count--;
    }
    must(pthread_mutex_unlock(&lock) == 0);
    return room;
}

/* Any thread. */
static void
put_free(struct room *room)
{
    bool kept;

    must(pthread_mutex_lock(&lock) == 0);
    if ((kept = free_rooms_count < ROOMS_KEPT_MAX)) {
        room->next = free_rooms;
        free_rooms = room;
        free_rooms_count++;
    }
    must(pthread_mutex_unlock(&lock) == 0);
    if (!kept)
        free(room);
}

static void
take_room(struct delivery *d)
{
    struct room *room;

    if (d->room != NULL)
        return;
    if ((room = take_free()) == NULL)
        must((room = malloc(sizeof *room)) != NULL);
    atomic_init(&room->written, false);
    d->room = room->bytes;
}

static struct room *
room_of(unsigned char *bytes)
{
    return (struct room *)(void *)(bytes - offsetof(struct room, bytes));
}

void
delivery_add(struct delivery *d, const struct frame *f)
{
    struct tl_str event = (f->flags & FRAME_ERASED) != 0 ? (struct tl_str){0} : f->payload;
    uint64_t received = (uint64_t)f->received;
    size_t len = number_bytes(f->number) + number_bytes(received) + number_bytes(f->profile);
    unsigned char *p;

    must(delivery_fits(d, f->payload.len) && f->payload.len <= FRAME_BYTES_MAX);
    take_room(d);
    if (event.len > 0)
        len += 1 + varint_bytes(event.len) + event.len;
    p = d->room + FRONT_BYTES + d->len;
    *p++ = BATCH_EVENT;
    p = put_varint(p, len);
    p = put_number(p, EVENT_NUMBER, f->number);
    p = put_number(p, EVENT_RECEIVED, received);
    p = put_number(p, EVENT_PROFILE, f->profile);
    p = put_bytes(p, EVENT_BYTES, event);
    d->len = (size_t)(p - d->room) - FRONT_BYTES;
    d->count++;
    d->bytes += f->payload.len;
}

/* What stands before the events ends where they begin.  Returns its length. */
static size_t
put_front(struct delivery *d, uint64_t id, const struct wire_stream_batch *about)
{
    unsigned char batch[NUMBER_BYTES + LENGTH_BYTES + LOG_ID_BYTES], *end = batch;
    unsigned char front[FRONT_BYTES], *p = front;

    end = put_number(end, BATCH_STREAM, about->stream);
    end = put_bytes(end, BATCH_LOG, about->log);
    p = put_number(p, REPLY_ID, id);
    *p++ = REPLY_STREAM;
    p = put_varint(p, (size_t)(end - batch) + d->len);
    memcpy(p, batch, (size_t)(end - batch));
    p += end - batch;
    memcpy(d->room + FRONT_BYTES - (p - front), front, (size_t)(p - front));
    return (size_t)(p - front);
}

/* On ZeroMQ's thread. */
static void
give_back(void *data, void *hint)
{
    struct room *room = hint;

    (void)data;
    must(atomic_load_explicit(&room->written, memory_order_acquire));
    put_free(room);
}

void
delivery_message(struct delivery *d, uint64_t id, const struct wire_stream_batch *about,
                 zmq_msg_t *message)
{
    unsigned char *from, *p;
    size_t len;

    must(about->log.len <= LOG_ID_BYTES && about->position.len <= POSITION_BYTES);
    take_room(d);
    p = d->room + FRONT_BYTES + d->len;
    p = put_bytes(p, BATCH_POSITION, about->position);
    p = put_number(p, BATCH_GENERATION, about->generation);
    d->len = (size_t)(p - d->room) - FRONT_BYTES;
    len = put_front(d, id, about) + d->len;
    from = p - len;
    if (len <= COPY_BYTES_MAX) {
        must(zmq_msg_init_size(message, len) == 0);
        memcpy(zmq_msg_data(message), from, len);
    } else {
        struct room *room = room_of(d->room);

        atomic_store_explicit(&room->written, true, memory_order_release);
        must(zmq_msg_init_data(message, from, len, give_back, room) == 0);
        d->room = NULL;
    }
    d->len = d->count = d->bytes = 0;
}

void
delivery_fini(struct delivery *d)
{
    struct room *room;

    if (d->room != NULL)
        free(room_of(d->room));
    while ((room = take_free()) != NULL)
        free(room);
    *d = (struct delivery){0};
}
