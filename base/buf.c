#include "base/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define CAP_MIN 64
#define SHORT_TEXT_BYTES 32     /* most that is printed */

void
buf_free(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){0};
}

void
buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

static bool
reserve(struct buf *b, size_t bytes)
{
    size_t cap = b->cap != 0 ? b->cap : CAP_MIN;
    unsigned char *ptr;

    if (b->failed)
        return false;
    if (bytes <= b->cap - b->len)
        return true;
    while (cap - b->len < bytes) {
        if (cap > SIZE_MAX / 2) {
            b->failed = true;
            return false;
        }
        cap *= 2;
    }
    if ((ptr = realloc(b->ptr, cap)) == NULL) {
        b->failed = true;
        return false;
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

void *
buf_grow(struct buf *b, size_t bytes)
{
    void *at;

    if (!reserve(b, bytes != 0 ? bytes : 1))
        return NULL;
    at = b->ptr + b->len;
    b->len += bytes;
    return at;
}

void
buf_append_slowly(struct buf *b, const void *bytes, size_t len)
{
    void *at;

    if (len != 0 && (at = buf_grow(b, len)) != NULL)
        memcpy(at, bytes, len);
}

void
buf_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    if (reserve(b, SHORT_TEXT_BYTES)) {
        size_t room = b->cap - b->len;

        len = vsnprintf((char *)b->ptr + b->len, room, fmt, args);
        must(len >= 0);
        if ((size_t)len >= room && reserve(b, (size_t)len + 1))
            vsnprintf((char *)b->ptr + b->len, (size_t)len + 1, fmt, again);
        if (!b->failed)
            b->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void
buf_drop_front(struct buf *b, size_t bytes)
{
    must(bytes <= b->len);
    b->len -= bytes;
    if (b->len != 0 && bytes != 0)
        memmove(b->ptr, b->ptr + bytes, b->len);
}

void
buf_u16(struct buf *b, uint16_t v)
{
    v = htole16(v);
    buf_append(b, &v, sizeof v);
}

void
buf_u32(struct buf *b, uint32_t v)
{
    v = htole32(v);
    buf_append(b, &v, sizeof v);
}

void
buf_u64(struct buf *b, uint64_t v)
{
    v = htole64(v);
    buf_append(b, &v, sizeof v);
}

void
buf_long_varint(struct buf *b, uint64_t v)
{
    unsigned char bytes[10];
    size_t len = 0;

    while (v >= 0x80) {
        bytes[len++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    bytes[len++] = (unsigned char)v;
    buf_append(b, bytes, len);
}
