/* message.h -- the roads of a message: bytes, struct, JSON, and back. */

#ifndef MESSAGE_H
#define MESSAGE_H

#include <string.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/json.h"
#include "tests/fuzz/fuzz.h"

#define WHY_BYTES 256

static inline struct tl_str
contents(const struct buf *b)
{
    return (struct tl_str){(const char *)b->ptr, b->len};
}

static inline void
must_be_same(const struct buf *a, const struct buf *b)
{
    must(a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0));
}

static inline bool
is_decode_error(int err)
{
    return err == TL_MALFORMED || err == TL_BAD_UTF8 || err == TL_BAD_TIME || err == TL_TOO_MANY;
}

/* What was written by us is read by us, and written the same again. */
static inline void
must_come_back(enum codec_message what, const struct buf *bytes)
{
    union {
        struct tl_event event;
        struct wire_request request;
        struct wire_reply reply;
    } out;
    struct arena arena;
    struct buf again = {0};
    int err;

    arena_init(&arena, 2 * CODEC_BUDGET_BYTES);
    err = codec_decode(what, &out, contents(bytes), &arena);
    must(err == 0);
    codec_encode(what, &out, &again);
    must(!again.failed);
    must_be_same(bytes, &again);
    buf_free(&again);
    arena_fini(&arena);
}

/* JSON of any origin is refused with a sentence, or makes a message we read. */
static inline int
json_in(enum codec_message what, struct tl_str json, struct buf *bytes)
{
    char why[WHY_BYTES];
    int err = json_to_bytes(what, json, bytes, why, sizeof why);

    must(err == 0 || is_decode_error(err));
    must((err == 0) == (why[0] == '\0'));
    return err;
}

/* The JSON of well-formed bytes is read, and written the same again.  (The bytes
 * may differ: of a key that is twice in a map, JSON has the last.) */
static inline void
through_json(enum codec_message what, const struct buf *bytes)
{
    struct buf json = {0}, whole = {0}, back = {0}, again = {0};
    int err = json_from_bytes(what, contents(bytes), false, &json);

    must(err == 0);
    must(json_from_bytes(what, contents(bytes), true, &whole) == 0);
    err = json_in(what, contents(&json), &back);
    must(err == 0);
    must(json_from_bytes(what, contents(&back), false, &again) == 0);
    must_be_same(&json, &again);
    buf_free(&again);
    buf_free(&back);
    buf_free(&whole);
    buf_free(&json);
}

#endif
