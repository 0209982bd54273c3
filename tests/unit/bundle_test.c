/* A bundle written by hand is what the codec would write. */

#include "broker/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec.h"

#define REPLIES 5

static int
setup(void **state)
{
    (void)state;
    codec_init();
    return 0;
}

static void
a_bundle_is_what_the_codec_would_write(void **state)
{
    static const size_t sizes[REPLIES] = {0, 1, 127, 128, BUNDLED_BYTES_MAX};
    zmq_msg_t messages[REPLIES], *each[REPLIES], bundle;
    struct tl_str replies[REPLIES];
    struct wire_reply reply = {.bundle = replies, .bundle_count = REPLIES};
    struct buf bytes = {0};

    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        assert_int_equal(zmq_msg_init_size(&messages[i], sizes[i]), 0);
        memset(zmq_msg_data(&messages[i]), 'a' + (int)i, sizes[i]);
        each[i] = &messages[i];
        replies[i] = (struct tl_str){zmq_msg_data(&messages[i]), sizes[i]};
    }
    bundle_message(each, REPLIES, &bundle);
    codec_encode(CODEC_REPLY, &reply, &bytes);
    assert_int_equal(zmq_msg_size(&bundle), bytes.len);
    assert_memory_equal(zmq_msg_data(&bundle), bytes.ptr, bytes.len);
    for (size_t i = 0; i < REPLIES; i++)
        zmq_msg_close(&messages[i]);
    zmq_msg_close(&bundle);
    buf_free(&bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_is_what_the_codec_would_write),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
