/* Whose an event is, and whom an identifier finds, from the store's door. */

#include "tests/unit/store_play.h"

static void
identifiers_of_one_event_are_one_customer(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    c = context("email:a@x");
    assert_true(knows(&c, "loyalty:1"));
    assert_int_equal(c.who->profiles, 1);
}

static void
two_known_customers_named_together_become_one(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW, "loyalty:1", NULL);
    say("page.viewed", NOW, "email:a@x", NULL);
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    c = context("email:a@x");
    assert_true(knows(&c, "loyalty:1"));
    assert_int_equal(c.who->profiles, 2);
    assert_int_equal(c.recent_count, 3);
    c = context("loyalty:1");
    assert_int_equal(c.recent_count, 3);
}

static void
two_values_of_a_single_valued_type_are_a_conflict_not_a_merge(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW, "loyalty:1", "email:a@x");
    say("page.viewed", NOW, "loyalty:2", "email:a@x");
    say("page.viewed", NOW, "loyalty:2", "email:a@x");
    c = context("loyalty:2");
    assert_false(knows(&c, "loyalty:1"));
    assert_false(knows(&c, "email:a@x"));
    assert_int_equal(c.who->conflicts_count, 1);
    assert_int_equal(c.recent_count, 2);
    c = context("loyalty:1");
    assert_int_equal(c.who->conflicts_count, 1);
    assert_int_equal(c.recent_count, 1);
}

static void
unknown_value_that_contradicts_the_customer_becomes_somebody_else(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW, "crm:1", "loyalty:7");
    say("page.viewed", NOW, "crm:1", "loyalty:8");
    c = context("crm:1");
    assert_true(knows(&c, "loyalty:7"));
    assert_false(knows(&c, "loyalty:8"));
    assert_int_equal(c.who->conflicts_count, 1);
    c = context("loyalty:8");
    assert_int_equal(c.who->conflicts_count, 1);
    assert_int_equal(c.recent_count, 0);
}

static void
anonymous_history_becomes_the_customers_when_he_logs_in(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - DAY, "cookie:c", NULL);
    say("page.viewed", NOW, "user:1", "cookie:c");
    c = context("user:1");
    assert_int_equal(c.recent_count, 2);
    assert_true(knows(&c, "cookie:c"));
}

static void
a_login_that_comes_late_does_not_take_a_shared_browser(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - 9 * DAY, "user:a", "cookie:c");
    say("page.viewed", NOW - 2 * DAY, "user:a", "cookie:c");
    say("page.viewed", NOW - DAY, "cookie:c", NULL);            /* no login */
    say("page.viewed", NOW - 5 * DAY, "user:b", "cookie:c");    /* came late */
    say("page.viewed", NOW, "cookie:c", NULL);
    c = context("user:a");
    assert_int_equal(c.recent_count, 4);
    c = context("user:b");
    assert_int_equal(c.recent_count, 1);
}

static void
a_login_after_the_last_one_takes_a_shared_browser_whatever_was_anonymous(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - 5 * DAY, "user:a", "cookie:c");
    say("page.viewed", NOW - 2 * DAY, "cookie:c", NULL);
    say("page.viewed", NOW - 3 * DAY, "user:b", "cookie:c");
    say("page.viewed", NOW, "cookie:c", NULL);
    c = context("user:a");
    assert_int_equal(c.recent_count, 2);
    c = context("user:b");
    assert_int_equal(c.recent_count, 2);
}

static void
shared_browser_follows_the_latest_login_and_drags_no_history_along(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - 5 * DAY, "cookie:c", NULL);
    say("page.viewed", NOW - 4 * DAY, "user:a", "cookie:c");
    say("page.viewed", NOW - 3 * DAY, "user:b", "cookie:c");
    say("page.viewed", NOW - 2 * DAY, "cookie:c", NULL);
    c = context("user:a");
    assert_int_equal(c.recent_count, 2);
    c = context("user:b");
    assert_int_equal(c.recent_count, 2);
    assert_true(c.recent[0].unverified);
    assert_false(knows(&c, "user:a"));
}

static void
phone_of_one_customer_finds_him_unverified(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - DAY, "user:a", "phone:+1");
    say("call.offered", NOW, "phone:+1", NULL);
    c = context("user:a");
    assert_int_equal(c.recent_count, 2);
    assert_true(c.recent[0].unverified);
    assert_false(c.recent[1].unverified);
}

static void
phone_of_several_customers_belongs_to_none_and_lists_them(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - 2 * DAY, "user:a", "phone:+1");
    say("page.viewed", NOW - DAY, "user:b", "phone:+1");
    say("call.offered", NOW, "phone:+1", NULL);
    c = context("phone:+1");
    assert_int_equal(c.who->candidates_count, 2);
    assert_int_equal(c.recent_count, 1);
    c = context("user:a");
    assert_int_equal(c.recent_count, 1);
    c = context("user:b");
    assert_int_equal(c.recent_count, 1);
}

static void
anonymous_sale_belongs_to_its_receipt_until_it_is_claimed(void **state)
{
    struct tl_context c;

    (void)state;
    say("page.viewed", NOW - DAY, "receipt:9", NULL);
    c = context("receipt:9");
    assert_int_equal(c.recent_count, 1);
    say("page.viewed", NOW, "loyalty:1", "receipt:9");
    c = context("loyalty:1");
    assert_int_equal(c.recent_count, 2);
}

static void
customer_never_grows_beyond_its_limit(void **state)
{
    struct tl_context c;
    char name[2][32];

    (void)state;
    for (int i = 0; i < STORE_PROFILES_MAX + 1; i++) {
        snprintf(name[0], 32, "email:%d@x", i);
        say("page.viewed", NOW, name[0], NULL);
    }
    for (int i = 1; i < STORE_PROFILES_MAX + 1; i++) {
        snprintf(name[0], 32, "email:%d@x", i - 1);
        snprintf(name[1], 32, "email:%d@x", i);
        say("page.viewed", NOW, name[0], name[1]);
    }
    c = context("email:0@x");
    assert_int_equal(c.who->profiles, STORE_PROFILES_MAX);
    snprintf(name[0], 32, "email:%d@x", STORE_PROFILES_MAX);
    c = context(name[0]);
    assert_int_equal(c.who->profiles, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(identifiers_of_one_event_are_one_customer),
        TEST(two_known_customers_named_together_become_one),
        TEST(two_values_of_a_single_valued_type_are_a_conflict_not_a_merge),
        TEST(unknown_value_that_contradicts_the_customer_becomes_somebody_else),
        TEST(anonymous_history_becomes_the_customers_when_he_logs_in),
        TEST(a_login_that_comes_late_does_not_take_a_shared_browser),
        TEST(a_login_after_the_last_one_takes_a_shared_browser_whatever_was_anonymous),
        TEST(shared_browser_follows_the_latest_login_and_drags_no_history_along),
        TEST(phone_of_one_customer_finds_him_unverified),
        TEST(phone_of_several_customers_belongs_to_none_and_lists_them),
        TEST(anonymous_sale_belongs_to_its_receipt_until_it_is_claimed),
        TEST(customer_never_grows_beyond_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
