#include "tests/unit/decode.h"

#include "adapters/email/webhook.h"

static const struct format_options plain = {0};
static const char dir[] = "tests/data/sendgrid/";

static const char *const files[] = {
    "bounce_api.json", "bounce_event.json", "click_event.json", "constructed_engagement.json",
    "constructed_subscriptions.json", "deferred_event.json", "delivered_event.json",
    "dropped_invalid_event.json", "dropped_unsubscribed_event.json", "processed_event.json",
    "spamreport_event.json",
};

#define FILES (sizeof files / sizeof files[0])

static struct tl_str
load_sample(size_t i)
{
    char path[256];

    snprintf(path, sizeof path, "%s%s", dir, files[i]);
    return load(path);
}

static void
samples_decode_to_what_was_checked_by_reading(void **state)
{
    struct decoded all = {0}, d;

    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        struct tl_str body = load_sample(i);

        decode(&d, "sendgrid", &plain, body);
        buf_text(&all.events, text_of_buf(&d.events));
        all.rejects_count += d.rejects_count;
        all.ignored_count += d.ignored_count;
        decoded_free(&d);
        free((char *)(uintptr_t)body.ptr);
    }
    buf_byte(&all.events, 0);
    assert_expected(&all, "tests/data/sendgrid/events.jsonl");
    assert_int_equal(all.rejects_count, 1);     /* the other API's answer */
    assert_int_equal(all.ignored_count, 1);     /* the account's status */
    decoded_free(&all);
}

static void
no_length_of_a_sample_does_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        struct tl_str body = load_sample(i);

        decode_truncated("sendgrid", &plain, body);
        free((char *)(uintptr_t)body.ptr);
    }
}

/* Decodes a body with one good element among others, and gives the rejects. */
static void
expect_rejects(const char *body, size_t events, const char *rejects)
{
    struct decoded d;

    decode(&d, "sendgrid", &plain, text(body));
    assert_int_equal(d.events_count, events);
    assert_string_equal(text_of_buf(&d.rejects), rejects);
    decoded_free(&d);
}

#define GOOD                                                                                      \
    "{\"email\":\"a@example.com\",\"event\":\"open\",\"timestamp\":1,\"sg_event_id\":\"1\"}"

static void
a_bad_element_goes_aside_and_the_others_are_read(void **state)
{
    (void)state;
    expect_rejects("[ " GOOD " , 7,\"[,]\\\"}\"," GOOD "]", 2,
                   "77: an element of the array is no object: 7\n"
                   "79: an element of the array is no object: \"[,]\\\"}\"\n");
    expect_rejects("[{\"email\":\"a@example.com\",\"timestamp\":1}," GOOD "]", 1,
                   "1: no `event`: not of SendGrid's Event Webhook: "
                   "{\"email\":\"a@example.com\",\"timestamp\":1}\n");
    expect_rejects("[{\"event\":\"open\",\"timestamp\":1}," GOOD "]", 1,
                   "1: no `email`: {\"event\":\"open\",\"timestamp\":1}\n");
    expect_rejects("[{\"event\":\"open\",\"email\":\" \",\"timestamp\":1}]", 0,
                   "1: no `email`: {\"event\":\"open\",\"email\":\" \",\"timestamp\":1}\n");
    expect_rejects("[{\"event\":\"open\",\"email\":\"a@b\"}]", 0,
                   "1: no `timestamp` between 1970 and 2100: "
                   "{\"event\":\"open\",\"email\":\"a@b\"}\n");
    expect_rejects("[{\"event\":\"dance\",\"email\":\"a@b\",\"timestamp\":1}]", 0,
                   "1: an `event` this decoder does not know: "
                   "{\"event\":\"dance\",\"email\":\"a@b\",\"timestamp\":1}\n");
}

static void
a_body_that_is_no_json_goes_aside_whole(void **state)
{
    (void)state;
    expect_rejects("[" GOOD, 0, "0: not JSON: ']' expected near end of file (line 1): [" GOOD "\n");
    expect_rejects("hello", 0,
                   "0: not JSON: '[' or '{' expected near 'hello' (line 1): hello\n");
    expect_rejects("[]x", 0, "2: not JSON: '[' or '{' expected near 'x' (line 1): x\n");
    expect_rejects("[{\"a\":1,\"a\":2}]", 0,
                   "0: not JSON: duplicate object key near '\"a\"' (line 1): "
                   "[{\"a\":1,\"a\":2}]\n");
    expect_rejects("", 0, "");
    expect_rejects("[]\r\n", 0, "");
}

static void
bodies_may_follow_one_another(void **state)
{
    (void)state;
    expect_rejects(GOOD "\n" GOOD "[" GOOD ",{}]", 3,
                   "219: no `event`: not of SendGrid's Event Webhook: {}\n");
}

static void
expect_time(const char *timestamp, const char *time)
{
    struct decoded d;
    char body[256];

    snprintf(body, sizeof body,
             "[{\"email\":\"a@b\",\"event\":\"open\",\"timestamp\":%s,\"sg_event_id\":\"1\"}]",
             timestamp);
    decode(&d, "sendgrid", &plain, text(body));
    assert_int_equal(d.events_count, time != NULL);
    if (time != NULL)
        assert_non_null(strstr(text_of_buf(&d.events), time));
    decoded_free(&d);
}

static void
timestamps_are_taken_from_1970_to_2100(void **state)
{
    (void)state;
    expect_time("1", "\"1970-01-01T00:00:01Z\"");
    expect_time("0", NULL);
    expect_time("-1", NULL);
    expect_time("4133980799", "\"2100-12-31T23:59:59Z\"");
    expect_time("4133980800", NULL);
    expect_time("1e300", NULL);
    expect_time("1513299569.75", "\"2017-12-15T00:59:29.750Z\"");
    expect_time("\"1513299569\"", "\"2017-12-15T00:59:29Z\"");
    expect_time("\"1513299569x\"", NULL);
    expect_time("null", NULL);
}

static struct tl_str
value_after(const struct decoded *d, const char *what)
{
    const char *at = strstr(text_of_buf(&d->events), what);

    assert_non_null(at);
    at += strlen(what);
    return (struct tl_str){at, strcspn(at, "\"")};
}

static void
without_an_id_the_same_element_has_the_same_one(void **state)
{
    struct decoded a, b, c;
    struct tl_str id_a, id_b, id_c;

    (void)state;
    decode(&a, "sendgrid", &plain,
           text("[{\"email\":\"a@b\",\"event\":\"open\",\"timestamp\":1}]"));
    decode(&b, "sendgrid", &plain,
           text("[ {\"timestamp\":1, \"event\":\"open\",\n\"email\":\"a@b\"} ]"));
    decode(&c, "sendgrid", &plain,
           text("[{\"email\":\"a@b\",\"event\":\"open\",\"timestamp\":2}]"));
    id_a = value_after(&a, "\"id\":\"");
    id_b = value_after(&b, "\"id\":\"");
    id_c = value_after(&c, "\"id\":\"");
    assert_int_equal(id_a.len, 24);
    assert_memory_equal(id_a.ptr, id_b.ptr, 24);
    assert_memory_not_equal(id_a.ptr, id_c.ptr, 24);
    decoded_free(&a);
    decoded_free(&b);
    decoded_free(&c);
}

static void
nothing_an_element_holds_is_lost_in_silence(void **state)
{
    struct buf body = {0};
    struct decoded d;

    (void)state;
    buf_text(&body, "[{\"email\":\"a@b\",\"event\":\"open\",\"timestamp\":1,\"sg_event_id\":\"1\"");
    for (int i = 0; i < 100; i++)
        buf_printf(&body, ",\"arg%d\":\"%d\"", i, i);
    buf_text(&body, "}]");
    decode(&d, "sendgrid", &plain, (struct tl_str){(char *)body.ptr, body.len});
    assert_non_null(strstr(text_of_buf(&d.events), "\"arg62\":\"62\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"attributes_more\":\"37\""));
    decoded_free(&d);
    buf_free(&body);
}

static void
control_characters_in_a_servers_answer_do_no_harm(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "sendgrid", &plain,
           text("[{\"email\":\"a@b\",\"event\":\"deferred\",\"timestamp\":1,\"sg_event_id\":\"1\","
                "\"response\":\"451 wait\\r\\n451\\u0000 later\\u0007\",\"\":\"\"}]"));
    assert_non_null(strstr(text_of_buf(&d.events), "\"reason\":\"451 wait\\n451  later\""));
    decoded_free(&d);
}

static void
a_long_category_is_an_attribute_and_no_offer(void **state)
{
    char name[256], body[1024];
    struct decoded d;

    (void)state;
    for (int more = 0; more < 2; more++) {
        memset(name, 'c', sizeof name);
        name[128 + more] = '\0';
        snprintf(body, sizeof body, "[{\"email\":\"a@b\",\"event\":\"open\",\"timestamp\":1,"
                                    "\"sg_event_id\":\"1\",\"category\":[\"%s\",\"short\"]}]",
                 name);
        decode(&d, "sendgrid", &plain, text(body));
        assert_int_equal(strstr(text_of_buf(&d.events), "\"campaign\":\"c") != NULL, !more);
        assert_non_null(strstr(text_of_buf(&d.events), "\"offer\":\"short\""));
        decoded_free(&d);
    }
}

static void
the_source_and_region_are_the_callers(void **state)
{
    const struct format_options options = {.source = "crm-mail", .region = "CH"};
    struct decoded d;

    (void)state;
    decode(&d, "sendgrid", &options, text("[" GOOD "]"));
    assert_non_null(strstr(text_of_buf(&d.events), "\"source\":\"crm-mail\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"region\":\"CH\""));
    decoded_free(&d);
}

static void
a_body_of_more_than_32_mib_goes_aside(void **state)
{
    size_t len = WEBHOOK_BODY_BYTES_MAX;
    char *body = malloc(len + 1);
    struct decoded d;

    (void)state;
    assert_non_null(body);
    memset(body, ' ', len + 1);
    body[0] = '[';
    body[len - 1] = ']';
    decode_as(&d, "sendgrid", &plain, (struct tl_str){body, len}, WHOLE);
    assert_int_equal(d.rejects_count, 0);
    decoded_free(&d);
    decode_as(&d, "sendgrid", &plain, (struct tl_str){body, len + 1}, WHOLE);
    assert_int_equal(d.rejects_count, 1);
    assert_non_null(strstr(text_of_buf(&d.rejects), "more than 32 MiB"));
    decoded_free(&d);
    free(body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(no_length_of_a_sample_does_harm),
        cmocka_unit_test(a_bad_element_goes_aside_and_the_others_are_read),
        cmocka_unit_test(a_body_that_is_no_json_goes_aside_whole),
        cmocka_unit_test(bodies_may_follow_one_another),
        cmocka_unit_test(timestamps_are_taken_from_1970_to_2100),
        cmocka_unit_test(without_an_id_the_same_element_has_the_same_one),
        cmocka_unit_test(nothing_an_element_holds_is_lost_in_silence),
        cmocka_unit_test(control_characters_in_a_servers_answer_do_no_harm),
        cmocka_unit_test(a_long_category_is_an_attribute_and_no_offer),
        cmocka_unit_test(the_source_and_region_are_the_callers),
        cmocka_unit_test(a_body_of_more_than_32_mib_goes_aside),
    };

    return cmocka_run_group_tests_name("sendgrid", tests, NULL, NULL);
}
