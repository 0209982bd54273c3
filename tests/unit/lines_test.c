#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/lines.h"
#include "proto/code.h"
#include "tests/unit/scratch.h"

#define TORN "a torn one, longer than what follows"

static struct lines lines;
static char heard[200];

static void
hear(void *arg, char *line)
{
    assert_ptr_equal(arg, &lines);
    assert_true(strlen(heard) + strlen(line) + 2 < sizeof heard);
    strcat(strcat(heard, line), "|");
}

static void
open_lines(void)
{
    heard[0] = '\0';
    assert_int_equal(lines_open(&lines, scratch, "words", hear, &lines), 0);
}

static const char *
read_again(void)
{
    lines_close(&lines);
    open_lines();
    return heard;
}

static int
begin(void **state)
{
    (void)state;
    scratch_make();
    open_lines();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    lines_close(&lines);
    scratch_end();
    return 0;
}

static int
with_text(int (*act)(struct lines *l, const struct buf *text), const char *text)
{
    struct buf b = {0};
    int err;

    buf_text(&b, text);
    err = act(&lines, &b);
    buf_free(&b);
    return err;
}

static void
lines_are_read_again_as_they_were_added(void **state)
{
    (void)state;
    assert_string_equal(heard, "");
    assert_int_equal(with_text(lines_add, "one\n"), 0);
    assert_int_equal(with_text(lines_add, "two\n\nthree\n"), 0);
    assert_string_equal(read_again(), "one|two||three|");
    assert_int_equal(with_text(lines_add, "four\n"), 0);
    assert_string_equal(read_again(), "one|two||three|four|");
}

static void
lines_written_anew_stand_for_all_before_and_more_can_be_added(void **state)
{
    (void)state;
    assert_int_equal(with_text(lines_add, "one\ntwo\n"), 0);
    assert_int_equal(with_text(lines_write_anew, "both\n"), 0);
    assert_int_equal(lines.bytes, strlen("both\n"));
    assert_int_equal(with_text(lines_add, "three\n"), 0);
    assert_string_equal(read_again(), "both|three|");
}

static void
a_line_torn_by_a_crash_is_not_read_and_swallows_no_other(void **state)
{
    (void)state;
    assert_int_equal(with_text(lines_add, "one\n"), 0);
    scratch_write("words", TORN, strlen(TORN), lines.bytes);
    assert_string_equal(read_again(), "one|");
    assert_int_equal(with_text(lines_add, "two\n"), 0);
    assert_string_equal(read_again(), "one|two|");
}

static void
without_space_nothing_of_what_was_added_is_there(void **state)
{
    (void)state;
    assert_int_equal(with_text(lines_add, "one\n"), 0);
    scratch_limit(8);
    assert_int_equal(with_text(lines_add, "2\n3\n4\n"), TL_NO_SPACE);
    assert_string_equal(read_again(), "one|");
    assert_int_equal(with_text(lines_add, "two\n"), 0);
    assert_int_equal(with_text(lines_add, "x\n"), TL_NO_SPACE);
    scratch_limit(0);
    assert_int_equal(with_text(lines_add, "three\n"), 0);
    assert_string_equal(read_again(), "one|two|three|");
}

static void
without_space_to_be_written_anew_the_file_is_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(with_text(lines_add, "one\n"), 0);
    scratch_limit(8);
    assert_int_equal(with_text(lines_write_anew, "one\ntwo\nthree\n"), TL_NO_SPACE);
    scratch_limit(0);
    assert_int_equal(scratch_count(".tmp", NULL), 0);
    assert_int_equal(with_text(lines_add, "four\n"), 0);
    assert_string_equal(read_again(), "one|four|");
}

static void
a_file_is_long_again_when_it_is_twice_what_it_was_written_anew_with(void **state)
{
    static char text[LINES_BYTES_MAX];
    struct buf b = {0};

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    buf_append(&b, text, sizeof text);
    assert_int_equal(lines_add(&lines, &b), 0);
    assert_false(lines_grown(&lines));
    assert_int_equal(with_text(lines_add, "\n"), 0);
    assert_true(lines_grown(&lines));
    assert_int_equal(lines_write_anew(&lines, &b), 0);
    assert_int_equal(with_text(lines_add, "\n"), 0);
    assert_false(lines_grown(&lines));
    b.len--;
    b.ptr[b.len - 1] = '\n';
    assert_int_equal(lines_add(&lines, &b), 0);
    assert_false(lines_grown(&lines));
    assert_int_equal(with_text(lines_add, "\n"), 0);
    assert_true(lines_grown(&lines));
    buf_free(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_again_as_they_were_added),
        TEST(lines_written_anew_stand_for_all_before_and_more_can_be_added),
        TEST(a_line_torn_by_a_crash_is_not_read_and_swallows_no_other),
        TEST(a_file_is_long_again_when_it_is_twice_what_it_was_written_anew_with),
        TEST(without_space_nothing_of_what_was_added_is_there),
        TEST(without_space_to_be_written_anew_the_file_is_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
