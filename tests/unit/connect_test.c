#include "tests/unit/decode.h"

static const struct format_options plain = {0};

static void
expect_file(const char *path, const char *events)
{
    struct tl_str bytes = load(path);
    struct decoded d;

    decode(&d, "amazon-connect", &plain, bytes);
    assert_expected(&d, events);
    assert_int_equal(d.rejects_count, 0);
    decoded_free(&d);
    free((char *)(uintptr_t)bytes.ptr);
}

static void
records_and_events_decode_to_what_was_checked_by_reading(void **state)
{
    (void)state;
    expect_file("tests/data/amazon-connect/ctr-constructed.ndjson",
                "tests/data/amazon-connect/records.jsonl");
    expect_file("tests/data/amazon-connect/constructed-contact-events.json",
                "tests/data/amazon-connect/events.jsonl");
}

static void
no_length_of_an_event_does_harm(void **state)
{
    struct tl_str bytes = load("tests/data/amazon-connect/constructed-contact-events.json");

    (void)state;
    decode_truncated("amazon-connect", &plain, bytes);
    free((char *)(uintptr_t)bytes.ptr);
}

#define RECORD(updated, more)                                                                     \
    "{\"ContactId\":\"c1\",\"LastUpdateTimestamp\":\"" updated "\",\"Channel\":\"VOICE\","        \
    "\"InitiationMethod\":\"INBOUND\",\"CustomerEndpoint\":{\"Address\":\"+12025550100\","       \
    "\"Type\":\"TELEPHONE_NUMBER\"}" more "}"

static void
a_record_sent_again_with_more_in_it_is_a_higher_revision(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "amazon-connect", &plain,
           text(RECORD("2024-03-04T09:08:12Z", "") RECORD("2024-03-04T09:08:12Z", "")
                    RECORD("2024-03-04T09:09:00Z", ",\"Tags\":{\"a\":\"b\"}")));
    assert_int_equal(d.events_count, 3);
    assert_non_null(strstr(text_of_buf(&d.events), "\"id\":\"c1-1709543292000\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"revision\":\"1709543340000\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"Tags.a\":\"b\""));
    decoded_free(&d);
}

static void
an_offer_response_of_another_word_stays_an_attribute(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "amazon-connect", &plain,
           text(RECORD("2024-03-04T09:08:12Z", ",\"Attributes\":{\"offerCode\":\"S\","
                                               "\"offerResponse\":\"shrugged\"}")));
    assert_int_equal(d.events_count, 1);
    assert_null(strstr(text_of_buf(&d.events), "\"offers\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"Attributes.offerResponse\":\"shrugged\""));
    decoded_free(&d);
}

static void
a_bad_line_goes_aside_and_the_others_are_read(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "amazon-connect", &plain,
           text(RECORD("2024-03-04T09:08:12Z", "") "\n{\"a\":\nhello\n[7]\n{\"b\":1}\n"
                    RECORD("2024-03-04T09:09:12Z", "") "\n"));
    assert_int_equal(d.events_count, 2);
    assert_int_equal(d.rejects_count, 4);
    assert_non_null(strstr(text_of_buf(&d.rejects), "not JSON"));
    assert_non_null(strstr(text_of_buf(&d.rejects), "no JSON object: [7]"));
    assert_non_null(strstr(text_of_buf(&d.rejects), "neither a contact record"));
    decoded_free(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_and_events_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(no_length_of_an_event_does_harm),
        cmocka_unit_test(a_record_sent_again_with_more_in_it_is_a_higher_revision),
        cmocka_unit_test(an_offer_response_of_another_word_stays_an_attribute),
        cmocka_unit_test(a_bad_line_goes_aside_and_the_others_are_read),
    };

    return cmocka_run_group_tests_name("connect", tests, NULL, NULL);
}
