#include "tests/unit/golden.h"

static const struct format_options plain = {0};

#define UE(schema, data)                                                                          \
    "{\"data\":[{\"e\":\"ue\",\"eid\":\"1\",\"duid\":\"d\",\"ue_pr\":\"{\\\"data\\\":{"           \
    "\\\"schema\\\":\\\"iglu:com.acme/" schema "/jsonschema/1-0-0\\\",\\\"data\\\":" data "}}\"}]}"

static void
an_adverts_campaign_is_the_offer(void **state)
{
    (void)state;
    expect_said("snowplow", &plain,
                UE("ad_click", "{\\\"campaignId\\\":\\\"P\\\",\\\"bannerId\\\":\\\"b\\\"}"),
                "\"type\":\"offer.clicked\",\"channel\":\"web\"", true);
    expect_said("snowplow", &plain,
                UE("ad_impression", "{\\\"campaignId\\\":\\\"P\\\",\\\"bannerId\\\":\\\"b\\\"}"),
                "{\"offer\":\"P\",\"treatment\":\"b\",\"outcome\":\"presented\",\"count\":1}",
                true);
    expect_said("snowplow", &plain, UE("ad_click", "{}"), "\"type\":\"advert.seen\"", true);
}

static void
what_a_customer_said_to_an_offer_is_its_outcome(void **state)
{
    (void)state;
    expect_said("snowplow", &plain,
                UE("offer_response",
                   "{\\\"offerCode\\\":\\\"P\\\",\\\"response\\\":\\\"later\\\"}"),
                "\"type\":\"offer.dismissed\"", true);
    expect_said("snowplow", &plain,
                UE("offer_response", "{\\\"offerCode\\\":\\\"P\\\",\\\"response\\\":\\\"hm\\\"}"),
                "\"type\":\"track.offer_response\"", true);
    expect_said("snowplow", &plain, UE("video_played", "{\\\"a\\\":1}"),
                "\"type\":\"video.played\"", true);
}

static void
an_event_by_get_is_the_same_as_one_posted(void **state)
{
    struct decoded get, post;

    (void)state;
    decode(&get, "snowplow", &plain,
           text("GET /i?e=pv&eid=1&uid=7&url=https%3A%2F%2Fx.ch%2Fa%3Futm_campaign%3Dc+d&stm=9 "
                "HTTP/1.1\r\n\r\n"));
    decode(&post, "snowplow", &plain,
           text("{\"schema\":\"x\",\"data\":[{\"e\":\"pv\",\"eid\":\"1\",\"uid\":\"7\","
                "\"url\":\"https://x.ch/a?utm_campaign=c d\",\"stm\":\"10\"}]}"));
    assert_same_decoded(&get, &post);
    assert_int_equal(get.events_count, 1);
    assert_non_null(strstr(text_of_buf(&get.events), "\"campaign\":\"c d\""));
    assert_non_null(strstr(text_of_buf(&get.events), "\"touchpoint\":\"page /a\""));
    decoded_free(&get);
    decoded_free(&post);
}

static void
base64_is_the_same_as_text(void **state)
{
    (void)state;
    /* {"data":{"schema":"iglu:a/ad_click/b","data":{"campaignId":"P?>"}}} */
    expect_said("snowplow", &plain,
                "GET /i?e=ue&eid=1&duid=d&ue_px=eyJkYXRhIjp7InNjaGVtYSI6ImlnbHU6YS9hZF9jbGljay9iIiw"
                "iZGF0YSI6eyJjYW1wYWlnbklkIjoiUD8-In19fQ HTTP/1.1\r\n\r\n",
                "\"offer\":\"P?>\"", true);
    expect_rejected("snowplow", &plain, "GET /i?e=ue&duid=d&ue_px=e* HTTP/1.1\r\n\r\n",
                    "no JSON");
}

static void
a_wrong_clock_is_corrected_but_true_time_is_not(void **state)
{
    const struct format_options received = {.received = 1600000000LL * 1000000000LL};

    (void)state;
    expect_said("snowplow", &received,
                "GET /i?e=pv&eid=1&uid=7&dtm=1000&stm=11000 HTTP/1.1\r\n\r\n",
                "\"time\":\"2020-09-13T12:26:30Z\"", true);
    expect_said("snowplow", &received,
                "GET /i?e=pv&eid=1&uid=7&dtm=1000&stm=11000&ttm=2000 HTTP/1.1\r\n\r\n",
                "\"time\":\"1970-01-01T00:00:02Z\"", true);
}

static void
what_is_no_event_goes_aside(void **state)
{
    (void)state;
    expect_rejected("snowplow", &plain, "{\"data\":7}", "no array of events");
    expect_rejected("snowplow", &plain, "{\"data\":[7]}", "no object");
    expect_rejected("snowplow", &plain, "{\"data\":[{\"e\":\"xx\",\"uid\":\"1\"}]}", "`e` is none");
    expect_rejected("snowplow", &plain, "{\"data\":[{\"e\":\"pv\"}]}", "names nobody");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adverts_campaign_is_the_offer),
        cmocka_unit_test(what_a_customer_said_to_an_offer_is_its_outcome),
        cmocka_unit_test(an_event_by_get_is_the_same_as_one_posted),
        cmocka_unit_test(base64_is_the_same_as_text),
        cmocka_unit_test(a_wrong_clock_is_corrected_but_true_time_is_not),
        cmocka_unit_test(what_is_no_event_goes_aside),
    };

    return cmocka_run_group_tests_name("snowplow", tests, NULL, NULL);
}
