/* buf.h -- bytes that grow.
 *
 * The first failed allocation sticks in `failed`; later appends do nothing, so
 * the code that fills a buffer is straight and checks once: the library returns
 * an error, a daemon must(!b.failed). */

#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    unsigned char *ptr;
    size_t len;
    size_t cap;
    bool failed;
};

void buf_free(struct buf *b);                 /* frees the memory; the buf is empty again */
void buf_clear(struct buf *b);                /* keeps the memory */
void *buf_grow(struct buf *b, size_t bytes);  /* makes the buffer longer; NULL when out of memory */
void buf_append_slowly(struct buf *b, const void *bytes, size_t len);
void buf_text(struct buf *b, const char *text);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);
void buf_drop_front(struct buf *b, size_t bytes);

static inline void
buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (len - 1 >= b->cap - b->len || b->failed) {      /* also when there are none */
        buf_append_slowly(b, bytes, len);
        return;
    }
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

static inline void
buf_byte(struct buf *b, unsigned char byte)
{
    if (b->len < b->cap && !b->failed)
        b->ptr[b->len++] = byte;
    else
        buf_append(b, &byte, 1);
}

/* Little-endian integers and LEB128, as the store and the wire write them. */
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_long_varint(struct buf *b, uint64_t v);

static inline void
buf_varint(struct buf *b, uint64_t v)
{
    if (v < 0x80)
        buf_byte(b, (unsigned char)v);
    else
        buf_long_varint(b, v);
}

#endif
