/* short.h -- comparing and copying a few bytes: most text is short, and a call of
 * the library would cost more than the work. */

#ifndef SHORT_H
#define SHORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
short_eight(const char *at)
{
    uint64_t w;

    memcpy(&w, at, sizeof w);
    return w;
}

static inline uint32_t
short_four(const char *at)
{
    uint32_t w;

    memcpy(&w, at, sizeof w);
    return w;
}

/* Two words that overlap cover anything of one to two words. */
static inline bool
short_equal(const char *a, const char *b, size_t len)
{
    if (len > 16)
        return memcmp(a, b, len) == 0;
    if (len >= 8)
        return ((short_eight(a) ^ short_eight(b)) |
                (short_eight(a + len - 8) ^ short_eight(b + len - 8))) == 0;
    if (len >= 4)
        return ((short_four(a) ^ short_four(b)) |
                (short_four(a + len - 4) ^ short_four(b + len - 4))) == 0;
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* The two do not overlap.  Returns behind what was written. */
static inline unsigned char *
short_copy(unsigned char *to, const char *from, size_t len)
{
    if (len > 32) {
        memcpy(to, from, len);
    } else if (len > 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else {
        for (size_t i = 0; i < len; i++)
            to[i] = (unsigned char)from[i];
    }
    return to + len;
}

#endif
