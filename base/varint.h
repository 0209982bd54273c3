/* varint.h -- a LEB128 integer of up to eight bytes, read at once. */

#ifndef VARINT_H
#define VARINT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* At `at` there are eight bytes.  How many of them it took; 0: it is longer. */
static inline size_t
varint_read(uint64_t *v, const unsigned char *at)
{
    uint64_t w, stops;

    memcpy(&w, at, sizeof w);
    w = le64toh(w);
    stops = ~w & 0x8080808080808080;
    if (stops == 0)
        return 0;
    w &= stops ^ (stops - 1);
    /* Seven bits of each byte, moved together: pairs, fours, all. */
    w = (w & 0x7f007f007f007f00) >> 1 | (w & 0x007f007f007f007f);
    w = (w & 0x3fff00003fff0000) >> 2 | (w & 0x00003fff00003fff);
    *v = (w & 0x0fffffff00000000) >> 4 | (w & 0x000000000fffffff);
    return (size_t)__builtin_ctzll(stops) / 8 + 1;
}

#endif
