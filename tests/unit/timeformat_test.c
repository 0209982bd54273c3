#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/timeformat.h"
#include "base/clock.h"

static struct zone *zone;

static int
open_zone(void **state)
{
    char why[ZONE_WHY_BYTES];

    (void)state;
    return zone_open(&zone, "America/New_York", why);
}

static int
close_zone(void **state)
{
    (void)state;
    zone_close(&zone);
    return 0;
}

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static const char *
read_time(const char *text, const char *format, bool end_of_day)
{
    static char out[CLOCK_TEXT_BYTES + 8];
    struct timeformat_time t;

    assert_null(timeformat_check(str(format)));
    if (!timeformat_read(&t, str(text), str(format), zone, end_of_day))
        return "no";
    clock_format(out, t.ns);
    return t.local ? strcat(out, " local") : out;
}

static void
times_without_an_offset_are_local(void **state)
{
    (void)state;
    assert_string_equal(read_time("2017-03-03", "%Y-%m-%d", false), "2017-03-03T05:00:00Z local");
    assert_string_equal(read_time("2017-07-01T08:47:20", "%Y-%m-%dT%H:%M:%S", false),
                        "2017-07-01T12:47:20Z local");
    assert_string_equal(read_time("7/1/2017 8:05", "%m/%d/%Y %H:%M", false),
                        "2017-07-01T12:05:00Z local");
    assert_string_equal(read_time("20170701", "%Y%m%d", false), "2017-07-01T04:00:00Z local");
}

static void
times_with_an_offset_are_not(void **state)
{
    (void)state;
    assert_string_equal(read_time("2017-07-01T08:00:00Z", "%Y-%m-%dT%H:%M:%S%z", false),
                        "2017-07-01T08:00:00Z");
    assert_string_equal(read_time("2017-07-01T08:00:00+02:00", "%Y-%m-%dT%H:%M:%S%z", false),
                        "2017-07-01T06:00:00Z");
    assert_string_equal(read_time("2017-07-01T08:00:00-0530", "%Y-%m-%dT%H:%M:%S%z", false),
                        "2017-07-01T13:30:00Z");
    assert_string_equal(read_time("1461095250", "%s", false), "2016-04-19T19:47:30Z");
    assert_string_equal(read_time("2017-07-01 08:00:00.25 Z", "%Y-%m-%d %H:%M:%S.%f %z", false),
                        "2017-07-01T08:00:00.250Z");
}

static void
the_end_of_a_day_is_its_last_second(void **state)
{
    (void)state;
    assert_string_equal(read_time("2017-04-09", "%Y-%m-%d", true), "2017-04-10T03:59:59Z local");
}

static void
the_epoch_itself_is_a_time(void **state)
{
    struct timeformat_time t = {0};

    (void)state;
    assert_true(timeformat_read(&t, str("0"), str("%s"), zone, false));
    assert_int_equal(t.ns, 1);
}

static void
what_is_no_such_time_is_refused(void **state)
{
    static const char *const bad[] = {"", "2017-02-29", "2017-13-01", "2017-00-01", "2017-01-00",
                                      "2017-1-1x", "2017/01/01", "1969-12-31", "2101-01-01",
                                      " 2017-01-01", "17-01-01", "yesterday", "99999-01-01"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (strcmp(read_time(bad[i], "%Y-%m-%d", false), "no") != 0)
            fail_msg("`%s` was taken", bad[i]);
    assert_string_equal(read_time("24:00", "%H:%M %Y", false), "no");
    assert_string_equal(read_time("2016-02-29", "%Y-%m-%d", false), "2016-02-29T05:00:00Z local");
    assert_string_equal(read_time("99999999999", "%s", false), "no");
}

static const char *
read_by(bool (*read)(struct timeformat_time *, struct tl_str, const struct zone *),
        const char *text)
{
    static char out[CLOCK_TEXT_BYTES + 8];
    struct timeformat_time t;

    if (!read(&t, str(text), zone))
        return "no";
    clock_format(out, t.ns);
    return strcat(out, t.local ? " local" : "");
}

static void
iso_8601_is_read_as_people_write_it(void **state)
{
    static const char *const times[][2] = {
        {"2017-06-02T10:00:00.25+02:00", "2017-06-02T08:00:00.250Z"},
        {"2017-06-02T10:00Z", "2017-06-02T10:00:00Z"},
        {"2017-06-02 10:00:00", "2017-06-02T14:00:00Z local"},
        {"2017-06-02", "2017-06-02T04:00:00Z local"},
        {"2015-2-02T00:30:08.276Z", "2015-02-02T00:30:08.276Z"},
        {"02.06.2017", "no"},
        {"", "no"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        assert_string_equal(read_by(timeformat_iso, times[i][0]), times[i][1]);
}

static void
the_times_of_mail_are_read_as_people_write_them(void **state)
{
    static const char *const times[][2] = {
        {"Fri, 02 Jun 2017 10:00:00 +0200", "2017-06-02T08:00:00Z"},
        {"2 June 17 10:00 edt", "2017-06-02T14:00:00Z"},
        {"2 Jun 1999 10:00:05", "1999-06-02T14:00:05Z local"},
        {"2 Jun 69 10:00 GMT", "2069-06-02T10:00:00Z"},
        {"2 Jun 70 10:00 GMT", "1970-06-02T10:00:00Z"},
        {"30 Feb 2017 10:00 GMT", "no"},
        {"2 Juno", "no"},
        {"Fri, 02 Jun 2017 10:00:00 +0200 and a comment that is longer than any time is", "no"},
        {"", "no"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        assert_string_equal(read_by(timeformat_mail, times[i][0]), times[i][1]);
}

static void
a_format_that_says_too_little_is_refused(void **state)
{
    (void)state;
    assert_non_null(timeformat_check(str("%H:%M")));
    assert_non_null(timeformat_check(str("%Y-%q")));
    assert_non_null(timeformat_check(str("%Y%")));
    assert_non_null(timeformat_check(str("")));
    assert_null(timeformat_check(str("%s")));
    assert_null(timeformat_check(str("100%% %Y")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_without_an_offset_are_local),
        cmocka_unit_test(times_with_an_offset_are_not),
        cmocka_unit_test(the_end_of_a_day_is_its_last_second),
        cmocka_unit_test(the_epoch_itself_is_a_time),
        cmocka_unit_test(what_is_no_such_time_is_refused),
        cmocka_unit_test(iso_8601_is_read_as_people_write_it),
        cmocka_unit_test(the_times_of_mail_are_read_as_people_write_them),
        cmocka_unit_test(a_format_that_says_too_little_is_refused),
    };

    return cmocka_run_group_tests_name("timeformat", tests, open_zone, close_zone);
}
