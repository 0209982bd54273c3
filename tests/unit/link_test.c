/* What is known of two profiles, whatever came first. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/code.h"
#include "store/link.h"
#include "tests/unit/own_views.h"

static int
set_up(void **state)
{
    (void)state;
    own_views_open();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    own_views_close();
    return 0;
}

static struct link
word(uint64_t other, bool joined, int64_t time, uint64_t number)
{
    return (struct link){
        .other = other, .said = true, .joined = joined, .time = time, .number = number};
}

static bool
holds(uint64_t profile, uint64_t other)
{
    const struct link *known;
    struct links l;

    assert_int_equal(link_get(views, profile, &l), 0);
    known = link_find(&l, other);
    return known != NULL && link_holds(known);
}

static void
two_that_were_named_together_are_one_from_either_side(void **state)
{
    (void)state;
    assert_int_equal(link_apply(views, 1, &(struct link){.other = 2}), 0);
    assert_true(holds(1, 2));
    assert_true(holds(2, 1));
    assert_false(holds(1, 3));
}

static void
any_order_of_words_and_evidence_ends_the_same(void **state)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2},
                                    {2, 0, 3, 1}, {1, 0, 3, 2}, {0, 3, 1, 2}};

    (void)state;
    for (uint64_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        uint64_t a = 10 + 2 * i, b = a + 1;
        const struct link said[4] = {
            {.other = b}, word(b, true, 20, 2), word(b, false, 40, 1), word(b, true, 30, 9)};

        for (int n = 0; n < 4; n++)
            assert_int_equal(link_apply(views, a, &said[orders[i][n]]), 0);
        assert_false(holds(a, b));
        assert_false(holds(b, a));
        assert_int_equal(link_apply(views, b, &(struct link){.other = a}), 0);
        assert_false(holds(a, b));
    }
}

static void
of_two_words_at_one_time_the_later_event_counts(void **state)
{
    struct link first = word(2, true, 5, 7), second = word(2, false, 5, 8);

    (void)state;
    assert_int_equal(link_apply(views, 1, &second), 0);
    assert_int_equal(link_apply(views, 1, &first), 0);
    assert_false(holds(1, 2));
    assert_int_equal(link_apply(views, 1, &second), 0);     /* again, as after a crash */
    assert_false(holds(1, 2));
}

static void
refusals_are_counted_on_both_sides(void **state)
{
    struct link joined = word(4, true, 2, 20);
    struct links l;

    (void)state;
    for (uint64_t other = 2; other <= 4; other++) {
        struct link of = word(other, false, 1, other);

        assert_int_equal(link_apply(views, 1, &of), 0);
    }
    assert_int_equal(link_apply(views, 1, &joined), 0);
    assert_int_equal(link_get(views, 1, &l), 0);
    assert_int_equal(link_refusals(&l), 2);
    assert_int_equal(link_get(views, 3, &l), 0);
    assert_int_equal(link_refusals(&l), 1);
}

static void
a_profile_has_links_up_to_the_limit_and_one_more_is_damage(void **state)
{
    struct link of = {.other = 1};
    struct links l;

    (void)state;
    for (uint64_t n = 0; n < LINKS_MAX; n++) {
        of = word(2 + n, n % 2 == 0, (int64_t)n, n + 1);
        assert_int_equal(link_apply(views, 1, &of), 0);
    }
    assert_int_equal(link_get(views, 1, &l), 0);
    assert_int_equal(l.count, LINKS_MAX);
    assert_int_equal(link_apply(views, 1, &of), 0);
    of.other = 2 + LINKS_MAX;
    assert_int_equal(link_apply(views, 1, &of), TL_EDAMAGED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_that_were_named_together_are_one_from_either_side),
        TEST(any_order_of_words_and_evidence_ends_the_same),
        TEST(of_two_words_at_one_time_the_later_event_counts),
        TEST(refusals_are_counted_on_both_sides),
        TEST(a_profile_has_links_up_to_the_limit_and_one_more_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
