#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "base/clock.h"

static void
assert_parses(const char *text, int64_t expected)
{
    int64_t ns = -1;

    if (clock_parse(&ns, text, strlen(text)) != 0)
        fail_msg("refused: %s", text);
    if (ns != expected)
        fail_msg("%s read as %lld", text, (long long)ns);
}

static void
assert_formats(int64_t ns, const char *expected)
{
    char text[CLOCK_TEXT_BYTES];

    assert_string_equal(clock_format(text, ns), expected);
    assert_parses(expected, ns);
}

static void
fractions_have_as_many_digits_as_they_need(void **state)
{
    (void)state;
    assert_formats(0, "1970-01-01T00:00:00Z");
    assert_formats(1496397600 * CLOCK_SECOND, "2017-06-02T10:00:00Z");
    assert_formats(1496397600 * CLOCK_SECOND + 500000000, "2017-06-02T10:00:00.500Z");
    assert_formats(1496397600 * CLOCK_SECOND + 123456000, "2017-06-02T10:00:00.123456Z");
    assert_formats(1496397600 * CLOCK_SECOND + 1, "2017-06-02T10:00:00.000000001Z");
    assert_formats(-1, "1969-12-31T23:59:59.999999999Z");
}

static void
the_ends_of_the_range_are_read_and_written(void **state)
{
    char text[CLOCK_TEXT_BYTES];
    int64_t ns;

    (void)state;
    assert_formats(INT64_MAX, "2262-04-11T23:47:16.854775807Z");
    assert_string_equal(clock_format(text, INT64_MIN), "1677-09-21T00:12:43.145224192Z");
    assert_parses("1677-09-21T00:12:44Z", -9223372036 * CLOCK_SECOND);
    assert_int_equal(clock_parse(&ns, "2262-04-11T23:47:16.854775808Z", 30), -1);
    assert_int_equal(clock_parse(&ns, "1677-09-21T00:12:42Z", 20), -1);
    assert_int_equal(clock_parse(&ns, "9999-12-31T23:59:59Z", 20), -1);
    assert_int_equal(clock_parse(&ns, "0000-01-01T00:00:00Z", 20), -1);
}

static void
zones_and_lower_case_are_read(void **state)
{
    const int64_t ten = 1496397600 * CLOCK_SECOND;

    (void)state;
    assert_parses("2017-06-02t10:00:00z", ten);
    assert_parses("2017-06-02T12:00:00+02:00", ten);
    assert_parses("2017-06-02T04:30:00-05:30", ten);
    assert_parses("2017-06-03T09:59:00+23:59", ten);
    assert_parses("2017-06-02T10:00:00-00:00", ten);
    assert_parses("2017-06-02T10:00:00.5Z", ten + 500 * CLOCK_MS);
    assert_parses("2017-06-02T10:00:00.123456789+00:00", ten + 123456789);
}

static void
leap_second_is_the_last_instant_before_it(void **state)
{
    (void)state;
    assert_parses("2016-12-31T23:59:60Z", 1483228800 * CLOCK_SECOND - 1);
    assert_parses("2016-12-31T23:59:60.5Z", 1483228800 * CLOCK_SECOND - 1);
}

static void
what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "2017", "2017-06-02", "2017-06-02T10:00:00", "2017-06-02 10:00:00Z",
        "2017-06-02T10:00Z", "2017-06-02T10:00:00.Z", "2017-06-02T10:00:00.1234567890Z",
        "2017-06-02T10:00:00+0200", "2017-06-02T10:00:00+02", "2017-06-02T10:00:00+24:00",
        "2017-06-02T10:00:00+02:60", "2017-06-02T10:00:00Z ", " 2017-06-02T10:00:00Z",
        "2017-06-02T24:00:00Z", "2017-06-02T10:60:00Z", "2017-06-02T10:00:61Z",
        "2017-13-02T10:00:00Z", "2017-00-02T10:00:00Z", "2017-06-00T10:00:00Z",
        "2017-06-31T10:00:00Z", "2017-02-29T10:00:00Z", "1900-02-29T10:00:00Z",
        "17-06-02T10:00:00Z", "2017-6-2T10:00:00Z", "+017-06-02T10:00:00Z",
        "2017-06-02T10:00:0\xc2\xb2Z", "2017/06/02T10:00:00Z",
    };
    int64_t ns = 42;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (clock_parse(&ns, texts[i], strlen(texts[i])) == 0)
            fail_msg("taken: %s", texts[i]);
    assert_int_equal(ns, 42);
}

static void
no_byte_past_the_length_is_read(void **state)
{
    static const char text[] = "2017-06-02T12:00:00.25+02:00";
    int64_t ns;

    (void)state;
    for (size_t len = 0; len < strlen(text); len++) {
        char exact[sizeof text];

        memset(exact, '0', sizeof exact);
        memcpy(exact, text, len);
        assert_int_equal(clock_parse(&ns, exact, len), -1);
    }
}

static void
days_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t days = -106000; days < 106000; days++) {
        time_t seconds = (time_t)(days * 86400);
        struct tm tm;
        int year, month, day;

        assert_non_null(gmtime_r(&seconds, &tm));
        clock_date(days, &year, &month, &day);
        if (year != tm.tm_year + 1900 || month != tm.tm_mon + 1 || day != tm.tm_mday
            || clock_days(year, month, day) != days)
            fail_msg("day %lld", (long long)days);
    }
}

static void
clocks_tell_the_time(void **state)
{
    int64_t before = clock_monotonic();

    (void)state;
    assert_true(clock_now() > 1500000000 * CLOCK_SECOND);
    assert_true(clock_monotonic() >= before);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fractions_have_as_many_digits_as_they_need),
        cmocka_unit_test(the_ends_of_the_range_are_read_and_written),
        cmocka_unit_test(zones_and_lower_case_are_read),
        cmocka_unit_test(leap_second_is_the_last_instant_before_it),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(no_byte_past_the_length_is_read),
        cmocka_unit_test(days_agree_with_the_c_library),
        cmocka_unit_test(clocks_tell_the_time),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
