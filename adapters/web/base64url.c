#include "adapters/web/base64url.h"

static int
value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool
base64url_read(struct buf *out, struct tl_str text)
{
    unsigned bits = 0, count = 0;
    int value;

    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        if ((value = value_of(text.ptr[i])) < 0)
            return false;
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_byte(out, (unsigned char)(bits >> count));
        }
    }
    return count < 6;
}

void
base64url_write(struct buf *out, struct tl_str bytes)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t bits = 0;

        for (size_t n = 0; n < 3; n++)
            bits = bits << 8 | (i + n < bytes.len ? (unsigned char)bytes.ptr[i + n] : 0u);
        for (size_t n = 0; n < 4; n++)
            buf_byte(out, i + n <= bytes.len
                              ? (unsigned char)digits[bits >> (18 - 6 * n) & 63]
                              : (unsigned char)'=');
    }
}
