/* Who lives together, whatever was told first. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/household.h"
#include "tests/unit/own_views.h"

static struct arena arena;

static int
set_up(void **state)
{
    (void)state;
    own_views_open();
    arena_init(&arena, 1u << 20);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    own_views_close();
    return 0;
}

/* ---------------------------------------------------------------- the play */

/* What is told of a profile's household. */
struct told {
    const char *word;
    int64_t time;
    uint64_t number;
    const char *role;
    const char *visibility;
};

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text != NULL ? text : "", text != NULL ? strlen(text) : 0};
}

static char type[64];
static struct tl_household said;
static struct tl_event event;

static struct frame
frame(uint64_t profile, const char *household, const struct told *t)
{
    snprintf(type, sizeof type, "household.%s", t->word);
    said = (struct tl_household){
        .id = str(household), .role = str(t->role), .visibility = str(t->visibility)};
    event = (struct tl_event){.type = str(type), .household = &said};
    return (struct frame){
        .number = t->number, .time = t->time, .profile = profile, .type = str(type)};
}

static void
fold(uint64_t profile, const char *household, const struct told *t)
{
    struct frame f = frame(profile, household, t);
    struct card c;

    card_clear(&c);
    assert_int_equal(household_fold(views, &c, &f, &event), 0);
}

static void
index_it(uint64_t profile, const char *household, const struct told *t)
{
    struct frame f = frame(profile, household, t);

    assert_int_equal(household_index(views, &f, &event), 0);
}

static void
tell(uint64_t profile, const char *household, const struct told *t)
{
    fold(profile, household, t);
    index_it(profile, household, t);
}

static void
join(uint64_t profile, const char *household)
{
    tell(profile, household, &(struct told){"joined", 1, 1, NULL, NULL});
}

/* As it stands: "father offers", "" when he is no member. */
static const char *
standing(const char *household, const uint64_t *profiles, size_t count)
{
    static char text[100];
    struct tl_household as;
    bool is_member;

    assert_int_equal(household_find(views, profiles, count, str(household), &is_member, &as,
                                    &arena), 0);
    snprintf(text, sizeof text, "%.*s %.*s", (int)as.role.len, as.role.ptr,
             (int)as.visibility.len, as.visibility.ptr);
    return is_member ? text : "";
}

static size_t
members_of(const char *household, uint64_t profiles[HOUSEHOLD_MEMBERS_MAX], uint64_t *last)
{
    size_t count;

    assert_int_equal(household_members(views, str(household), profiles, &count, last), 0);
    return count;
}

/* ------------------------------------------------------------------- words */

static void
any_order_of_words_ends_the_same(void **state)
{
    static const struct told words[] = {
        {"joined", 10, 1, "son", "all"},   {"role_changed", 20, 2, "father", NULL},
        {"left", 5, 3, NULL, NULL},        {"visibility_set", 15, 4, NULL, "offers"},
        {"visibility_set", 12, 5, NULL, "none"},
    };
    static const int orders[][5] = {{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 3, 1},
                                    {1, 3, 0, 4, 2}, {3, 4, 1, 2, 0}};

    (void)state;
    for (uint64_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        uint64_t profile = 10 + i, members[HOUSEHOLD_MEMBERS_MAX], last;

        for (int n = 0; n < 5; n++)
            tell(profile, "h", &words[orders[i][n]]);
        assert_string_equal(standing("h", &profile, 1), "father offers");
        assert_int_equal(members_of("h", members, &last), i + 1);
    }
}

static void
a_role_without_joining_makes_nobody_a_member(void **state)
{
    uint64_t profile = 7, members[HOUSEHOLD_MEMBERS_MAX], last;

    (void)state;
    tell(7, "h", &(struct told){"role_changed", 1, 1, "son", NULL});
    assert_string_equal(standing("h", &profile, 1), "");
    assert_int_equal(members_of("h", members, &last), 0);
    tell(7, "h", &(struct told){"formed", 0, 2, NULL, NULL});
    assert_string_equal(standing("h", &profile, 1), "son ");
}

static void
leaving_ends_everything_and_who_comes_back_begins_anew(void **state)
{
    uint64_t profile = 7, members[HOUSEHOLD_MEMBERS_MAX], last;

    (void)state;
    tell(7, "h", &(struct told){"joined", 1, 1, "son", "all"});
    tell(7, "h", &(struct told){"left", 2, 2, NULL, NULL});
    assert_string_equal(standing("h", &profile, 1), "");
    assert_int_equal(members_of("h", members, &last), 0);
    assert_int_equal(last, 2);
    tell(7, "h", &(struct told){"joined", 3, 3, NULL, NULL});
    assert_string_equal(standing("h", &profile, 1), " ");
    assert_int_equal(members_of("h", members, &last), 1);
}

static void
of_two_words_at_one_time_the_later_event_counts(void **state)
{
    uint64_t profile = 7;

    (void)state;
    tell(7, "h", &(struct told){"left", 1, 2, NULL, NULL});
    tell(7, "h", &(struct told){"joined", 1, 1, "son", NULL});
    assert_string_equal(standing("h", &profile, 1), "");
    tell(7, "h", &(struct told){"joined", 1, 3, NULL, NULL});
    assert_string_equal(standing("h", &profile, 1), " ");
}

static void
of_two_profiles_of_one_customer_the_latest_word_counts(void **state)
{
    uint64_t both[] = {7, 8};

    (void)state;
    tell(7, "h", &(struct told){"joined", 1, 1, "son", "all"});
    tell(8, "h", &(struct told){"visibility_set", 2, 2, NULL, "none"});
    assert_string_equal(standing("h", both, 2), "son none");
    tell(8, "h", &(struct told){"left", 3, 3, NULL, NULL});
    assert_string_equal(standing("h", both, 2), "");
    assert_string_equal(standing("h", both, 1), "son all");
}

static void
words_of_an_unknown_kind_change_nothing(void **state)
{
    uint64_t profile = 7, members[HOUSEHOLD_MEMBERS_MAX], last;

    (void)state;
    tell(7, "h", &(struct told){"invited", 1, 1, "son", "all"});
    assert_string_equal(standing("h", &profile, 1), "");
    assert_int_equal(members_of("h", members, &last), 0);
    assert_int_equal(last, 0);
}

/* --------------------------------------------------------------- the crash */

static void
members_are_exact_when_a_profile_is_ahead_of_them(void **state)
{
    static const struct told joined = {"joined", 1, 1, NULL, NULL};
    static const struct told left = {"left", 2, 2, NULL, NULL};
    uint64_t members[HOUSEHOLD_MEMBERS_MAX], last;

    (void)state;
    tell(7, "h", &joined);
    fold(7, "h", &left);        /* was written; what lies beside the sums was not */
    index_it(7, "h", &joined);
    index_it(7, "h", &left);
    assert_int_equal(members_of("h", members, &last), 0);
    assert_int_equal(last, 2);
}

/* ------------------------------------------------------------------ limits */

static void
households_with_similar_names_are_apart(void **state)
{
    uint64_t members[HOUSEHOLD_MEMBERS_MAX], last;

    (void)state;
    join(1, "smith");
    join(2, "smith2");
    join(3, "smit");
    assert_int_equal(members_of("smith", members, &last), 1);
    assert_int_equal(members[0], 1);
}

static void
of_a_large_household_so_many_are_looked_at(void **state)
{
    uint64_t members[HOUSEHOLD_MEMBERS_MAX], last;

    (void)state;
    for (uint64_t i = 1; i <= HOUSEHOLD_MEMBERS_MAX; i++)
        join(i, "h");
    assert_int_equal(members_of("h", members, &last), HOUSEHOLD_MEMBERS_MAX);
    assert_int_equal(members[HOUSEHOLD_MEMBERS_MAX - 1], HOUSEHOLD_MEMBERS_MAX);
    join(HOUSEHOLD_MEMBERS_MAX + 1, "h");
    assert_int_equal(members_of("h", members, &last), HOUSEHOLD_MEMBERS_MAX);
    assert_int_equal(members[HOUSEHOLD_MEMBERS_MAX - 1], HOUSEHOLD_MEMBERS_MAX);
}

static void
of_many_households_of_one_customer_so_many_are_looked_at(void **state)
{
    struct tl_household out[HOUSEHOLDS_MAX + 1];
    const uint64_t both[] = {7, 8};
    char name[16];
    size_t count;

    (void)state;
    /* Those he left are not in the way. */
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "a%d", i);
        tell(7, name, &(struct told){"joined", 1, 1, NULL, NULL});
        tell(7, name, &(struct told){"left", 2, 2, NULL, NULL});
    }
    for (int i = 1; i <= HOUSEHOLDS_MAX; i++) {
        snprintf(name, sizeof name, "b%d", i);
        join(i % 2 == 0 ? 7 : 8, name);
        assert_int_equal(household_list(views, both, 2, out, &count, &arena), 0);
        assert_int_equal(count, i);
    }
    join(8, "c");
    join(7, "b0");
    assert_int_equal(household_list(views, both, 2, out, &count, &arena), 0);
    assert_int_equal(count, HOUSEHOLDS_MAX);
    assert_true(str_is(out[0].id, "b0"));
    assert_true(str_is(out[HOUSEHOLDS_MAX - 1].id, "b7"));
}

static void
a_household_of_both_profiles_is_one(void **state)
{
    struct tl_household out[HOUSEHOLDS_MAX];
    const uint64_t both[] = {7, 8};
    size_t count;

    (void)state;
    join(7, "h");
    join(8, "h");
    assert_int_equal(household_list(views, both, 2, out, &count, &arena), 0);
    assert_int_equal(count, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(any_order_of_words_ends_the_same),
        TEST(a_role_without_joining_makes_nobody_a_member),
        TEST(leaving_ends_everything_and_who_comes_back_begins_anew),
        TEST(of_two_words_at_one_time_the_later_event_counts),
        TEST(of_two_profiles_of_one_customer_the_latest_word_counts),
        TEST(words_of_an_unknown_kind_change_nothing),
        TEST(members_are_exact_when_a_profile_is_ahead_of_them),
        TEST(households_with_similar_names_are_apart),
        TEST(of_a_large_household_so_many_are_looked_at),
        TEST(of_many_households_of_one_customer_so_many_are_looked_at),
        TEST(a_household_of_both_profiles_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
