#include "tests/unit/decode.h"

static const struct format_options plain = {0};

static void
a_recording_of_requests_decodes_to_what_was_checked_by_reading(void **state)
{
    struct tl_str bytes = load("tests/data/twilio/voice-status-callbacks.http");
    struct decoded d;

    (void)state;
    decode(&d, "twilio", &plain, bytes);
    assert_expected(&d, "tests/data/twilio/events.jsonl");
    assert_int_equal(d.events_count, 84);
    assert_int_equal(d.rejects_count, 0);
    decoded_free(&d);
    free((char *)(uintptr_t)bytes.ptr);
}

static void
no_length_of_a_request_does_harm(void **state)
{
    struct tl_str bytes = load("tests/data/twilio/voice-status-callbacks.http");

    (void)state;
    bytes.len = 1500;
    decode_truncated("twilio", &plain, bytes);
    free((char *)(uintptr_t)bytes.ptr);
}

#define FORM                                                                                      \
    "CallSid=CA1&From=%2B12025550108&To=%2B12025550199&Direction=inbound"                        \
    "&Timestamp=Tue%2C+14+Nov+2023+22%3A13%3A23+%2B0100"

static void
expect(const char *body, const char *event)
{
    struct decoded d;

    decode(&d, "twilio", &plain, text(body));
    if (strstr(text_of_buf(&d.events), event) == NULL)
        fail_msg("no %s in %s%s", event, text_of_buf(&d.events), text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
a_body_alone_is_read_as_well(void **state)
{
    (void)state;
    expect(FORM "&CallStatus=ringing&SequenceNumber=1", "\"id\":\"CA1-1\"");
    expect(FORM "&CallStatus=ringing", "\"id\":\"CA1-ringing\"");
    expect(FORM "&CallStatus=ringing", "\"time\":\"2023-11-14T21:13:23Z\"");
    expect(FORM "&CallStatus=completed&CallDuration=42", "\"talk_ms\":\"42000\"");
    expect(FORM "&CallStatus=canceled", "\"type\":\"call.abandoned\"");
    expect(FORM "&CallStatus=busy&SipResponseCode=486", "\"SipResponseCode\":\"486\"");
}

static void
a_leg_to_an_agent_is_about_the_customer_at_its_other_end(void **state)
{
    static const char leg[] = "CallSid=CA2&ParentCallSid=CA1&CallStatus=in-progress&"
                              "Direction=outbound-dial&From=%2B12025550108&To=client%3A101";

    (void)state;
    expect(leg, "\"touchpoint\":\"agent:101\"");
    expect(leg, "\"identifiers\":[{\"type\":\"phone\",\"value\":\"+12025550108\"}]");
    expect(leg, "\"subject\":\"CA2\",\"conversation\":\"CA1\"");
    expect("CallSid=CA3&CallStatus=ringing&Direction=outbound-api&From=sip%3Aann%40pbx.example"
           "&To=%2B12025550108",
           "\"touchpoint\":\"agent:ann\"");
}

static void
expect_reject(const char *body, const char *reason)
{
    struct decoded d;

    decode(&d, "twilio", &plain, text(body));
    assert_int_equal(d.events_count, 0);
    assert_int_equal(d.rejects_count, 1);
    assert_non_null(strstr(text_of_buf(&d.rejects), reason));
    decoded_free(&d);
}

static void
what_is_no_callback_of_a_call_goes_aside(void **state)
{
    (void)state;
    expect_reject("MessageSid=SM1&MessageStatus=sent", "no CallSid");
    expect_reject("CallSid=CA1&CallStatus=dancing", "a CallStatus this decoder does not know");
    expect_reject("hello", "no CallSid");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recording_of_requests_decodes_to_what_was_checked_by_reading),
        cmocka_unit_test(no_length_of_a_request_does_harm),
        cmocka_unit_test(a_body_alone_is_read_as_well),
        cmocka_unit_test(a_leg_to_an_agent_is_about_the_customer_at_its_other_end),
        cmocka_unit_test(what_is_no_callback_of_a_call_goes_aside),
    };

    return cmocka_run_group_tests_name("twilio", tests, NULL, NULL);
}
