#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/settings.h"

#define WORDS_MAX 8

/* Reads a command line, its words parted by blanks. */
static int
read_line(struct settings *s, const char *line, char error[SETTINGS_ERROR_BYTES])
{
    static char copy[1024];
    char *words[WORDS_MAX + 1] = {0};
    int count = 0;

    snprintf(copy, sizeof copy, "touchlined %s", line);
    for (char *word = strtok(copy, " "); word != NULL && count < WORDS_MAX;
         word = strtok(NULL, " "))
        words[count++] = word;
    error[0] = '\0';
    return settings_read(s, count, words, error);
}

static struct settings
taken(const char *line)
{
    char error[SETTINGS_ERROR_BYTES];
    struct settings s;

    if (read_line(&s, line, error) != 0)
        fail_msg("%s: %s", line, error);
    return s;
}

static void
refused(const char *line, const char *word)
{
    char error[SETTINGS_ERROR_BYTES];
    struct settings s;

    assert_int_equal(read_line(&s, line, error), -1);
    if (strstr(error, word) == NULL)
        fail_msg("%s: the sentence does not name %s: %s", line, word, error);
}

static void
data_is_asked_for_and_the_rest_has_defaults(void **state)
{
    struct settings s = taken("--data /d");

    (void)state;
    assert_string_equal(s.data, "/d");
    assert_string_equal(s.listen, LISTEN_DEFAULT);
    assert_int_equal(s.segment_bytes, 0);
    refused("", "--data");
    refused("--listen tcp://127.0.0.1:1", "--data");
}

static void
a_wrong_command_line_is_named(void **state)
{
    (void)state;
    refused("--data", "--data");
    refused("--data /d --colour red", "--colour");
    refused("--data /d more", "more");
    refused("--data /d --config /nowhere/at/all", "/nowhere/at/all");
}

static void
help_and_version_need_no_data(void **state)
{
    (void)state;
    assert_true(taken("--help").help);
    assert_true(taken("--version").version);
}

static void
the_command_line_is_over_the_file(void **state)
{
    char path[] = "/tmp/settings-test-XXXXXX", line[256];
    int fd = mkstemp(path);
    static const char text[] = "[broker]\ndata = /from-file\nlisten = tcp://127.0.0.1:1\n"
                               "[store]\nsegment_size = 4 MiB\nflush_interval = 2 s\n";
    struct settings s;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    snprintf(line, sizeof line, "--config %s --listen tcp://127.0.0.1:2", path);
    s = taken(line);
    unlink(path);
    assert_string_equal(s.data, "/from-file");
    assert_string_equal(s.listen, "tcp://127.0.0.1:2");
    assert_int_equal(s.segment_bytes, 4 << 20);
    assert_int_equal(s.flush_ms, 2000);
    free(s.data);
}

/* Reads a settings file of this text. */
static int
read_text(struct settings *s, const char *text, char error[SETTINGS_ERROR_BYTES])
{
    char path[] = "/tmp/settings-test-XXXXXX", line[256];
    int fd = mkstemp(path), err;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    snprintf(line, sizeof line, "--data /d --config %s", path);
    err = read_line(s, line, error);
    unlink(path);
    return err;
}

static void
grace_is_at_most_ten_years(void **state)
{
    char error[SETTINGS_ERROR_BYTES];
    struct settings s;

    (void)state;
    assert_int_equal(read_text(&s, "[commitments]\ngrace = 3650 d\n", error), 0);
    assert_true(s.grace_ms == SETTINGS_MS_MAX);
    assert_int_equal(read_text(&s, "[commitments]\ngrace = 3651 d\n", error), -1);
    assert_non_null(strstr(error, "grace"));
}

/* Settings that would be refused at the start, or leave no room for any event. */
static void
a_setting_of_the_store_has_limits(void **state)
{
    static const char *const wrong[][2] = {
        {"segment_size = 0 B", "4 MiB to 2 GiB"},
        {"segment_size = 4194303 B", "4 MiB to 2 GiB"},
        {"segment_size = 2147483649 B", "4 MiB to 2 GiB"},
        {"views_memory = 0 B", "1 MiB or more"},
        {"views_memory = 1048575 B", "1 MiB or more"},
        {"flush_events = 0", "1 or more"},
        {"flush_interval = 0 s", "1 ms to 3650 d"},
        {"flush_interval = 3651 d", "1 ms to 3650 d"},
    };
    char error[SETTINGS_ERROR_BYTES], text[128];
    struct settings s;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "[store]\n%s\n", wrong[i][0]);
        assert_int_equal(read_text(&s, text, error), -1);
        if (strstr(error, wrong[i][1]) == NULL || strstr(error, "line 2: `") == NULL)
            fail_msg("%s: %s", wrong[i][0], error);
    }
    assert_int_equal(read_text(&s, "[store]\nsegment_size = 2 GiB\nviews_memory = 1 MiB\n"
                                   "flush_events = 1\nflush_interval = 3650 d\n", error), 0);
}

static void
only_this_machine_gets_in_without_keys(void **state)
{
    static const char *const local[] = {"tcp://127.0.0.1:7700", "tcp://127.0.0.2:1",
                                        "ipc:///run/t",         "tcp://localhost:7700",
                                        "tcp://[::1]:7700",     "tcp://lo:7700"};
    static const char *const open[] = {"tcp://0.0.0.0:7700",
                                       "tcp://*:7700",
                                       "tcp://[::]:7700",
                                       "tcp://192.168.0.1:7700",
                                       "tcp://eth0:7700",
                                       "udp://127.0.0.1:1",
                                       "tcp://localhost.example.com:1",
                                       "tcp://127example.com:1",
                                       "tcp://127.example.com:1",
                                       ""};

    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        assert_true(settings_is_local(local[i]));
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        assert_false(settings_is_local(open[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_asked_for_and_the_rest_has_defaults),
        cmocka_unit_test(a_wrong_command_line_is_named),
        cmocka_unit_test(help_and_version_need_no_data),
        cmocka_unit_test(the_command_line_is_over_the_file),
        cmocka_unit_test(a_setting_of_the_store_has_limits),
        cmocka_unit_test(grace_is_at_most_ten_years),
        cmocka_unit_test(only_this_machine_gets_in_without_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
