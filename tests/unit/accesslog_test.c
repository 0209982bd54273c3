#include "tests/unit/golden.h"

static const struct format_options plain = {0};

#define LINE(request, status, agent)                                                              \
    "192.0.2.1 - - [22/Jan/2019:03:58:28 +0330] \"" request "\" " status " 21961 \"-\" \"" agent  \
    "\"\n"

static void
a_page_that_was_answered_is_a_visit(void **state)
{
    (void)state;
    expect_said("access-log", &plain, LINE("GET /a?utm_campaign=c%20d HTTP/1.1", "200", "Firefox"),
                "\"type\":\"page.viewed\",\"time\":\"2019-01-22T00:28:28Z\",\"channel\":\"web\","
                "\"direction\":\"inbound\",\"touchpoint\":\"page /a\"",
                true);
    expect_said("access-log", &plain, LINE("GET /a?utm_campaign=c%20d HTTP/1.1", "200", "Firefox"),
                "\"campaign\":\"c d\"", true);
    expect_said("access-log", &plain, LINE("GET /m/product/57721/x HTTP/1.1", "304", "Firefox"),
                "\"product\":\"57721\"", true);
}

static void
whoever_logged_in_is_a_user_and_others_are_their_browser(void **state)
{
    (void)state;
    expect_said("access-log", &plain,
                "192.0.2.1 - joe [22/Jan/2019:03:58:28 +0330] \"GET / HTTP/1.1\" 200 1 \"-\" "
                "\"A \\\"quoted\\\" browser\" \"-\"\n",
                "\"identifiers\":[{\"type\":\"user\",\"value\":\"joe\"}]", true);
    expect_said("access-log", &plain, LINE("GET / HTTP/1.1", "200", "Firefox"),
                "\"type\":\"anonymous\"", true);
}

static void
what_is_no_visit_is_counted_by_name(void **state)
{
    static const char *const lines[][2] = {
        {LINE("GET /a HTTP/1.1", "200", "Googlebot/2.1"), "robot\n"},
        {LINE("GET /a HTTP/1.1", "200", "-"), "robot\n"},
        {LINE("GET /a.PNG?x=1 HTTP/1.1", "200", "Firefox"), "part of a page\n"},
        {LINE("GET /image/7 HTTP/1.1", "200", "Firefox"), "part of a page\n"},
        {LINE("POST /a HTTP/1.1", "200", "Firefox"), "other method\n"},
        {LINE("GET /a HTTP/1.1", "404", "Firefox"), "not answered with a page\n"},
        {LINE("-", "400", "-"), "other method\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct decoded d;

        decode(&d, "access-log", &plain, text(lines[i][0]));
        assert_int_equal(d.events_count, 0);
        assert_string_equal(text_of_buf(&d.ignored), lines[i][1]);
        decoded_free(&d);
    }
}

static void
what_is_no_line_of_the_format_goes_aside(void **state)
{
    (void)state;
    expect_rejected("access-log", &plain, "hello\n", "1: no line");
    expect_rejected("access-log", &plain,
                    "192.0.2.1 - - [22/Jan/2019:03:58:28 +0330] \"GET / HTTP/1.1\" 200 1\n",
                    "no line");
    expect_rejected("access-log", &plain,
                    "192.0.2.1 - - [22/Xxx/2019:03:58:28 +0330] \"GET / HTTP/1.1\" 200 1 \"-\" "
                    "\"F\"\n",
                    "no time");
    expect_rejected("access-log", &plain, LINE("GET /\xff HTTP/1.1", "200", "F"), "UTF-8");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_that_was_answered_is_a_visit),
        cmocka_unit_test(whoever_logged_in_is_a_user_and_others_are_their_browser),
        cmocka_unit_test(what_is_no_visit_is_counted_by_name),
        cmocka_unit_test(what_is_no_line_of_the_format_goes_aside),
    };

    return cmocka_run_group_tests_name("accesslog", tests, NULL, NULL);
}
