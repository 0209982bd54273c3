#include "client/delivery.h"

#include "proto/tag.h"

struct cursor {
    const unsigned char *at, *end;
};

struct field {
    uint64_t tag;
    uint64_t number;
    struct tl_str bytes;
};

static inline bool
varint(struct cursor *c, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; c->at < c->end && shift < 64; shift += 7) {
        unsigned char byte = *c->at++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static inline bool
length(struct cursor *c, uint64_t wire_type, uint64_t *len)
{
    switch (wire_type) {
    case 1:
        *len = 8;
        return true;
    case 2:
        return varint(c, len);
    case 5:
        *len = 4;
        return true;
    default:
        return false;
    }
}

static inline enum delivery_step
next(struct cursor *c, struct field *f)
{
    uint64_t len = 0;

    if (c->at == c->end)
        return DELIVERY_NO;
    if (!varint(c, &f->tag))
        return DELIVERY_MALFORMED;
    if ((f->tag & 7) == 0)
        return varint(c, &f->number) ? DELIVERY_YES : DELIVERY_MALFORMED;
    if (!length(c, f->tag & 7, &len) || len > (uint64_t)(c->end - c->at))
        return DELIVERY_MALFORMED;
    f->bytes = (struct tl_str){(const char *)c->at, (size_t)len};
    c->at += len;
    return DELIVERY_YES;
}

static struct cursor
over(struct tl_str bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;

    return (struct cursor){at, at + bytes.len};
}

static enum delivery_step
read_batch(struct delivery *d, struct tl_str batch)
{
    struct cursor c = over(batch);
    struct field f = {0};
    enum delivery_step step;

    *d = (struct delivery){.at = c.at, .end = c.end};
    while ((step = next(&c, &f)) == DELIVERY_YES) {
        if (f.tag == BATCH_STREAM)
            d->stream = f.number;
        else if (f.tag == BATCH_LOG)
            d->log = f.bytes;
        else if (f.tag == BATCH_POSITION)
            d->position = f.bytes;
        else if (f.tag == BATCH_GENERATION)
            d->generation = f.number;
    }
    return step == DELIVERY_NO ? DELIVERY_YES : step;
}

enum delivery_step
delivery_read(struct delivery *d, struct tl_str reply)
{
    struct cursor c = over(reply);
    struct field f = {0};

    while (next(&c, &f) == DELIVERY_YES) {
        if (f.tag == REPLY_STREAM)
            return read_batch(d, f.bytes);
        if (f.tag != REPLY_ID)
            return DELIVERY_NO;
    }
    return DELIVERY_NO;
}

static enum delivery_step
read_event(struct tl_stream_event *out, struct tl_str bytes)
{
    struct cursor c = over(bytes);
    struct field f = {0};
    enum delivery_step step;

    *out = (struct tl_stream_event){0};
    while ((step = next(&c, &f)) == DELIVERY_YES) {
        if (f.tag == EVENT_NUMBER)
            out->number = f.number;
        else if (f.tag == EVENT_RECEIVED)
            out->received_time = (int64_t)f.number;
        else if (f.tag == EVENT_PROFILE)
            out->profile = f.number;
        else if (f.tag == EVENT_BYTES)
            out->bytes = f.bytes;
    }
    return step == DELIVERY_NO ? DELIVERY_YES : step;
}

enum delivery_step
delivery_next(struct delivery *d, struct tl_stream_event *out)
{
    struct cursor c = {d->at, d->end};
    struct field f = {0};
    enum delivery_step step;

    while ((step = next(&c, &f)) == DELIVERY_YES && f.tag != BATCH_EVENT)
        continue;
    d->at = c.at;
    return step == DELIVERY_YES ? read_event(out, f.bytes) : step;
}
