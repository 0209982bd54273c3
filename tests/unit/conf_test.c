#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"

static char *host, *label;
static int64_t sessions, memory, grace_ms;
static bool strict;

static const struct conf_setting settings[] = {
    {"listen", "host", CONF_TEXT, &host, 0, 0},
    {"listen", "sessions", CONF_NUMBER, &sessions, 0, 0},
    {"store", "memory", CONF_BYTES, &memory, 0, 0},
    {"store", "host", CONF_TEXT, &label, 0, 0},
    {"timers", "grace", CONF_DURATION_MS, &grace_ms, 0, 0},
    {"limits", "size", CONF_BYTES, &memory, 64 << 10, 2LL << 30},
    {"limits", "room", CONF_BYTES, &memory, 1536, 0},
    {"limits", "pause", CONF_DURATION_MS, &grace_ms, 0, 90 * 60 * 1000},
    {"timers", "strict", CONF_FLAG, &strict, 0, 0},
};
#define SETTINGS (sizeof settings / sizeof settings[0])

static char path[] = "/tmp/conf_test.XXXXXX";
static char error[CONF_ERROR_BYTES];

static int
read_text(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    free(host);
    free(label);
    host = label = NULL;
    sessions = memory = grace_ms = -1;
    strict = false;
    return conf_read(path, settings, SETTINGS, error);
}

static void
assert_refused(const char *text, const char *sentence)
{
    char expected[2 * CONF_ERROR_BYTES];

    assert_int_equal(read_text(text), -1);
    snprintf(expected, sizeof expected, "%s %s", path, sentence);
    assert_string_equal(error, expected);
}

static void
every_kind_of_value_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("# a comment\n[listen]\nhost = a name ; why\nsessions=12\n\n"
                               "[store]\nmemory = 256 MiB\n[timers]\ngrace = 5 min\n"
                               "strict = yes\n"),
                     0);
    assert_string_equal(host, "a name");
    assert_int_equal(sessions, 12);
    assert_int_equal(memory, 256 << 20);
    assert_int_equal(grace_ms, 300000);
    assert_true(strict);
}

static void
what_is_not_named_keeps_its_default(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), 0);
    assert_int_equal(memory, -1);
    assert_int_equal(read_text("[timers]\ngrace = 0 s"), 0);
    assert_int_equal(grace_ms, 0);
    assert_int_equal(memory, -1);
}

static void
unknown_name_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("[store]\n\nmemmory = 1 GiB\n",
                   "line 3: there is no setting `memmory` in [store]");
    assert_refused("[listen]\nmemory = 1 GiB\n",
                   "line 2: there is no setting `memory` in [listen]");
    assert_refused("memory = 1 GiB\n", "line 1: there is no setting `memory` in []");
}

static void
first_of_several_errors_is_told(void **state)
{
    (void)state;
    assert_refused("[store]\nmemory = much\nwhat = ever\n",
                   "line 2: `memory` wants a number of B, KiB, MiB or GiB, not `much`");
}

static void
bad_values_are_refused(void **state)
{
    static const char *const lines[] = {
        "[listen]\nsessions = -1",  "[listen]\nsessions = 1.5",
        "[listen]\nsessions =",     "[listen]\nsessions = 12 s",
        "[listen]\nsessions = 9223372036854775808",
        "[store]\nmemory = 12",     "[store]\nmemory = 12 MB",
        "[store]\nmemory = 9007199254740992 KiB",
        "[timers]\ngrace = 5",      "[timers]\ngrace = 5 m",
        "[timers]\nstrict = true",  "[timers]\nstrict =",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (read_text(lines[i]) == 0 || strstr(error, "line 2: `") == NULL)
            fail_msg("taken: %s (%s)", lines[i], error);
    assert_int_equal(read_text("[listen]\nsessions = 9223372036854775807"), 0);
    assert_int_equal(read_text("[store]\nmemory = 9007199254740991 KiB"), 0);
}

static void
a_quantity_past_its_limits_is_refused_and_they_are_told(void **state)
{
    (void)state;
    assert_int_equal(read_text("[limits]\nsize = 64 KiB\n"), 0);
    assert_int_equal(read_text("[limits]\nsize = 2 GiB\nroom = 1536 B\npause = 90 min\n"), 0);
    assert_refused("[limits]\nsize = 65535 B\n",
                   "line 2: `size` is 64 KiB to 2 GiB, not `65535 B`");
    assert_refused("[limits]\nsize = 3 GiB\n", "line 2: `size` is 64 KiB to 2 GiB, not `3 GiB`");
    assert_refused("[limits]\nroom = 0 B\n", "line 2: `room` is 1536 B or more, not `0 B`");
    assert_refused("[limits]\npause = 2 h\n", "line 2: `pause` is at most 90 min, not `2 h`");
}

static void
name_set_twice_or_continued_is_refused(void **state)
{
    (void)state;
    assert_refused("[listen]\nhost = a\nhost = b\n", "line 3: `host` is set a second time");
    assert_refused("[listen]\nhost = a\n  and more\n", "line 3: `host` is set a second time");
    assert_int_equal(read_text("[listen]\nhost = a\n[store]\nhost = b\n"), 0);
    assert_string_equal(host, "a");
    assert_string_equal(label, "b");
}

static void
line_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_refused("[listen]\nhost\n", "line 2: neither `[section]` nor `name = value`");
    assert_refused("[listen\nhost = a\n", "line 1: neither `[section]` nor `name = value`");
}

static void
longest_line_is_read_and_one_byte_more_is_refused(void **state)
{
    char text[400] = "[listen]\nhost = ";
    size_t head = strlen(text);

    (void)state;
    memset(text + head, 'x', 198 - strlen("host = "));
    strcpy(text + head + 198 - strlen("host = "), "\n[store]\nmemory = 1 B\n");
    assert_int_equal(read_text(text), 0);
    assert_int_equal(strlen(host), 198 - strlen("host = "));
    assert_int_equal(memory, 1);
    memset(text + head, 'x', 199 - strlen("host = "));
    strcpy(text + head + 199 - strlen("host = "), "\n[store]\nmemory = 1 B\n");
    assert_refused(text, "line 2: longer than 198 bytes");
}

static void
file_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_int_equal(conf_read("/nowhere/touchline.conf", settings, SETTINGS, error), -1);
    assert_string_equal(error, "/nowhere/touchline.conf: No such file or directory");
    assert_int_equal(conf_read("/tmp", settings, SETTINGS, error), -1);
    assert_non_null(strstr(error, "/tmp: cannot be read: Is a directory"));
}

static int
make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
    (void)state;
    free(host);
    free(label);
    return unlink(path);
}

static int
note_line(void *arg, const char *section, const char *name, const char *value,
          char why[CONF_WHY_BYTES])
{
    char *noted = arg;
    size_t len = strlen(noted);

    snprintf(noted + len, 200 - len, "%s/%s/%s;", section, name, value);
    snprintf(why, CONF_WHY_BYTES, "`%s` is too much", name);
    return strcmp(value, "3") == 0 ? -1 : 0;
}

static void
a_walk_hands_over_each_line_until_one_is_refused(void **state)
{
    char noted[200] = "", expected[200];

    (void)state;
    read_text("[a]\nx = 1\n[b]\nx y = 2\nx y = 2\n");
    assert_int_equal(conf_walk(path, note_line, noted, error), 0);
    assert_string_equal(noted, "a/x/1;b/x y/2;b/x y/2;");
    read_text("[a]\nx = 1\n\nz = 3\nx = 3\n");
    assert_int_equal(conf_walk(path, note_line, noted, error), -1);
    snprintf(expected, sizeof expected, "%s line 4: `z` is too much", path);
    assert_string_equal(error, expected);
}

static void
durations_have_a_unit(void **state)
{
    int64_t ms;

    (void)state;
    assert_int_equal(conf_duration(&ms, "7 d"), 0);
    assert_int_equal(ms, 7LL * 86400000);
    assert_int_equal(conf_duration(&ms, "15min"), 0);
    assert_int_equal(ms, 900000);
    assert_int_equal(conf_duration(&ms, "7"), -1);
    assert_int_equal(conf_duration(&ms, "7 KiB"), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(what_is_not_named_keeps_its_default),
        cmocka_unit_test(unknown_name_is_refused_with_its_line),
        cmocka_unit_test(first_of_several_errors_is_told),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(a_quantity_past_its_limits_is_refused_and_they_are_told),
        cmocka_unit_test(name_set_twice_or_continued_is_refused),
        cmocka_unit_test(line_that_is_none_is_refused),
        cmocka_unit_test(longest_line_is_read_and_one_byte_more_is_refused),
        cmocka_unit_test(file_that_is_not_there_is_named),
        cmocka_unit_test(a_walk_hands_over_each_line_until_one_is_refused),
        cmocka_unit_test(durations_have_a_unit),
    };

    return cmocka_run_group_tests_name("conf", tests, make_file, remove_file);
}
