#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/zone.h"

static int64_t
local(int year, int month, int day, int hour, int minute)
{
    return clock_days(year, month, day) * 86400 + hour * 3600 + minute * 60;
}

static int64_t
utc(const char *zone, int64_t local_s)
{
    char why[ZONE_WHY_BYTES] = "";
    struct zone *z = NULL;
    int64_t at;

    if (zone_open(&z, zone, why) != 0)
        fail_msg("%s", why);
    at = zone_to_utc(z, local_s);
    zone_close(&z);
    return at;
}

static void
utc_and_fixed_offsets_need_no_file(void **state)
{
    int64_t noon = local(2017, 6, 1, 12, 0);

    (void)state;
    assert_int_equal(utc("UTC", noon), noon);
    assert_int_equal(utc("Z", noon), noon);
    assert_int_equal(utc("+02:00", noon), noon - 7200);
    assert_int_equal(utc("-05:30", noon), noon + 19800);
}

static void
summer_and_winter_differ(void **state)
{
    (void)state;
    assert_int_equal(utc("America/New_York", local(2017, 7, 1, 12, 0)), local(2017, 7, 1, 16, 0));
    assert_int_equal(utc("America/New_York", local(2017, 1, 1, 12, 0)), local(2017, 1, 1, 17, 0));
    assert_int_equal(utc("Asia/Kolkata", local(2017, 1, 1, 12, 0)), local(2017, 1, 1, 6, 30));
}

static void
years_after_the_last_listed_change_follow_the_rule(void **state)
{
    (void)state;
    assert_int_equal(utc("Europe/Zurich", local(2090, 7, 1, 12, 0)), local(2090, 7, 1, 10, 0));
    assert_int_equal(utc("Europe/Zurich", local(2090, 12, 1, 12, 0)), local(2090, 12, 1, 11, 0));
    /* South of the equator the summer spans the new year. */
    assert_int_equal(utc("Australia/Sydney", local(2090, 1, 1, 12, 0)), local(2090, 1, 1, 1, 0));
    assert_int_equal(utc("Australia/Sydney", local(2090, 7, 1, 12, 0)), local(2090, 7, 1, 2, 0));
}

static void
an_hour_that_comes_twice_is_the_first_one(void **state)
{
    (void)state;
    assert_int_equal(utc("Europe/Zurich", local(2017, 10, 29, 2, 30)), local(2017, 10, 29, 0, 30));
    assert_int_equal(utc("Europe/Zurich", local(2017, 10, 29, 3, 0)), local(2017, 10, 29, 2, 0));
    assert_int_equal(utc("Europe/Zurich", local(2067, 10, 30, 2, 30)), local(2067, 10, 30, 0, 30));
}

static void
an_hour_that_is_skipped_is_read_by_the_clock_before(void **state)
{
    (void)state;
    assert_int_equal(utc("Europe/Zurich", local(2017, 3, 26, 1, 59)), local(2017, 3, 26, 0, 59));
    assert_int_equal(utc("Europe/Zurich", local(2017, 3, 26, 2, 30)), local(2017, 3, 26, 1, 30));
    assert_int_equal(utc("Europe/Zurich", local(2017, 3, 26, 3, 0)), local(2017, 3, 26, 1, 0));
}

static void
a_wall_clock_shows_the_local_time(void **state)
{
    char why[ZONE_WHY_BYTES] = "";
    struct zone *z = NULL;

    (void)state;
    assert_int_equal(zone_open(&z, "Europe/Zurich", why), 0);
    assert_int_equal(zone_to_local(z, local(2024, 3, 31, 0, 59)), local(2024, 3, 31, 1, 59));
    assert_int_equal(zone_to_local(z, local(2024, 3, 31, 1, 0)), local(2024, 3, 31, 3, 0));
    assert_int_equal(zone_to_local(z, local(2024, 10, 27, 0, 59)), local(2024, 10, 27, 2, 59));
    assert_int_equal(zone_to_local(z, local(2024, 10, 27, 1, 0)), local(2024, 10, 27, 2, 0));
    zone_close(&z);
}

static void
what_is_no_zone_is_refused_with_a_sentence(void **state)
{
    static const char *const bad[] = {"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime",
                                      "tzdata.zi", "zone.tab", "+2:00", "+02:0x", "Europe", "utc "};
    char why[ZONE_WHY_BYTES];
    struct zone *z = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why[0] = '\0';
        if (zone_open(&z, bad[i], why) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_null(z);
        assert_true(strlen(why) > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utc_and_fixed_offsets_need_no_file),
        cmocka_unit_test(summer_and_winter_differ),
        cmocka_unit_test(years_after_the_last_listed_change_follow_the_rule),
        cmocka_unit_test(an_hour_that_comes_twice_is_the_first_one),
        cmocka_unit_test(an_hour_that_is_skipped_is_read_by_the_clock_before),
        cmocka_unit_test(a_wall_clock_shows_the_local_time),
        cmocka_unit_test(what_is_no_zone_is_refused_with_a_sentence),
    };

    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
