/* What is due next, in order of time. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "proto/valid.h"
#include "store/due.h"
#include "tests/unit/own_views.h"

#define AT 1000

static struct due_reached reached;

static int
set_up(void **state)
{
    (void)state;
    own_views_open();
    memset(&reached, 0, sizeof reached);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    own_views_close();
    return 0;
}

static void
set(uint64_t profile, const char *id, enum due_stage stage, int64_t due)
{
    const struct tl_str text = {id, strlen(id)};

    assert_int_equal(due_set(views, &reached, profile, text, stage, due), 0);
}

/* Passes the next one by and gives its id; "": there is none. */
static const char *
next(enum due_stage stage, int64_t until)
{
    static char id[ID_BYTES_MAX + 1];
    struct due_entry e = {.due = 0};

    id[0] = '\0';
    if (!due_next(views, &reached, stage, until, &e))
        return id;
    assert_int_equal(e.stage, stage);
    snprintf(id, sizeof id, "%.*s", (int)e.id.len, e.id.ptr);
    due_pass(&reached, &e);
    return id;
}

static void
they_come_in_order_of_time_when_they_are_due(void **state)
{
    (void)state;
    set(2, "late", DUE_DUE, AT + 2);
    set(3, "early", DUE_DUE, AT);
    set(1, "middle", DUE_DUE, AT + 1);
    assert_string_equal(next(DUE_DUE, AT - 1), "");
    assert_string_equal(next(DUE_DUE, AT), "early");
    assert_string_equal(next(DUE_DUE, AT), "");
    assert_string_equal(next(DUE_DUE, AT + 2), "middle");
    assert_string_equal(next(DUE_DUE, AT + 2), "late");
    assert_string_equal(next(DUE_DUE, AT + 2), "");
    assert_string_equal(next(DUE_OVERDUE, AT + 2), "");
}

static void
one_made_later_and_due_before_the_next_is_not_missed(void **state)
{
    (void)state;
    set(1, "far", DUE_DUE, AT + 100);
    assert_string_equal(next(DUE_DUE, AT), "");
    set(2, "near", DUE_DUE, AT + 50);
    assert_string_equal(next(DUE_DUE, AT + 49), "");
    assert_string_equal(next(DUE_DUE, AT + 50), "near");
    set(3, "past", DUE_DUE, AT - 50);
    assert_string_equal(next(DUE_DUE, AT + 50), "past");
    assert_string_equal(next(DUE_DUE, AT + 50), "near");    /* looked at again */
    assert_string_equal(next(DUE_DUE, AT + 99), "");
    set(1, "far", DUE_NOTHING, 0);
    set(4, "last", DUE_DUE, AT + 100);
    assert_string_equal(next(DUE_DUE, AT + 100), "last");
    assert_string_equal(next(DUE_DUE, AT + 100), "");
}

static void
until_the_next_is_due_nobody_looks_again(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        set(1, (char[]){(char)('a' + i / 100), (char)('a' + i / 10 % 10), (char)('a' + i % 10), 0},
            DUE_DUE, AT + 50);
    for (int i = 0; i < 1000; i++)
        set(1, (char[]){(char)('a' + i / 100), (char)('a' + i / 10 % 10), (char)('a' + i % 10), 0},
            DUE_NOTHING, 0);
    set(2, "far", DUE_DUE, AT + 100);
    assert_string_equal(next(DUE_DUE, AT), "");
    assert_int_equal(reached.next[DUE_DUE], AT + 100);
    assert_string_equal(next(DUE_OVERDUE, AT), "");
    assert_true(reached.next[DUE_OVERDUE] == INT64_MAX);
}

static void
one_commitment_has_one_entry(void **state)
{
    (void)state;
    set(1, "p", DUE_DUE, AT);
    set(1, "p", DUE_DUE, AT + 1);
    assert_string_equal(next(DUE_DUE, AT), "");
    set(1, "p", DUE_OVERDUE, AT + 1);
    assert_string_equal(next(DUE_DUE, AT + 1), "");
    set(1, "p", DUE_NOTHING, 0);
    assert_string_equal(next(DUE_OVERDUE, AT + 1), "");
}

static void
other_profiles_and_other_names_are_other_commitments(void **state)
{
    (void)state;
    set(1, "p", DUE_DUE, AT);
    set(1, "pp", DUE_DUE, AT);
    set(2, "p", DUE_DUE, AT);
    set(1, "p", DUE_NOTHING, 0);
    assert_string_equal(next(DUE_DUE, AT), "pp");
    assert_string_equal(next(DUE_DUE, AT), "p");
    assert_string_equal(next(DUE_DUE, AT), "");
}

static void
what_was_looked_at_is_passed_by_until_it_is_set_anew(void **state)
{
    (void)state;
    set(1, "p", DUE_DUE, AT);
    assert_string_equal(next(DUE_DUE, AT + 9), "p");
    assert_string_equal(next(DUE_DUE, AT + 9), "");
    set(1, "p", DUE_DUE, AT);           /* nothing new */
    assert_string_equal(next(DUE_DUE, AT + 9), "");
    set(1, "p", DUE_DUE, AT + 1);
    assert_string_equal(next(DUE_DUE, AT + 9), "p");
    set(2, "past", DUE_DUE, 1);
    assert_string_equal(next(DUE_DUE, AT + 9), "past");
}

static void
the_longest_name_is_found_whole(void **state)
{
    char id[ID_BYTES_MAX + 1];

    (void)state;
    memset(id, 'x', ID_BYTES_MAX);
    id[ID_BYTES_MAX] = '\0';
    set(UINT64_MAX, id, DUE_OVERDUE, AT);
    assert_string_equal(next(DUE_OVERDUE, AT), id);
    assert_string_equal(next(DUE_OVERDUE, AT), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_come_in_order_of_time_when_they_are_due),
        TEST(one_made_later_and_due_before_the_next_is_not_missed),
        TEST(until_the_next_is_due_nobody_looks_again),
        TEST(one_commitment_has_one_entry),
        TEST(other_profiles_and_other_names_are_other_commitments),
        TEST(what_was_looked_at_is_passed_by_until_it_is_set_anew),
        TEST(the_longest_name_is_found_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
