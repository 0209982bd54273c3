#include "tests/unit/decode.h"

static const struct format_options plain = {0};

static void
calls_decode_to_what_was_checked_by_reading(void **state)
{
    struct tl_str bytes = load("tests/data/freeswitch/constructed-calls.txt");
    struct decoded d;

    (void)state;
    decode(&d, "freeswitch", &plain, bytes);
    assert_expected(&d, "tests/data/freeswitch/events.jsonl");
    assert_int_equal(d.rejects_count, 0);
    assert_string_equal(text_of_buf(&d.ignored),
                        "auth/request\ncommand/reply\ncallcenter::info agents-count\n"
                        "CHANNEL_HANGUP_COMPLETE\nsofia::register\n");
    decoded_free(&d);
    free((char *)(uintptr_t)bytes.ptr);
}

static void
captured_frames_are_understood(void **state)
{
    static const struct {
        const char *path;
        size_t events;
        const char *ignored;
    } files[] = {
        {"tests/data/freeswitch/esl-channel-data.txt", 1, ""},
        {"tests/data/freeswitch/esl-channel-state.txt", 0, "CHANNEL_STATE\n"},
        {"tests/data/freeswitch/esl-command-reply-and-event.txt", 0,
         "command/reply\nCHANNEL_EXECUTE_COMPLETE\n"},
        {"tests/data/freeswitch/esl-disconnect.txt", 0, "text/disconnect-notice\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct tl_str bytes = load(files[i].path);
        struct decoded d;

        decode(&d, "freeswitch", &plain, bytes);
        assert_int_equal(d.events_count, files[i].events);
        assert_int_equal(d.rejects_count, 0);
        assert_string_equal(text_of_buf(&d.ignored), files[i].ignored);
        decoded_free(&d);
        free((char *)(uintptr_t)bytes.ptr);
    }
}

static void
no_length_of_a_call_does_harm(void **state)
{
    struct tl_str bytes = load("tests/data/freeswitch/constructed-calls.txt");
    struct decoded part;

    (void)state;
    for (size_t len = 0; len < bytes.len; len++) {
        decode_as(&part, "freeswitch", &plain, (struct tl_str){bytes.ptr, len}, WHOLE);
        decoded_free(&part);
    }
    free((char *)(uintptr_t)bytes.ptr);
}

static void
expect_reject(const char *frame, const char *reason)
{
    struct decoded d;

    decode(&d, "freeswitch", &plain, text(frame));
    assert_int_equal(d.events_count, 0);
    assert_int_equal(d.rejects_count, 1);
    if (strstr(text_of_buf(&d.rejects), reason) == NULL)
        fail_msg("no %s in %s", reason, text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
what_cannot_be_understood_goes_aside_with_a_reason(void **state)
{
    (void)state;
    expect_reject("hello\n\n", "no frame of the event socket");
    expect_reject("Content-Type: text/event-json\nContent-Length: 5\n\nhello",
                  "an event that is no JSON object");
    expect_reject("Event-Name: CHANNEL_CREATE\n\n", "names neither a customer nor a call");
    expect_reject("Event-Name: CUSTOM\nEvent-Subclass: x::Note\nCustomerNumber: +12025550100\n\n",
                  "a Note without its Text");
}

static void
a_frame_that_says_it_is_too_long_has_no_body(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "freeswitch", &plain,
           text("Content-Type: text/event-plain\nContent-Length: 99999999999999999999\n\n"
                "Event-Name: CHANNEL_CREATE\nUnique-ID: u\nCaller-Caller-ID-Number: +12025550100\n"
                "\n"));
    assert_int_equal(d.events_count, 1);
    decoded_free(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(captured_frames_are_understood),
        cmocka_unit_test(no_length_of_a_call_does_harm),
        cmocka_unit_test(what_cannot_be_understood_goes_aside_with_a_reason),
        cmocka_unit_test(a_frame_that_says_it_is_too_long_has_no_body),
    };

    return cmocka_run_group_tests_name("freeswitch", tests, NULL, NULL);
}
