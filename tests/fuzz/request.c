/* A message on the wire, read as a request and as a reply; JSON when it begins
 * with a brace. */

#include "tests/fuzz/message.h"

static void
from_bytes(enum codec_message what, struct tl_str bytes)
{
    union {
        struct wire_request request;
        struct wire_reply reply;
    } message;
    struct arena arena;
    struct buf canonical = {0};
    int err;

    arena_init(&arena, CODEC_BUDGET_BYTES);
    err = codec_decode(what, &message, bytes, &arena);
    must(err == 0 || is_decode_error(err));
    if (err == 0) {
        codec_encode(what, &message, &canonical);
        must(!canonical.failed);
        must_come_back(what, &canonical);
        if (canonical.len < 4096)
            through_json(what, &canonical);
    }
    buf_free(&canonical);
    arena_fini(&arena);
}

static void
from_json(enum codec_message what, struct tl_str json)
{
    struct buf bytes = {0};

    if (json_in(what, json, &bytes) == 0)
        from_bytes(what, contents(&bytes));
    buf_free(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum codec_message messages[] = {CODEC_REQUEST, CODEC_REPLY};
    struct tl_str input = {(const char *)data, size};

    codec_init();
    for (size_t i = 0; i < 2; i++) {
        if (size > 0 && data[0] == '{')
            from_json(messages[i], input);
        else
            from_bytes(messages[i], input);
    }
    return 0;
}
