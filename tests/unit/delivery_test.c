/* What is written by hand is what the codec would write. */

#include "broker/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/codec.h"

#define LOG_ID "68f0a1b20000"

static char text[FRAME_BYTES_MAX];
static struct wire_stream_event said[DELIVERY_EVENTS];

static int
setup(void **state)
{
    (void)state;
    codec_init();
    memset(text, 'x', sizeof text);
    return 0;
}

/* Adds what fits, and compares the message with the codec's. */
static size_t
assert_as_the_codec(const struct frame *frames, size_t count, uint64_t id,
                    struct wire_stream_batch about)
{
    struct wire_reply reply = {.id = id, .stream = &about};
    struct delivery d = {0};
    struct buf bytes = {0};
    zmq_msg_t message;
    size_t added = 0;

    for (; added < count && delivery_fits(&d, frames[added].payload.len); added++) {
        bool erased = (frames[added].flags & FRAME_ERASED) != 0;

        delivery_add(&d, &frames[added]);
        said[added] = (struct wire_stream_event){
            frames[added].number, frames[added].received, frames[added].profile,
            erased ? (struct tl_str){0} : frames[added].payload};
    }
    delivery_message(&d, id, &about, &message);
    assert_int_equal(d.count, 0);
    about.events = said;
    about.events_count = added;
    codec_encode(CODEC_REPLY, &reply, &bytes);
    assert_int_equal(zmq_msg_size(&message), bytes.len);
    assert_memory_equal(zmq_msg_data(&message), bytes.ptr, bytes.len);
    zmq_msg_close(&message);
    buf_free(&bytes);
    delivery_fini(&d);
    return added;
}

static const struct wire_stream_batch usual = {
    .stream = 3,
    .log = TL_STR(LOG_ID),
    .position = TL_STR(LOG_ID "-0000000000000005"),
};

static const struct wire_stream_batch longest = {
    .stream = UINT64_MAX,
    .log = TL_STR(LOG_ID),
    .position = TL_STR(LOG_ID "-ffffffffffffffff"),
    .generation = UINT64_MAX,
};

static void
a_batch_without_events_is_progress(void **state)
{
    (void)state;
    assert_as_the_codec(NULL, 0, 7, usual);
    assert_as_the_codec(NULL, 0, UINT64_MAX, longest);
}

static void
numbers_of_every_length_are_written(void **state)
{
    struct frame frames[64];

    (void)state;
    for (unsigned i = 0; i < 64; i++)
        frames[i] = (struct frame){.number = 1ull << i, .received = (int64_t)(~0ull >> i),
                                   .profile = i % 2 == 0 ? 0 : ~0ull >> i,
                                   .payload = {text, i * 9}};
    assert_int_equal(assert_as_the_codec(frames, 64, 1, usual), 64);
}

static void
an_erased_event_has_no_bytes(void **state)
{
    struct frame frame = {.number = 9, .received = 1, .flags = FRAME_ERASED,
                          .payload = {text, 100}};

    (void)state;
    assert_as_the_codec(&frame, 1, 1, usual);
}

static void
a_batch_holds_500_events_and_not_one_more(void **state)
{
    struct frame *frames = calloc(DELIVERY_EVENTS + 1, sizeof *frames);

    (void)state;
    assert_non_null(frames);
    for (size_t i = 0; i <= DELIVERY_EVENTS; i++)
        frames[i] = (struct frame){.number = UINT64_MAX, .received = -1, .profile = UINT64_MAX,
                                   .payload = {text, 130}};
    assert_int_equal(DELIVERY_EVENTS, 500);
    assert_int_equal(assert_as_the_codec(frames, DELIVERY_EVENTS + 1, UINT64_MAX, longest), 500);
    free(frames);
}

static void
a_batch_holds_65536_bytes_of_events_and_not_one_more(void **state)
{
    struct frame frames[3] = {
        {.number = 1, .payload = {text, 65535}},
        {.number = 2, .payload = {text, 1}},
        {.number = 3, .payload = {text, 1}},
    };

    (void)state;
    assert_int_equal(assert_as_the_codec(frames, 3, 1, usual), 2);
    frames[0].payload.len = 65536;
    assert_int_equal(assert_as_the_codec(frames, 3, 1, usual), 1);
}

static void
the_longest_frame_has_a_batch_of_its_own(void **state)
{
    struct frame frame = {.number = UINT64_MAX, .received = -1, .profile = UINT64_MAX,
                          .payload = {text, FRAME_BYTES_MAX}};

    (void)state;
    assert_int_equal(assert_as_the_codec(&frame, 1, UINT64_MAX, longest), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_without_events_is_progress),
        cmocka_unit_test(numbers_of_every_length_are_written),
        cmocka_unit_test(an_erased_event_has_no_bytes),
        cmocka_unit_test(a_batch_holds_500_events_and_not_one_more),
        cmocka_unit_test(a_batch_holds_65536_bytes_of_events_and_not_one_more),
        cmocka_unit_test(the_longest_frame_has_a_batch_of_its_own),
    };

    return cmocka_run_group_tests_name("delivery", tests, setup, NULL);
}
