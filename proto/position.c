/* position.c -- a place in a log, as text. */

#include "proto/position.h"

#include "proto/code.h"

static const char digits[] = "0123456789abcdef";

static void
put_hex(char *out, uint64_t value, unsigned width)
{
    for (unsigned i = width; i-- > 0; value >>= 4)
        out[i] = digits[value & 15];
}

/* Lower case only: positions are ordered as text. */
static int
get_hex(uint64_t *value, const char *text, unsigned width)
{
    *value = 0;
    for (unsigned i = 0; i < width; i++) {
        char c = text[i];
        unsigned digit;

        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            return TL_BAD_POSITION;
        *value = *value << 4 | digit;
    }
    return 0;
}

char *
position_format(char out[POSITION_BYTES + 1], struct position p)
{
    put_hex(out, p.log, LOG_ID_BYTES);
    out[LOG_ID_BYTES] = '-';
    put_hex(out + LOG_ID_BYTES + 1, p.number, POSITION_BYTES - LOG_ID_BYTES - 1);
    out[POSITION_BYTES] = '\0';
    return out;
}

int
position_parse(struct position *p, struct tl_str text)
{
    int err;

    if (text.len != POSITION_BYTES || text.ptr[LOG_ID_BYTES] != '-')
        return TL_BAD_POSITION;
    if ((err = get_hex(&p->log, text.ptr, LOG_ID_BYTES)) != 0)
        return err;
    return get_hex(&p->number, text.ptr + LOG_ID_BYTES + 1, POSITION_BYTES - LOG_ID_BYTES - 1);
}
