/* base64.c -- bytes in four characters for three. */

#include "proto/base64.h"

#include "proto/code.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_write(struct buf *out, struct tl_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    unsigned char *at = buf_grow(out, (bytes.len + 2) / 3 * 4);

    if (at == NULL)
        return;
    for (size_t left = bytes.len; left > 0; at += 4) {
        size_t n = left < 3 ? left : 3;
        unsigned w = (unsigned)p[0] << 16;

        if (n > 1)
            w |= (unsigned)p[1] << 8;
        if (n > 2)
            w |= p[2];
        at[0] = (unsigned char)alphabet[w >> 18];
        at[1] = (unsigned char)alphabet[w >> 12 & 63];
        at[2] = (unsigned char)(n > 1 ? alphabet[w >> 6 & 63] : '=');
        at[3] = (unsigned char)(n > 2 ? alphabet[w & 63] : '=');
        p += n;
        left -= n;
    }
}

/* 64: not of the alphabet. */
static unsigned
value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return 64;
}

int
base64_read(struct tl_str *bytes, struct tl_str text, struct arena *arena)
{
    size_t len = text.len, used = 0;
    unsigned char *out;
    unsigned w = 0, bits = 0, v;

    for (int pad = 0; pad < 2 && len > 0 && len % 4 == (pad == 0 ? 0 : 3) &&
         text.ptr[len - 1] == '='; pad++)
        len--;
    if (len % 4 == 1)
        return TL_MALFORMED;
    if ((out = arena_alloc(arena, len / 4 * 3 + 3)) == NULL)
        return TL_TOO_MANY;
    for (size_t i = 0; i < len; i++) {
        if ((v = value_of(text.ptr[i])) == 64)
            return TL_MALFORMED;
        w = (w << 6 | v) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[used++] = (unsigned char)(w >> bits);
        }
    }
    *bytes = (struct tl_str){(const char *)out, used};
    return 0;
}
