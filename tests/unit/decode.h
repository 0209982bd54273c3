/* decode.h -- runs a decoder over bytes in pieces and keeps what comes out. */

#ifndef DECODE_H
#define DECODE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "adapters/formats.h"
#include "base/buf.h"
#include "base/must.h"
#include "proto/valid.h"

struct decoded {
    struct buf events;          /* a line of JSON each */
    struct buf rejects;         /* `at: reason: record` each */
    struct buf ignored;         /* a name each */
    size_t events_count, rejects_count, ignored_count;
    int64_t total_minor;        /* of all sales */
};

enum pieces {
    WHOLE,
    BYTE_BY_BYTE,
    RANDOM,
};

static inline void
decoded_event(void *arg, const struct tl_event *ev)
{
    struct decoded *d = arg;
    const char *detail = "";
    char *bytes, *json;
    size_t len;

    assert_int_equal(tl_event_encode(ev, &bytes, &len), 0);
    if (valid_event(ev, len, &detail) != 0)
        fail_msg("an event the broker would refuse: %s", detail);
    assert_int_equal(tl_event_to_json((struct tl_str){bytes, len}, &json), 0);
    buf_printf(&d->events, "%s\n", json);
    free(json);
    free(bytes);
    d->events_count++;
    if (ev->sale != NULL)
        d->total_minor += ev->sale->total_minor;
}

static inline void
decoded_reject(void *arg, struct tl_str record, uint64_t at, const char *reason)
{
    struct decoded *d = arg;

    buf_printf(&d->rejects, "%llu: %s: %.*s\n", (unsigned long long)at, reason, (int)record.len,
               record.ptr);
    d->rejects_count++;
}

static inline void
decoded_ignored(void *arg, const char *name)
{
    struct decoded *d = arg;

    buf_printf(&d->ignored, "%s\n", name);
    d->ignored_count++;
}

static inline void
decoded_free(struct decoded *d)
{
    buf_free(&d->events);
    buf_free(&d->rejects);
    buf_free(&d->ignored);
    *d = (struct decoded){0};
}

static inline size_t
piece_size(enum pieces pieces, unsigned *seed)
{
    if (pieces == WHOLE)
        return SIZE_MAX;
    if (pieces == BYTE_BY_BYTE)
        return 1;
    *seed = *seed * 1103515245u + 12345u;
    return 1 + (*seed >> 16) % 700;
}

/* Each piece is a block of its own, so that reading past it is seen. */
static inline void
decode_as(struct decoded *out, const char *name, const struct format_options *options,
          struct tl_str bytes, enum pieces pieces)
{
    struct format_sink sink = {decoded_event, decoded_reject, decoded_ignored, out};
    const struct format *format = format_find(name);
    struct decoder *decoder = NULL;
    char why[512] = "";
    unsigned seed = 1;

    *out = (struct decoded){0};
    assert_non_null(format);
    if (format->open(&decoder, options, &sink, why) != 0)
        fail_msg("%s", why);
    for (size_t at = 0; at < bytes.len;) {
        size_t len = piece_size(pieces, &seed);
        char *piece;

        if (len > bytes.len - at)
            len = bytes.len - at;
        must((piece = malloc(len)) != NULL);
        memcpy(piece, bytes.ptr + at, len);
        format->feed(decoder, piece, len);
        free(piece);
        at += len;
    }
    format->end(decoder);
    format->close(&decoder);
    assert_null(decoder);
    buf_byte(&out->events, 0);
    buf_byte(&out->rejects, 0);
    buf_byte(&out->ignored, 0);
    must(!out->events.failed && !out->rejects.failed && !out->ignored.failed);
}

static inline const char *
text_of_buf(const struct buf *b)
{
    return (const char *)b->ptr;
}

static inline void
assert_same_decoded(const struct decoded *a, const struct decoded *b)
{
    assert_string_equal(text_of_buf(&a->events), text_of_buf(&b->events));
    assert_string_equal(text_of_buf(&a->rejects), text_of_buf(&b->rejects));
    assert_string_equal(text_of_buf(&a->ignored), text_of_buf(&b->ignored));
}

/* Decodes in one piece, byte by byte and in random pieces: all the same. */
static inline void
decode(struct decoded *out, const char *name, const struct format_options *options,
       struct tl_str bytes)
{
    struct decoded again;

    decode_as(out, name, options, bytes, WHOLE);
    decode_as(&again, name, options, bytes, RANDOM);
    assert_same_decoded(out, &again);
    decoded_free(&again);
    if (bytes.len > 256 << 10)
        return;
    decode_as(&again, name, options, bytes, BYTE_BY_BYTE);
    assert_same_decoded(out, &again);
    decoded_free(&again);
}

/* Every length of it, from nothing on: nothing crashes, and no event comes that
 * the whole does not have. */
static inline void
decode_truncated(const char *name, const struct format_options *options, struct tl_str bytes)
{
    struct decoded whole, part;

    decode_as(&whole, name, options, bytes, WHOLE);
    for (size_t len = 0; len < bytes.len; len++) {
        decode_as(&part, name, options, (struct tl_str){bytes.ptr, len}, WHOLE);
        assert_true(part.events_count <= whole.events_count);
        decoded_free(&part);
    }
    decoded_free(&whole);
}

static inline struct tl_str
text(const char *s)
{
    return (struct tl_str){s, strlen(s)};
}

/* A file of the tests, unpacked when it is packed; free(ptr).  Ends in NUL. */
static inline struct tl_str
load(const char *path)
{
    struct buf b = {0};
    gzFile f = gzopen(path, "rb");
    char piece[65536];
    int got;

    if (f == NULL)
        fail_msg("%s cannot be read", path);
    while ((got = gzread(f, piece, sizeof piece)) > 0)
        buf_append(&b, piece, (size_t)got);
    gzclose(f);
    buf_byte(&b, 0);
    must(got == 0 && !b.failed);
    return (struct tl_str){(char *)b.ptr, b.len - 1};
}

/* Compares with a file of events; WRITE_EXPECTED=1 writes it instead. */
static inline void
assert_expected(const struct decoded *d, const char *path)
{
    const char *now = text_of_buf(&d->events), *was;
    struct tl_str expected;
    FILE *f;

    if (getenv("WRITE_EXPECTED") != NULL) {
        must((f = fopen(path, "w")) != NULL);
        must(fputs(now, f) >= 0 && fclose(f) == 0);
        return;
    }
    expected = load(path);
    for (was = expected.ptr; *was != '\0' || *now != '\0';) {
        size_t was_len = strcspn(was, "\n"), now_len = strcspn(now, "\n");

        if (was_len != now_len || memcmp(was, now, was_len) != 0)
            fail_msg("%s:\nexpected %.*s\n     got %.*s", path, (int)was_len, was, (int)now_len,
                     now);
        was += was_len + (was[was_len] == '\n');
        now += now_len + (now[now_len] == '\n');
    }
    free((void *)(uintptr_t)expected.ptr);
}

#endif
