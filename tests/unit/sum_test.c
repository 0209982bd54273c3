#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/csv/sum.h"

static int64_t
minor(const char *const *texts, size_t count, int digits)
{
    struct sum sum = {0};
    int64_t out = 0;

    for (size_t i = 0; i < count; i++) {
        bool minus = texts[i][0] == '~';
        const char *text = texts[i] + minus;

        if (!sum_add(&sum, text, strlen(text), minus))
            fail_msg("%s was not taken", text);
    }
    assert_true(sum_minor(&sum, digits, &out));
    return out;
}

#define MINOR(digits, ...)                                                                        \
    minor((const char *const[]){__VA_ARGS__},                                                     \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), digits)

static void
halves_are_rounded_away_from_zero(void **state)
{
    (void)state;
    assert_int_equal(MINOR(2, "0.005"), 1);
    assert_int_equal(MINOR(2, "-0.005"), -1);
    assert_int_equal(MINOR(2, "0.00499999999999999999"), 0);
    assert_int_equal(MINOR(2, "1.015"), 102);
    assert_int_equal(MINOR(2, "-1.015"), -102);
    assert_int_equal(MINOR(0, "2.5"), 3);
    assert_int_equal(MINOR(3, "1.0005"), 1001);
    assert_int_equal(MINOR(18, "0.000000000000000001"), 1);
}

static void
a_sum_is_rounded_once(void **state)
{
    (void)state;
    assert_int_equal(MINOR(2, "0.004", "0.004"), 1);
    assert_int_equal(MINOR(2, "0.1", "0.2", "~0.3"), 0);
    assert_int_equal(MINOR(2, "3.55", "~0.55"), 300);
    assert_int_equal(MINOR(2, "1", "~2.79"), -179);
}

static void
statistics_programs_write_exponents(void **state)
{
    (void)state;
    assert_int_equal(MINOR(2, "4.440892e-16"), 0);
    assert_int_equal(MINOR(2, "4.440892e-16", "1.5"), 150);
    assert_int_equal(MINOR(2, "1.5e2"), 15000);
    assert_int_equal(MINOR(2, "1E+2", ".5", "5."), 10550);
    assert_int_equal(MINOR(2, "1e-999"), 0);
    assert_int_equal(MINOR(2, "0e999"), 0);
}

static void
many_digits_are_no_trouble(void **state)
{
    (void)state;
    assert_int_equal(MINOR(2, "0.333333333333333333333333333333"), 33);
    assert_int_equal(MINOR(2, "92233720368547758.07"), INT64_MAX);
    assert_int_equal(MINOR(2, "-92233720368547758.08"), INT64_MIN);
    assert_int_equal(MINOR(2, "000000000000000000000000000000000001.00"), 100);
}

static void
what_does_not_fit_is_said(void **state)
{
    struct sum sum = {0};
    int64_t out = 7;

    (void)state;
    assert_true(sum_add(&sum, "92233720368547758.08", 20, false));
    assert_false(sum_minor(&sum, 2, &out));
    assert_int_equal(out, 7);
    assert_false(sum_add(&sum, "1e21", 4, false));
    assert_false(sum_add(&sum, "1e999", 5, false));
    assert_false(sum_add(&sum, "1e1000", 6, false));
    assert_false(sum_add(&sum, "999999999999999999999999999999999999999999", 42, false));
    assert_false(sum_minor(&sum, 2, &out));
}

static void
what_is_no_number_leaves_the_sum_alone(void **state)
{
    static const char *const bad[] = {"", "-", ".", "NA", "1,5", " 1", "1 ", "1.2.3", "1e", "e1",
                                      "1e+", "--1", "0x10", "1_000", "inf"};
    struct sum sum = {0};
    int64_t out = 0;

    (void)state;
    assert_true(sum_add(&sum, "1", 1, false));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sum_add(&sum, bad[i], strlen(bad[i]), false))
            fail_msg("`%s` was taken", bad[i]);
    assert_true(sum_minor(&sum, 2, &out));
    assert_int_equal(out, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_are_rounded_away_from_zero),
        cmocka_unit_test(a_sum_is_rounded_once),
        cmocka_unit_test(statistics_programs_write_exponents),
        cmocka_unit_test(many_digits_are_no_trouble),
        cmocka_unit_test(what_does_not_fit_is_said),
        cmocka_unit_test(what_is_no_number_leaves_the_sum_alone),
    };

    return cmocka_run_group_tests_name("sum", tests, NULL, NULL);
}
