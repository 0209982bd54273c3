#include "adapters/inflate.h"

#include <limits.h>
#include <zlib.h>

#define PIECE_BYTES 16384
#define GZIP_OR_ZLIB (15 + 32)      /* zlib.h, inflateInit2: by the header */

static int
unfold(z_stream *z, struct buf *out, size_t bytes_max)
{
    size_t start = out->len;
    unsigned char piece[PIECE_BYTES];

    for (;;) {
        size_t got;
        int end;

        z->next_out = piece;
        z->avail_out = sizeof piece;
        end = inflate(z, Z_NO_FLUSH);
        if (end == Z_MEM_ERROR)
            return TL_ENOMEM;
        if (end != Z_OK && end != Z_STREAM_END)
            return TL_MALFORMED;
        got = sizeof piece - z->avail_out;
        if (out->len - start + got > bytes_max)
            return TL_TOO_LARGE;
        buf_append(out, piece, got);
        if (out->failed)
            return TL_ENOMEM;
        if (end == Z_STREAM_END && z->avail_in == 0)
            return 0;
        if (end == Z_STREAM_END && inflateReset(z) != Z_OK)
            return TL_MALFORMED;
    }
}

int
inflate_bytes(struct buf *out, struct tl_str bytes, size_t bytes_max)
{
    z_stream z = {0};
    int err;

    if (bytes.len > UINT_MAX)
        return TL_TOO_LARGE;
    if (inflateInit2(&z, GZIP_OR_ZLIB) != Z_OK)
        return TL_ENOMEM;
    z.next_in = (unsigned char *)(uintptr_t)bytes.ptr;
    z.avail_in = (unsigned)bytes.len;
    err = unfold(&z, out, bytes_max);
    inflateEnd(&z);
    return err;
}
