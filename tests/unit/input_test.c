#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"
#include "tools/input.h"

static const char *
file_with(const char *name, const char *text)
{
    const char *path = scratch_path(name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void
compressed(const char *path)
{
    char command[600];

    snprintf(command, sizeof command, "gzip -f '%s'", path);
    assert_int_equal(system(command), 0);
}

static void
assert_loads(const char *path, const char *text)
{
    size_t len;
    char *got = input_load(path, &len);

    assert_non_null(got);
    assert_int_equal(len, strlen(text));
    assert_string_equal(got, text);
    free(got);
}

static void
a_file_reads_the_same_compressed_and_not(void **state)
{
    (void)state;
    assert_loads(file_with("plain", "some text\n"), "some text\n");
    compressed(scratch_path("plain"));
    assert_loads(scratch_path("plain.gz"), "some text\n");
    assert_loads(file_with("empty", ""), "");
}

static void
a_compressed_file_cut_short_is_damaged_after_what_it_had(void **state)
{
    char text[20000], got[65536];
    struct input in;
    const char *why;
    ssize_t some, sum = 0;

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('a' + rand() % 26);
    text[sizeof text - 1] = '\0';
    file_with("cut", text);
    compressed(scratch_path("cut"));
    assert_int_equal(truncate(scratch_path("cut.gz"), 8000), 0);
    assert_int_equal(input_open(&in, scratch_path("cut.gz")), 0);
    assert_int_equal(in.size, 8000);
    while ((some = input_read(&in, got, sizeof got, &why)) > 0)
        sum += some;
    assert_int_equal(some, -1);
    assert_true(sum > 0);
    assert_true(strlen(why) > 0);
    input_close(&in);
    {
        size_t len;

        assert_null(input_load(scratch_path("cut.gz"), &len));
        assert_int_equal(errno, EBADMSG);
    }
}

static void
what_cannot_be_opened_says_why(void **state)
{
    struct input in;
    size_t len;

    (void)state;
    assert_int_equal(input_open(&in, scratch_path("nowhere")), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(input_open(&in, scratch_path(".")), -1);
    assert_int_equal(errno, EISDIR);
    assert_null(input_load(scratch_path("nowhere"), &len));
    input_close(&in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_reads_the_same_compressed_and_not),
        cmocka_unit_test(a_compressed_file_cut_short_is_damaged_after_what_it_had),
        cmocka_unit_test(what_cannot_be_opened_says_why),
    };
    int failed;

    scratch_make();
    failed = cmocka_run_group_tests_name("input", tests, NULL, NULL);
    scratch_end();
    return failed;
}
