#include "tests/unit/golden.h"

static const struct format_options plain = {0};

#define ONE(event) "{\"client_id\":\"c\",\"events\":[" event "]}"

static void
promotions_are_offers_said_of_the_event_or_of_its_items(void **state)
{
    (void)state;
    expect_said("ga4", &plain,
                ONE("{\"name\":\"view_promotion\",\"params\":{\"promotion_id\":\"P\"}}"),
                "\"offers\":[{\"offer\":\"P\",\"outcome\":\"presented\",\"count\":1}]", true);
    expect_said("ga4", &plain,
                ONE("{\"name\":\"select_promotion\",\"params\":{\"items\":[{\"promotion_id\":"
                    "\"P\"},{\"promotion_id\":\"Q\"}]}}"),
                "\"offer\":\"Q\",\"outcome\":\"clicked\"", true);
    expect_said("ga4", &plain, ONE("{\"name\":\"view_promotion\"}"), "track.promotion", true);
}

static void
money_needs_a_currency_and_a_refund_is_negative(void **state)
{
    (void)state;
    expect_said("ga4", &plain,
                ONE("{\"name\":\"refund\",\"params\":{\"currency\":\"JPY\",\"value\":500}}"),
                "\"total_minor\":\"-500\",\"currency\":\"JPY\"", true);
    expect_said("ga4", &plain, ONE("{\"name\":\"purchase\",\"params\":{\"value\":5}}"),
                "\"type\":\"track.purchase\"", true);
}

static void
two_of_the_same_in_a_request_are_two_and_the_request_again_is_none(void **state)
{
    struct decoded a, b;
    const char *first, *second;

    (void)state;
    decode(&a, "ga4", &plain, text(ONE("{\"name\":\"scroll\"},{\"name\":\"scroll\"}")));
    decode(&b, "ga4", &plain, text(ONE("{\"name\":\"scroll\"},{\"name\":\"scroll\"}")));
    assert_same_decoded(&a, &b);
    assert_int_equal(a.events_count, 2);
    first = text_of_buf(&a.events);
    second = strchr(first, '\n') + 1;
    assert_memory_not_equal(first, second, 30);
    decoded_free(&a);
    decoded_free(&b);
}

static void
consent_to_advertising_keeps_its_name(void **state)
{
    (void)state;
    expect_said("ga4", &plain,
                "{\"client_id\":\"c\",\"consent\":{\"ad_user_data\":\"DENIED\"},\"events\":["
                "{\"name\":\"page_view\"}]}",
                "\"purpose\":\"ad_user_data\",\"channel\":\"web\",\"status\":\"denied\"", true);
}

static void
what_a_url_says_in_other_bytes_than_utf8_is_left_out(void **state)
{
    static const char hit[] = "{\"client_id\":\"c\",\"events\":[{\"name\":\"page_view\","
                              "\"params\":{\"page_location\":\"/a?utm_campaign=%ff\"}}]}";
    char request[512], body[256];

    (void)state;
    snprintf(body, sizeof body, "%s", hit);
    snprintf(request, sizeof request,
             "POST /mp/collect?measurement_id=%%ff HTTP/1.1\r\ncontent-length: %zu\r\n\r\n%s",
             strlen(body), body);
    expect_said("ga4", &plain, request, "page.viewed", true);
    expect_said("ga4", &plain, request, "measurement_id", false);
    expect_said("ga4", &plain, request, "\"campaign\"", false);
}

static void
what_is_no_measurement_goes_aside(void **state)
{
    (void)state;
    expect_rejected("ga4", &plain, "{}", "no array");
    expect_rejected("ga4", &plain, "{\"events\":[{\"name\":\"x\"}]}", "names nobody");
    expect_rejected("ga4", &plain, ONE("7"), "without `name`");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promotions_are_offers_said_of_the_event_or_of_its_items),
        cmocka_unit_test(money_needs_a_currency_and_a_refund_is_negative),
        cmocka_unit_test(two_of_the_same_in_a_request_are_two_and_the_request_again_is_none),
        cmocka_unit_test(consent_to_advertising_keeps_its_name),
        cmocka_unit_test(what_a_url_says_in_other_bytes_than_utf8_is_left_out),
        cmocka_unit_test(what_is_no_measurement_goes_aside),
    };

    return cmocka_run_group_tests_name("ga4", tests, NULL, NULL);
}
