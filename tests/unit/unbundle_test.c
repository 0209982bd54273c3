#include "client/unbundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec.h"

static int
setup(void **state)
{
    (void)state;
    codec_init();
    return 0;
}

static void
message_of(zmq_msg_t *msg, const void *bytes, size_t len)
{
    assert_int_equal(zmq_msg_init_size(msg, len), 0);
    if (len > 0)
        memcpy(zmq_msg_data(msg), bytes, len);
}

static void
bundle_of(zmq_msg_t *msg, struct tl_str *replies, size_t count)
{
    struct wire_reply reply = {.bundle = replies, .bundle_count = count};
    struct buf bytes = {0};

    codec_encode(CODEC_REPLY, &reply, &bytes);
    message_of(msg, bytes.ptr, bytes.len);
    buf_free(&bytes);
}

/* Takes all, and asserts that they are `replies`. */
static void
assert_all(zmq_msg_t *msg, const struct tl_str *replies, size_t count)
{
    struct bundle b = {.len = 0};
    struct tl_str bytes;
    zmq_msg_t one;

    zmq_msg_init(&one);
    assert_true(bundle_begin(&b, msg));
    for (size_t i = 0; i < count; i++) {
        assert_true(bundle_next(&b, &one, &bytes));
        assert_int_equal(bytes.len, replies[i].len);
        assert_memory_equal(bytes.ptr, replies[i].ptr, replies[i].len);
    }
    assert_false(bundle_next(&b, &one, &bytes));
    zmq_msg_close(&one);
}

static void
replies_come_out_in_the_order_they_went_in(void **state)
{
    static char text[20000];
    struct tl_str replies[] = {{text, 3}, {text, 0}, {text, 127}, {text, 128}, {text, 20000}};
    zmq_msg_t msg;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    bundle_of(&msg, replies, 5);
    assert_all(&msg, replies, 5);
}

/* ZeroMQ keeps a small message inside its zmq_msg_t. */
static void
a_small_bundle_is_taken_apart_too(void **state)
{
    struct tl_str replies[] = {TL_STR("one"), TL_STR("two"), TL_STR("three")};
    zmq_msg_t msg;

    (void)state;
    bundle_of(&msg, replies, 3);
    assert_true(zmq_msg_size(&msg) < 30);
    assert_all(&msg, replies, 3);
}

static void
a_reply_outlives_its_bundle(void **state)
{
    static char text[5000];
    struct tl_str replies[] = {{text, 1000}, {text, 5000}}, bytes;
    struct bundle b = {.len = 0};
    zmq_msg_t msg, one;

    (void)state;
    memset(text, 'x', sizeof text);
    bundle_of(&msg, replies, 2);
    zmq_msg_init(&one);
    assert_true(bundle_begin(&b, &msg));
    assert_true(bundle_next(&b, &one, &bytes));
    bundle_end(&b);
    assert_int_equal(bytes.len, 1000);
    assert_memory_equal(bytes.ptr, text, 1000);
    zmq_msg_close(&one);
}

static void
another_message_is_left_alone(void **state)
{
    static const char other[] = "\x08\x01";
    struct bundle b = {.len = 0};
    zmq_msg_t msg;

    (void)state;
    message_of(&msg, other, 2);
    assert_false(bundle_begin(&b, &msg));
    assert_int_equal(zmq_msg_size(&msg), 2);
    zmq_msg_close(&msg);
    message_of(&msg, "", 0);
    assert_false(bundle_begin(&b, &msg));
    zmq_msg_close(&msg);
}

static void
what_is_damaged_ends_the_bundle(void **state)
{
    static const struct tl_str damaged[] = {
        TL_STR("\xf2\x01"), TL_STR("\xf2\x01\x05" "four"), TL_STR("\xf2\x01\xff\xff\xff\xff\x7f"),
        TL_STR("\xf2\x01\x80"),
    };
    static const struct tl_str then_damaged[] = {TL_STR("\xf2\x01\x01x\x08\x01"),
                                                 TL_STR("\xf2\x01\x01x\xf2")};
    struct tl_str bytes;
    zmq_msg_t msg, one;

    (void)state;
    zmq_msg_init(&one);
    for (size_t i = 0; i < 6; i++) {
        const struct tl_str *text = i < 4 ? &damaged[i] : &then_damaged[i - 4];
        struct bundle b = {.len = 0};

        message_of(&msg, text->ptr, text->len);
        assert_true(bundle_begin(&b, &msg));
        if (i >= 4)
            assert_true(bundle_next(&b, &one, &bytes));
        assert_false(bundle_next(&b, &one, &bytes));
        assert_int_equal(b.len, 0);
    }
    zmq_msg_close(&one);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_small_bundle_is_taken_apart_too),
        cmocka_unit_test(a_reply_outlives_its_bundle),
        cmocka_unit_test(another_message_is_left_alone),
        cmocka_unit_test(what_is_damaged_ends_the_bundle),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
