/* record.h -- the bytes of a record: varints, fixed times, counted text.
 *
 * Reading remembers its first fault in `bad` and gives zeros from then on, so
 * the code that reads is straight and checks once. */

#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/buf.h"
#include "proto/event.h"

struct record {
    const unsigned char *at;
    const unsigned char *end;
    bool bad;
};

struct record record_open(struct tl_str bytes);
uint64_t record_varint(struct record *r);
int64_t record_signed(struct record *r);        /* zigzag */
int64_t record_time(struct record *r);          /* 8 bytes */
unsigned record_byte(struct record *r);
struct tl_str record_text(struct record *r);    /* borrows */
size_t record_count(struct record *r, size_t max);      /* bad when over max */

void record_put_signed(struct buf *b, int64_t v);
void record_put_time(struct buf *b, int64_t ns);
void record_put_text(struct buf *b, struct tl_str text);

#endif
