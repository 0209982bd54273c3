/* An event's bytes, or its JSON when it begins with a brace (which no message
 * does: 0x7b would begin a group). */

#include "proto/valid.h"
#include "tests/fuzz/message.h"

static void
write_back(const struct tl_event *ev, size_t bytes)
{
    struct buf canonical = {0};
    const char *detail = "";
    int err = valid_event(ev, bytes, &detail);

    must(err >= 0 && detail != NULL);
    codec_encode(CODEC_EVENT, ev, &canonical);
    must(!canonical.failed);
    must_come_back(CODEC_EVENT, &canonical);
    must(codec_same_event(contents(&canonical), contents(&canonical)));
    if (err == 0)
        through_json(CODEC_EVENT, &canonical);
    buf_free(&canonical);
}

static void
from_bytes(struct tl_str bytes)
{
    struct arena arena;
    struct tl_event ev;
    struct buf json = {0};
    int err, json_err;

    arena_init(&arena, CODEC_BUDGET_BYTES);
    err = codec_decode(CODEC_EVENT, &ev, bytes, &arena);
    must(err == 0 || is_decode_error(err));
    json_err = json_from_bytes(CODEC_EVENT, bytes, false, &json);
    must(json_err == err);
    if (err == 0)
        write_back(&ev, bytes.len);
    (void)codec_same_event(bytes, (struct tl_str){bytes.ptr, bytes.len / 2});
    buf_free(&json);
    arena_fini(&arena);
}

static void
from_json(struct tl_str json)
{
    struct buf bytes = {0};

    if (json_in(CODEC_EVENT, json, &bytes) == 0)
        from_bytes(contents(&bytes));
    buf_free(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_str input = {(const char *)data, size};

    codec_init();
    if (size > 0 && data[0] == '{')
        from_json(input);
    else
        from_bytes(input);
    return 0;
}
