#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Eight printable ASCII bytes at once: none below a space, none with the top bit. */
static bool
plain_word(const unsigned char *at)
{
    uint64_t w;

    memcpy(&w, at, sizeof w);
    return (((w - 0x2020202020202020u) | w) & 0x8080808080808080u) == 0;
}

/* Bytes of the sequence at `at`, or 0 when it is none (RFC 3629 section 4). */
static size_t
sequence(const unsigned char *at, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (at[0] < 0x80)
        return at[0] >= 0x20 || at[0] == '\t' || at[0] == '\n' ? 1 : 0;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        len = 2;
    else if (at[0] >= 0xe0 && at[0] <= 0xef)
        len = 3;
    else if (at[0] >= 0xf0 && at[0] <= 0xf4)
        len = 4;
    else
        return 0;
    /* The second byte rules out overlong forms, surrogates and what is past U+10FFFF. */
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    if (left < len || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return len;
}

bool
utf8_text(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    size_t step;

    while (len > 0) {
        if (len >= 8 && plain_word(at))
            step = 8;
        else if ((step = sequence(at, len)) == 0)
            return false;
        at += step;
        len -= step;
    }
    return true;
}
