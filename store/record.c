#include "store/record.h"

#include "base/varint.h"
#include "store/le.h"

struct record
record_open(struct tl_str bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;

    return (struct record){.at = at, .end = at + bytes.len};
}

uint64_t
record_fault(struct record *r)
{
    r->bad = true;
    r->at = r->end;
    return 0;
}

uint64_t
record_long_varint(struct record *r)
{
    uint64_t v = 0;
    size_t len;

    if (r->end - r->at >= 8 && (len = varint_read(&v, r->at)) > 0) {
        r->at += len;
        return v;
    }
    v = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        unsigned char byte = *r->at++;

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    return record_fault(r);
}

int64_t
record_signed(struct record *r)
{
    uint64_t v = record_varint(r);

    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

unsigned
record_byte(struct record *r)
{
    return r->at < r->end ? *r->at++ : (unsigned)record_fault(r);
}

size_t
record_count(struct record *r, size_t max)
{
    uint64_t count = record_varint(r);

    return count > max ? (size_t)record_fault(r) : (size_t)count;
}

void
record_put_signed(struct buf *b, int64_t v)
{
    buf_varint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void
record_put_time(struct buf *b, int64_t ns)
{
    buf_append(b, &ns, 8);
}

void
record_put_text(struct buf *b, struct tl_str text)
{
    buf_varint(b, text.len);
    buf_append(b, text.ptr, text.len);
}

uint64_t
record_u64(struct record *r)
{
    uint64_t v;

    if (r->end - r->at < 8)
        return record_fault(r);
    v = le_get64(r->at);
    r->at += 8;
    return v;
}
