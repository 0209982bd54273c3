#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/decimal.h"

static void
assert_minor(const char *text, int decimals, int64_t expected)
{
    int64_t minor = -424242;

    if (decimal_to_minor(&minor, text, strlen(text), decimals) != 0)
        fail_msg("refused: %s", text);
    if (minor != expected)
        fail_msg("%s read as %lld", text, (long long)minor);
}

static void
amounts_become_minor_units(void **state)
{
    (void)state;
    assert_minor("1.88", 2, 188);
    assert_minor("1", 2, 100);
    assert_minor("-0.61", 2, -61);
    assert_minor("+0.61", 2, 61);
    assert_minor(".5", 2, 50);
    assert_minor("5.", 2, 500);
    assert_minor("1500", 0, 1500);
    assert_minor("1.234", 3, 1234);
    assert_minor("1.2345", 4, 12345);
    assert_minor("0", 2, 0);
    assert_minor("-0", 2, 0);
    assert_minor("000000000000000000000000000001.10", 2, 110);
}

static void
half_goes_away_from_zero(void **state)
{
    (void)state;
    assert_minor("1.005", 2, 101);
    assert_minor("-1.005", 2, -101);
    assert_minor("1.00499999999999999999999999", 2, 100);
    assert_minor("-1.004999", 2, -100);
    assert_minor("0.5", 0, 1);
    assert_minor("-0.5", 0, -1);
    assert_minor("0.49", 0, 0);
    assert_minor("9.995", 2, 1000);
    assert_minor("2.675", 2, 268);  /* a double would say 267 */
}

static void
exponents_are_read(void **state)
{
    (void)state;
    assert_minor("4.440892e-16", 2, 0);
    assert_minor("1e+05", 2, 10000000);
    assert_minor("1.5E3", 0, 1500);
    assert_minor("12345e-2", 2, 12345);
    assert_minor("5e-3", 2, 1);
    assert_minor("-5e-3", 2, -1);
    assert_minor("9e-4", 2, 0);
    assert_minor("0e9999", 2, 0);
    assert_minor("0.00012e4", 1, 12);
}

static void
the_whole_range_fits_and_not_one_more(void **state)
{
    int64_t minor = 42;

    (void)state;
    assert_minor("92233720368547758.07", 2, INT64_MAX);
    assert_minor("-92233720368547758.08", 2, INT64_MIN);
    assert_minor("9223372036854775807.4", 0, INT64_MAX);
    assert_minor("-9223372036854775808", 0, INT64_MIN);
    assert_int_equal(decimal_to_minor(&minor, "92233720368547758.08", 20, 2), -1);
    assert_int_equal(decimal_to_minor(&minor, "92233720368547758.075", 21, 2), -1);
    assert_int_equal(decimal_to_minor(&minor, "-92233720368547758.09", 21, 2), -1);
    assert_int_equal(decimal_to_minor(&minor, "9223372036854775807.5", 21, 0), -1);
    assert_int_equal(decimal_to_minor(&minor, "1e9999", 6, 0), -1);
    assert_int_equal(minor, 42);
}

static void
what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "-", "+", ".", "-.", "1,50", "1.5.0", " 1", "1 ", "1e", "1e+", "1e1.5", "e5",
        "1e10000", "--1", "+-1", "0x10", "NaN", "inf", "1_000", "$1", "\xd9\xa1",
    };
    int64_t minor = 42;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (decimal_to_minor(&minor, texts[i], strlen(texts[i]), 2) == 0)
            fail_msg("taken: %s", texts[i]);
    assert_int_equal(decimal_to_minor(&minor, "1\0", 2, 2), -1);
    assert_int_equal(minor, 42);
}

static void
no_byte_past_the_length_is_read(void **state)
{
    int64_t minor;

    (void)state;
    assert_int_equal(decimal_to_minor(&minor, "12.345e1", 4, 2), 0);
    assert_int_equal(minor, 1230);
    assert_int_equal(decimal_to_minor(&minor, "12.345e1", 2, 2), 0);
    assert_int_equal(minor, 1200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_become_minor_units),
        cmocka_unit_test(half_goes_away_from_zero),
        cmocka_unit_test(exponents_are_read),
        cmocka_unit_test(the_whole_range_fits_and_not_one_more),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(no_byte_past_the_length_is_read),
    };

    return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
