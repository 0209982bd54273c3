#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "proto/code.h"
#include "store/seen.h"
#include "tests/unit/scratch.h"

#define MILLION 1000000u
#define RUN "0000000000000001-00000000000003e8.run"     /* 1..1000 */

static char why[512];
static unsigned char key[SEEN_KEY_BYTES];

/* As evenly spread as a keyed hash (splitmix64). */
static uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static const unsigned char *
key_of(uint64_t number)
{
    uint64_t words[2] = {mix(number), mix(~number)};

    memcpy(key, words, sizeof key);
    return key;
}

static struct seen *
open_seen(void)
{
    struct seen *seen;
    int err = seen_open(&seen, scratch, why);

    if (err != 0)
        print_error("%s\n", why);
    assert_int_equal(err, 0);
    return seen;
}

static void
add(struct seen *seen, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        seen_add(seen, key_of(n), n);
}

static void
assert_seen(const struct seen *seen, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        assert_int_equal(seen_find(seen, key_of(n)), n);
}

static void
assert_not_seen(const struct seen *seen, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        assert_int_equal(seen_find(seen, key_of(n)), 0);
}

static void
assert_refused(int code, const char *with)
{
    struct seen *seen;

    assert_int_equal(seen_open(&seen, scratch, why), code);
    assert_null(seen);
    assert_non_null(strstr(why, with));
    assert_non_null(strstr(why, scratch));
}

static void
a_key_is_found_from_when_it_is_added(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    assert_not_seen(seen, 1, 100);
    add(seen, 1, 100);
    assert_seen(seen, 1, 100);
    assert_not_seen(seen, 101, 200);
    seen_close(&seen);
    assert_null(seen);
}

static void
the_first_number_of_a_key_stays(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    add(seen, 1, 10);
    seen_add(seen, key_of(3), 11);
    assert_seen(seen, 1, 10);
    seen_seal(seen, 11);
    assert_int_equal(seen_settle(seen), 0);
    assert_seen(seen, 1, 10);
    seen_close(&seen);
}

static void
a_million_keys_stay_across_runs_and_starts(void **state)
{
    struct seen *seen = open_seen();
    uint64_t wrong = 0;

    (void)state;
    for (uint64_t n = 1; n <= MILLION; n++) {
        seen_add(seen, key_of(n), n);
        if (n % 50000 == 0)
            seen_seal(seen, n - 10);
        wrong += seen_find(seen, key_of(mix(n) % n + 1)) != mix(n) % n + 1;
        wrong += seen_find(seen, key_of(n + MILLION)) != 0;
    }
    assert_int_equal(wrong, 0);
    seen_seal(seen, MILLION);
    assert_int_equal(seen_settle(seen), 0);
    assert_int_equal(seen_sealed(seen), MILLION);
    assert_true(scratch_count(".run", NULL) <= SEEN_RUNS_MAX);
    assert_seen(seen, 1, MILLION);
    assert_true(seen_bytes(seen) < MILLION * 20);
    seen_close(&seen);

    seen = open_seen();
    assert_int_equal(seen_sealed(seen), MILLION);
    assert_seen(seen, 1, MILLION);
    assert_not_seen(seen, MILLION + 1, 2 * MILLION);
    seen_close(&seen);
}

static void
what_was_not_sealed_is_forgotten_and_added_again(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    add(seen, 1, 1500);
    seen_seal(seen, 1000);
    assert_seen(seen, 1, 1500);
    assert_int_equal(seen_settle(seen), 0);
    assert_seen(seen, 1, 1500);
    seen_close(&seen);

    seen = open_seen();
    assert_int_equal(seen_sealed(seen), 1000);
    assert_seen(seen, 1, 1000);
    assert_not_seen(seen, 1001, 1500);
    add(seen, 1001, 1500);
    assert_seen(seen, 1, 1500);
    seen_seal(seen, 1500);
    assert_int_equal(seen_settle(seen), 0);
    seen_close(&seen);

    seen = open_seen();
    assert_int_equal(seen_sealed(seen), 1500);
    assert_seen(seen, 1, 1500);
    seen_close(&seen);
}

static void
a_seal_without_new_numbers_changes_nothing(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    seen_seal(seen, 0);
    add(seen, 1, 10);
    seen_seal(seen, 10);
    seen_seal(seen, 10);
    seen_seal(seen, 5);
    assert_int_equal(seen_settle(seen), 0);
    assert_int_equal(scratch_count(".run", NULL), 1);
    assert_int_equal(seen_sealed(seen), 10);
    seen_close(&seen);
}

static void
numbers_without_keys_are_sealed_too(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    seen_seal(seen, 100);
    add(seen, 150, 160);
    seen_seal(seen, 200);
    assert_int_equal(seen_settle(seen), 0);
    seen_close(&seen);
    seen = open_seen();
    assert_int_equal(seen_sealed(seen), 200);
    assert_seen(seen, 150, 160);
    assert_not_seen(seen, 1, 149);
    seen_close(&seen);
}

static void
more_runs_than_the_limit_are_merged(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    for (uint64_t i = 1; i <= SEEN_RUNS_MAX; i++) {
        add(seen, i * 100 - 99, i * 100);
        seen_seal(seen, i * 100);
        assert_int_equal(seen_settle(seen), 0);
        assert_int_equal(scratch_count(".run", NULL), i);
    }
    add(seen, 801, 900);
    seen_seal(seen, 900);
    assert_int_equal(seen_settle(seen), 0);
    assert_int_equal(scratch_count(".run", NULL), SEEN_RUNS_MAX);
    assert_seen(seen, 1, 900);
    seen_close(&seen);
    seen = open_seen();
    assert_seen(seen, 1, 900);
    assert_int_equal(seen_sealed(seen), 900);
    seen_close(&seen);
}

/* A crash behind the merged run's rename leaves it and what it was made of. */
static void
runs_covered_by_a_merged_one_are_removed(void **state)
{
    static unsigned char saved[2][4096];
    struct seen *seen = open_seen();
    size_t bytes;

    (void)state;
    add(seen, 1, 50);
    seen_seal(seen, 50);
    assert_int_equal(seen_settle(seen), 0);
    bytes = scratch_size("0000000000000001-0000000000000032.run");
    scratch_read("0000000000000001-0000000000000032.run", saved[0], bytes, 0);
    seen_close(&seen);
    scratch_remove("");
    seen = open_seen();
    add(seen, 1, 100);
    seen_seal(seen, 100);
    assert_int_equal(seen_settle(seen), 0);
    seen_close(&seen);
    scratch_write("0000000000000001-0000000000000032.run", saved[0], bytes, 0);
    scratch_write("0000000000000033-0000000000000064.run", "half", 4, 0);
    scratch_write("0000000000000065-00000000000000c8.tmp", "half", 4, 0);

    seen = open_seen();
    assert_int_equal(scratch_count("", NULL), 1);
    assert_int_equal(seen_sealed(seen), 100);
    assert_seen(seen, 1, 100);
    seen_close(&seen);
}

static void
a_run_beyond_a_gap_is_made_again(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        add(seen, i * 100 - 99, i * 100);
        seen_seal(seen, i * 100);
    }
    assert_int_equal(seen_settle(seen), 0);
    seen_close(&seen);
    scratch_remove("0000000000000065-00000000000000c8.run");

    seen = open_seen();
    assert_int_equal(seen_sealed(seen), 100);
    add(seen, 101, 300);
    seen_seal(seen, 300);
    assert_int_equal(seen_settle(seen), 0);
    assert_seen(seen, 1, 300);
    seen_close(&seen);
    seen = open_seen();
    assert_int_equal(seen_sealed(seen), 300);
    assert_int_equal(scratch_count(".run", NULL), 2);
    assert_seen(seen, 1, 300);
    seen_close(&seen);
}

static void
fill_run(void)
{
    struct seen *seen = open_seen();

    add(seen, 1, 1000);
    seen_seal(seen, 1000);
    assert_int_equal(seen_settle(seen), 0);
    seen_close(&seen);
}

static void
a_damaged_run_is_refused_wherever_it_is(void **state)
{
    size_t bytes;

    (void)state;
    fill_run();
    bytes = scratch_size(RUN);
    for (size_t at = 0; at < bytes; at += at < bytes - 64 ? 37 : 1) {
        bool format = at >= bytes - 56 && at < bytes - 52;

        scratch_flip(RUN, at);
        assert_refused(format ? TL_EFORMAT : TL_EDAMAGED, RUN);
        scratch_flip(RUN, at);
    }
    assert_int_equal(truncate(scratch_path(RUN), (off_t)bytes - 1), 0);
    assert_refused(TL_EDAMAGED, "move it away");
    assert_int_equal(truncate(scratch_path(RUN), 10), 0);
    assert_refused(TL_EDAMAGED, "move it away");
    scratch_remove(RUN);
    fill_run();
}

static void
on_a_full_disk_keys_stay_in_memory_until_there_is_space(void **state)
{
    struct seen *seen = open_seen();

    (void)state;
    add(seen, 1, 1000);
    scratch_limit(4096);
    seen_seal(seen, 1000);
    assert_int_equal(seen_settle(seen), TL_NO_SPACE);
    assert_int_equal(seen_sealed(seen), 0);
    assert_int_equal(scratch_count("", NULL), 0);
    assert_seen(seen, 1, 1000);
    add(seen, 1001, 1100);
    seen_seal(seen, 1100);
    assert_int_equal(seen_settle(seen), TL_NO_SPACE);
    scratch_limit(0);
    seen_seal(seen, 1100);
    assert_int_equal(seen_settle(seen), 0);
    assert_int_equal(seen_sealed(seen), 1100);
    assert_seen(seen, 1, 1100);
    seen_close(&seen);
    seen = open_seen();
    assert_seen(seen, 1, 1100);
    seen_close(&seen);
}

static void
closing_in_the_middle_of_it_all_loses_no_run(void **state)
{
    struct seen *seen;
    uint64_t sealed = 0;

    (void)state;
    for (uint64_t round = 0; round < 30; round++) {
        seen = open_seen();
        assert_true(seen_sealed(seen) >= sealed);
        sealed = seen_sealed(seen);
        assert_seen(seen, 1, sealed);
        for (uint64_t i = 0; i < 4; i++) {
            uint64_t last = sealed + (i + 1) * 500;

            add(seen, last - 499, last);
            seen_seal(seen, last);
        }
        usleep((useconds_t)round * 200);
        assert_seen(seen, 1, sealed + 2000);
        seen_close(&seen);
        assert_int_equal(scratch_count(".tmp", NULL), 0);
    }
    assert_true(sealed > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_found_from_when_it_is_added),
        TEST(the_first_number_of_a_key_stays),
        TEST(a_million_keys_stay_across_runs_and_starts),
        TEST(what_was_not_sealed_is_forgotten_and_added_again),
        TEST(a_seal_without_new_numbers_changes_nothing),
        TEST(numbers_without_keys_are_sealed_too),
        TEST(more_runs_than_the_limit_are_merged),
        TEST(runs_covered_by_a_merged_one_are_removed),
        TEST(a_run_beyond_a_gap_is_made_again),
        TEST(a_damaged_run_is_refused_wherever_it_is),
        TEST(on_a_full_disk_keys_stay_in_memory_until_there_is_space),
        TEST(closing_in_the_middle_of_it_all_loses_no_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
