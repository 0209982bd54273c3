#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tools/progress.h"

static void
progress_tells_how_far_how_fast_and_how_long_still(void **state)
{
    char out[PROGRESS_BYTES];

    (void)state;
    assert_string_equal(progress_text(out, 10 * CLOCK_SECOND, 500, 1000, 20000, "events"),
                        "[##########          ]  50%  20,000 events  2,000/s  0:10 left");
    assert_string_equal(progress_text(out, 10 * CLOCK_SECOND, 1, 13, 5, "events"),
                        "[#                   ]   7%  5 events  0/s  2:00 left");
    assert_string_equal(progress_text(out, CLOCK_SECOND, 1000, 1000, 7, "events"),
                        "[####################] 100%  7 events  7/s");
}

static void
a_total_not_known_gives_no_bar(void **state)
{
    char out[PROGRESS_BYTES];

    (void)state;
    assert_string_equal(progress_text(out, 0, 0, 0, 0, "events"), "0 events  0/s");
}

static void
great_numbers_fit(void **state)
{
    char out[PROGRESS_BYTES];

    (void)state;
    progress_text(out, 1, 1, UINT64_MAX, UINT64_MAX, "events");
    assert_true(strlen(out) < sizeof out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_tells_how_far_how_fast_and_how_long_still),
        cmocka_unit_test(a_total_not_known_gives_no_bar),
        cmocka_unit_test(great_numbers_fit),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
