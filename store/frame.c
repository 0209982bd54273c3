#include "store/frame.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "base/short.h"
#include "proto/code.h"
#include "store/le.h"

#define IDENTIFIER_HEADER_BYTES 4
#define CRC_FROM 8      /* the header's CRC begins behind itself */

static size_t
align8(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

static unsigned char *
put_str(unsigned char *at, struct tl_str s)
{
    return short_copy(at, s.ptr, s.len);
}

void
frame_add_identifier(struct buf *list, const struct frame_identifier *id)
{
    unsigned char *at;

    must(id->type.len <= UINT8_MAX && id->value.len <= UINT16_MAX);

    at = buf_grow(list, IDENTIFIER_HEADER_BYTES + id->type.len + id->value.len);
    must(at != NULL);
    at[0] = (unsigned char)id->action;
    at[1] = (unsigned char)id->type.len;
    le_put16(at + 2, (uint16_t)id->value.len);
    put_str(put_str(at + IDENTIFIER_HEADER_BYTES, id->type), id->value);
}

static void
put_header(unsigned char *at, const struct frame *f)
{
    le_put32(at, f->bytes);
    le_put32(at + 8, f->payload_crc);
    le_put32(at + 12, (uint32_t)f->payload.len);
    le_put64(at + 16, f->number);
    le_put16(at + 24, (uint16_t)f->identifiers.len);
    le_put16(at + 26, f->identifiers_count);
    le_put64(at + 28, (uint64_t)f->time);
    le_put64(at + 36, (uint64_t)f->received);
    le_put64(at + 44, f->profile);
    le_put16(at + 52, f->flags);
    at[54] = (unsigned char)f->type.len;
    at[55] = (unsigned char)f->channel.len;
}

void
frame_append(struct buf *out, struct frame *f)
{
    size_t names = f->type.len + f->channel.len + f->identifiers.len;
    size_t used = FRAME_HEADER_BYTES + names + f->payload.len;
    unsigned char *at, *end;

    must(f->type.len <= UINT8_MAX && f->channel.len <= UINT8_MAX);
    must(f->identifiers.len <= UINT16_MAX && align8(used) <= FRAME_BYTES_MAX);

    at = buf_grow(out, align8(used));
    must(at != NULL);
    f->bytes = (uint32_t)align8(used);
    f->payload_crc = crc32c(0, f->payload.ptr, f->payload.len);
    put_header(at, f);

    end = put_str(at + FRAME_HEADER_BYTES, f->type);
    end = put_str(end, f->channel);
    end = put_str(end, f->identifiers);
    le_put32(at + 4, crc32c(0, at + CRC_FROM, (size_t)(end - at) - CRC_FROM));
    end = put_str(end, f->payload);
    memset(end, 0, f->bytes - used);
}

static struct tl_str
take(const unsigned char **at, size_t len)
{
    struct tl_str s = {(const char *)*at, len};

    *at += len;
    return s;
}

int
frame_parse(struct frame *f, const unsigned char *bytes, size_t available)
{
    const unsigned char *at = bytes + FRAME_HEADER_BYTES;
    size_t names, payload;

    if (available < FRAME_HEADER_BYTES)
        return TL_EDAMAGED;
    names = (size_t)bytes[54] + bytes[55] + le_get16(bytes + 24);
    payload = le_get32(bytes + 12);
    f->bytes = le_get32(bytes);
    if (f->bytes > available || f->bytes != align8(FRAME_HEADER_BYTES + names + payload))
        return TL_EDAMAGED;
    if (crc32c(0, bytes + CRC_FROM, FRAME_HEADER_BYTES - CRC_FROM + names) != le_get32(bytes + 4))
        return TL_EDAMAGED;

    f->payload_crc = le_get32(bytes + 8);
    f->number = le_get64(bytes + 16);
    f->identifiers_count = le_get16(bytes + 26);
    f->time = (int64_t)le_get64(bytes + 28);
    f->received = (int64_t)le_get64(bytes + 36);
    f->profile = le_get64(bytes + 44);
    f->flags = le_get16(bytes + 52);
    f->type = take(&at, bytes[54]);
    f->channel = take(&at, bytes[55]);
    f->identifiers = take(&at, le_get16(bytes + 24));
    f->payload = take(&at, payload);
    return 0;
}

bool
frame_payload_ok(const struct frame *f)
{
    return crc32c(0, f->payload.ptr, f->payload.len) == f->payload_crc;
}

bool
frame_next_identifier(const struct frame *f, size_t *at, struct frame_identifier *id)
{
    const unsigned char *p = (const unsigned char *)f->identifiers.ptr + *at;
    size_t left = f->identifiers.len - *at;

    if (left < IDENTIFIER_HEADER_BYTES
        || left - IDENTIFIER_HEADER_BYTES < p[1] + (size_t)le_get16(p + 2))
        return false;
    id->action = p[0];
    id->type = (struct tl_str){(const char *)p + IDENTIFIER_HEADER_BYTES, p[1]};
    id->value = (struct tl_str){id->type.ptr + id->type.len, le_get16(p + 2)};
    *at += IDENTIFIER_HEADER_BYTES + id->type.len + id->value.len;
    return true;
}
