/* record.h -- the bytes of a record: varints, fixed times, counted text.
 *
 * Reading remembers its first fault in `bad` and gives zeros from then on, so
 * the code that reads is straight and checks once. */

#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <string.h>

#include "base/buf.h"
#include "base/short.h"
#include "proto/event.h"

struct record {
    const unsigned char *at;
    const unsigned char *end;
    bool bad;
};

struct record record_open(struct tl_str bytes);
uint64_t record_long_varint(struct record *r);
uint64_t record_u64(struct record *r);          /* of 8 bytes, little-endian */
int64_t record_signed(struct record *r);        /* zigzag */
unsigned record_byte(struct record *r);
uint64_t record_fault(struct record *r);        /* 0 */

static inline uint64_t
record_varint(struct record *r)
{
    return r->at < r->end && *r->at < 0x80 ? *r->at++ : record_long_varint(r);
}

static inline int64_t
record_time(struct record *r)
{
    int64_t ns;

    if (r->end - r->at < 8)
        return (int64_t)record_fault(r);
    memcpy(&ns, r->at, 8);
    r->at += 8;
    return ns;
}

/* An event's number where there are many in one record: 6 bytes, for ever enough
 * and read without a loop. */
#define RECORD_NUMBER_BYTES 6

static inline uint64_t
record_number(struct record *r)
{
    uint32_t low;
    uint16_t high;

    if (r->end - r->at < RECORD_NUMBER_BYTES)
        return record_fault(r);
    memcpy(&low, r->at, 4);
    memcpy(&high, r->at + 4, 2);
    r->at += RECORD_NUMBER_BYTES;
    return (uint64_t)high << 32 | low;
}

/* Borrows. */
static inline struct tl_str
record_text(struct record *r)
{
    uint64_t len = record_varint(r);
    struct tl_str text = {(const char *)r->at, (size_t)len};

    if (len > (uint64_t)(r->end - r->at)) {
        record_fault(r);
        return (struct tl_str){"", 0};
    }
    r->at += len;
    return text;
}

size_t record_count(struct record *r, size_t max);      /* bad when over max */

/* Writing into room taken ahead, for the record that is written with every
 * event: an integer takes up to RECORD_VARINT_MAX bytes, a time 8. */
#define RECORD_VARINT_MAX 10

static inline unsigned char *
record_write_varint(unsigned char *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (unsigned char)(v | 0x80);
    *at++ = (unsigned char)v;
    return at;
}

static inline unsigned char *
record_write_time(unsigned char *at, int64_t ns)
{
    memcpy(at, &ns, 8);
    return at + 8;
}

static inline unsigned char *
record_write_number(unsigned char *at, uint64_t number)
{
    uint32_t low = (uint32_t)number;
    uint16_t high = (uint16_t)(number >> 32);

    memcpy(at, &low, 4);
    memcpy(at + 4, &high, 2);
    return at + RECORD_NUMBER_BYTES;
}

static inline unsigned char *
record_write_text(unsigned char *at, struct tl_str text)
{
    return short_copy(record_write_varint(at, text.len), text.ptr, text.len);
}

static inline size_t
record_text_bytes(struct tl_str text)
{
    size_t bytes = 1;

    for (size_t left = text.len; left >= 0x80; left >>= 7)
        bytes++;
    return bytes + text.len;
}

void record_put_signed(struct buf *b, int64_t v);
void record_put_time(struct buf *b, int64_t ns);
void record_put_text(struct buf *b, struct tl_str text);

#endif
