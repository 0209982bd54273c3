#include "tests/unit/golden.h"

static const struct format_options plain = {0};
static const char dir[] = "tests/data/segment";

static void
samples_decode_to_what_was_checked_by_reading(void **state)
{
    static const char *const endings[] = {".json", NULL};

    (void)state;
    expect_golden("segment", &plain, dir, endings, 7);
}

static void
recorded_requests_decode_message_by_message(void **state)
{
    static const struct {
        const char *path;
        size_t messages;
    } files[] = {
        {"tests/data/segment/segment-analytics-node-3.1.0.http.gz", 1239},
        {"tests/data/segment/rudder-sdk-node-3.0.13-gzip.http.gz", 570},
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tl_str bytes = load(files[i].path);
        struct decoded d;

        decode(&d, "segment", &plain, bytes);
        assert_int_equal(d.events_count, files[i].messages);
        assert_int_equal(d.rejects_count, 0);
        decoded_free(&d);
        free((char *)(uintptr_t)bytes.ptr);
    }
}

#define WHO "\"userId\":\"u1\",\"messageId\":\"m1\""

static void
a_call_is_named_by_where_it_is_posted(void **state)
{
    (void)state;
    expect_said("segment", &plain,
                "POST /v1/page HTTP/1.1\r\nContent-Length: 32\r\n\r\n{" WHO "}",
                "\"type\":\"page.viewed\"", true);
    expect_rejected("segment", &plain, "{" WHO "}", "`type` says which");
}

static void
alias_and_identify_name_both_sides(void **state)
{
    (void)state;
    expect_said("segment", &plain, "{\"type\":\"alias\",\"previousId\":\"c1\"," WHO "}",
                "\"identifiers\":[{\"type\":\"user\",\"value\":\"u1\"},"
                "{\"type\":\"cookie\",\"value\":\"c1\"}]",
                true);
    expect_said("segment", &plain,
                "{\"type\":\"identify\",\"anonymousId\":\"c1\",\"traits\":{\"email\":\"a@b.ch\","
                "\"phone\":\"+41791234567\"}," WHO "}",
                "{\"type\":\"cookie\",\"value\":\"c1\"},{\"type\":\"email\",\"value\":\"a@b.ch\"},"
                "{\"type\":\"phone\",\"value\":\"+41791234567\"}]}",
                true);
    expect_said("segment", &plain, "{\"type\":\"identify\"," WHO "}", "customer.identified", true);
}

#define VIEWED(more)                                                                              \
    "{\"type\":\"track\",\"event\":\"Promotion Viewed\",\"properties\":{\"promotion_id\":\"P\"}," \
    "\"timestamp\":\"2020-01-01T00:00:00Z\"" more "," WHO "}"

static void
the_offer_is_the_promotion_and_not_of_the_campaign_that_brought_the_visitor(void **state)
{
    (void)state;
    expect_said("segment", &plain, VIEWED(",\"context\":{\"campaign\":{\"name\":\"C\"}}"),
                "\"campaign\":\"C\"", false);
    expect_said("segment", &plain, VIEWED(""),
                "\"offers\":[{\"offer\":\"P\",\"outcome\":\"presented\",\"count\":1}]", true);
}

static void
a_wrong_clock_is_corrected_by_when_it_was_sent(void **state)
{
    const struct format_options received = {.received = 1600000000LL * 1000000000LL};

    (void)state;
    /* 2020-09-13T12:26:40Z; ten seconds before it was sent. */
    expect_said("segment", &received, VIEWED(",\"sentAt\":\"2020-01-01T00:00:10Z\""),
                "\"time\":\"2020-09-13T12:26:30Z\"", true);
    expect_said("segment", &plain, VIEWED(",\"sentAt\":\"2020-01-01T00:00:10Z\""),
                "\"time\":\"2020-01-01T00:00:00Z\"", true);
}

static void
the_seconds_a_request_takes_are_no_wrong_clock(void **state)
{
    /* 2020-01-01T00:00:10Z and five seconds, or a nanosecond more. */
    const struct format_options late = {.received = 1577836815LL * 1000000000LL};
    const struct format_options later = {.received = 1577836815LL * 1000000000LL + 1};

    (void)state;
    expect_said("segment", &late, VIEWED(",\"sentAt\":\"2020-01-01T00:00:10Z\""),
                "\"time\":\"2020-01-01T00:00:00Z\"", true);
    expect_said("segment", &later, VIEWED(",\"sentAt\":\"2020-01-01T00:00:10Z\""),
                "\"time\":\"2020-01-01T00:00:05.000000001Z\"", true);
}

/* What is said when a call is sent again differs in nothing that is kept. */
static void
a_call_sent_again_is_the_same_event(void **state)
{
    static const char *const sent[] = {
        "{\"type\":\"track\",\"event\":\"X\",\"userId\":\"1\",\"sentAt\":\"2020-01-01T00:00:10Z\","
        "\"timestamp\":\"2020-01-01T00:00:00Z\"}",
        "{\"sentAt\":\"2020-01-01T00:00:20Z\",\"timestamp\":\"2020-01-01T00:00:00Z\","
        "\"userId\":\"1\",\"event\":\"X\",\"type\":\"track\"}",
    };
    struct decoded a, b;

    (void)state;
    decode(&a, "segment", &plain, text(sent[0]));
    decode(&b, "segment", &plain, text(sent[1]));
    assert_same_decoded(&a, &b);
    decoded_free(&a);
    decoded_free(&b);
}

static void
an_event_we_do_not_know_is_typed_by_its_name(void **state)
{
    static const char *const names[][2] = {
        {"Course Clicked", "course.clicked"},     {"Download", "track.download"},
        {"Offer Declined Now", "track.offer_declined_now"}, {"---", "track.other"},
        {"Kurs geöffnet!", "kurs_ge.ffnet"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char body[256], want[128];

        snprintf(body, sizeof body, "{\"type\":\"track\",\"event\":\"%s\"," WHO "}", names[i][0]);
        snprintf(want, sizeof want, "\"type\":\"%s\"", names[i][1]);
        expect_said("segment", &plain, body, want, true);
    }
}

static void
what_is_no_call_goes_aside(void **state)
{
    (void)state;
    expect_rejected("segment", &plain, "[1", "not JSON");
    expect_rejected("segment", &plain, "{\"batch\":[7]}", "no object");
    expect_rejected("segment", &plain, "{\"type\":\"page\"}", "names nobody");
    expect_rejected("segment", &plain, "{\"type\":\"track\"," WHO "}", "without `event`");
    expect_rejected("segment", &plain, "{\"type\":\"page\",\"timestamp\":\"yesterday\"," WHO "}",
                    "ISO 8601");
    expect_rejected("segment", &plain, "POST /v1/batch HTTP/1.1\r\n", "cut off");
    /* All that is behind it goes aside with it, however it came. */
    expect_rejected("segment", &plain,
                    "POST /v1/page HTTP/1.1\r\nContent-Length: 32\r\n\r\n{" WHO "}"
                    "nonsense\r\n\r\nPOST /v1/page HTTP/1.1\r\n\r\n",
                    "no request line (method, path, HTTP version) where one should be: "
                    "nonsense\r\n\r\nPOST /v1/page HTTP/1.1\r\n\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(recorded_requests_decode_message_by_message),
        cmocka_unit_test(a_call_is_named_by_where_it_is_posted),
        cmocka_unit_test(alias_and_identify_name_both_sides),
        cmocka_unit_test(
            the_offer_is_the_promotion_and_not_of_the_campaign_that_brought_the_visitor),
        cmocka_unit_test(a_wrong_clock_is_corrected_by_when_it_was_sent),
        cmocka_unit_test(the_seconds_a_request_takes_are_no_wrong_clock),
        cmocka_unit_test(a_call_sent_again_is_the_same_event),
        cmocka_unit_test(an_event_we_do_not_know_is_typed_by_its_name),
        cmocka_unit_test(what_is_no_call_goes_aside),
    };

    return cmocka_run_group_tests_name("segmentio", tests, NULL, NULL);
}
