/* feed.h -- a decoder fed whole and in pieces: both must say the same, and
 * every event must be one that the library can send. */

#ifndef FEED_H
#define FEED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/formats.h"
#include "base/buf.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

static inline void
said_event(void *arg, const struct tl_event *ev)
{
    char *bytes, *json;
    size_t len;

    must(tl_event_encode(ev, &bytes, &len) == 0);
    must(tl_event_to_json((struct tl_str){bytes, len}, &json) == 0);
    buf_byte(arg, 'e');
    buf_append(arg, bytes, len);
    free(json);
    free(bytes);
}

static inline void
said_reject(void *arg, struct tl_str record, uint64_t at, const char *reason)
{
    must(reason[0] != '\0');
    buf_printf(arg, "r%llu %s ", (unsigned long long)at, reason);
    buf_append(arg, record.ptr, record.len);
}

static inline void
said_ignored(void *arg, const char *name)
{
    buf_printf(arg, "i%s ", name);
}

static inline size_t
piece_size(unsigned *seed, size_t left)
{
    size_t len;

    *seed = *seed * 1103515245u + 12345u;
    len = 1 + (*seed >> 16) % 61;
    return len < left ? len : left;
}

/* Each piece is a block of its own, so that reading past it is seen. */
static inline void
feed_pieces(const struct format *format, struct decoder *d, struct tl_str bytes, unsigned seed)
{
    for (size_t at = 0, len; at < bytes.len; at += len) {
        char *piece;

        len = piece_size(&seed, bytes.len - at);
        must((piece = malloc(len)) != NULL);
        memcpy(piece, bytes.ptr + at, len);
        format->feed(d, piece, len);
        free(piece);
    }
}

/* What it said; false when it could not be opened.  Seed 0: in one piece. */
static inline bool
feed(struct buf *said, const char *name, const struct format_options *options,
     struct tl_str bytes, unsigned seed)
{
    struct format_sink sink = {said_event, said_reject, said_ignored, said};
    const struct format *format = format_find(name);
    struct decoder *d = NULL;
    char why[512] = "";

    must(format != NULL);
    if (format->open(&d, options, &sink, why) != 0) {
        must(why[0] != '\0');
        return false;
    }
    if (seed == 0)
        format->feed(d, bytes.ptr, bytes.len);
    else
        feed_pieces(format, d, bytes, seed);
    format->end(d);
    format->close(&d);
    must(d == NULL && !said->failed);
    return true;
}

static inline void
feed_both(const char *name, const struct format_options *options, struct tl_str bytes,
          unsigned seed)
{
    struct buf whole = {0}, pieces = {0};

    if (feed(&whole, name, options, bytes, 0)) {
        must(feed(&pieces, name, options, bytes, 1 + seed));
        must(whole.len == pieces.len);
        must(whole.len == 0 || memcmp(whole.ptr, pieces.ptr, whole.len) == 0);
    }
    buf_free(&pieces);
    buf_free(&whole);
}

/* A file of the project, with a NUL behind it; stays. */
static inline struct tl_str
load(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *bytes = malloc(65536);
    size_t len;

    must(bytes != NULL && f != NULL);       /* run it from the project's folder */
    len = fread(bytes, 1, 65535, f);
    fclose(f);
    bytes[len] = '\0';
    return (struct tl_str){bytes, len};
}

#endif
