#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"

static char text[1 << 20];

/* What `work` writes to stderr, in a process of its own; returns how that ended. */
static int
capture(void (*work)(void))
{
    FILE *out = tmpfile();
    int status;
    size_t len;
    pid_t pid;

    assert_non_null(out);
    if ((pid = fork()) == 0) {
        dup2(fileno(out), STDERR_FILENO);
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    rewind(out);
    len = fread(text, 1, sizeof text - 1, out);
    text[len] = '\0';
    fclose(out);
    return status;
}

static void
say_one_of_each(void)
{
    log_error("store", "cannot write, stopping code=%s", "IO");
    log_warn("broker", "peer is slow session=%d", 7);
    log_info("broker", "ready");
}

static void
line_is_level_module_message(void **state)
{
    (void)state;
    capture(say_one_of_each);
    assert_string_equal(text, "error store cannot write, stopping code=IO\n"
                              "warn broker peer is slow session=7\n"
                              "info broker ready\n");
}

static void
say_a_forged_line(void)
{
    log_info("broker", "hello name=%s", "joe\nerror store all is lost\x1b[2J");
}

static void
a_stranger_cannot_forge_a_line(void **state)
{
    (void)state;
    capture(say_a_forged_line);
    assert_string_equal(text, "info broker hello name=joe?error store all is lost?[2J\n");
}

static void
say_too_much(void)
{
    char much[5000];

    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    log_info("broker", "%s", much);
    log_info("broker", "next");
}

static void
too_long_a_line_is_cut(void **state)
{
    (void)state;
    capture(say_too_much);
    assert_int_equal(strcspn(text, "\n"), 2047);
    assert_string_equal(strchr(text, '\n') + 1, "info broker next\n");
}

static void *
chatter(void *name)
{
    for (int i = 0; i < 500; i++)
        log_info("thread", "%s %s %s", (char *)name, (char *)name, (char *)name);
    return NULL;
}

static void
talk_at_once(void)
{
    static char names[4][4] = {"aaa", "bbb", "ccc", "ddd"};
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, chatter, names[i]);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void
lines_of_several_threads_do_not_mix(void **state)
{
    int lines = 0;

    (void)state;
    capture(talk_at_once);
    for (char *at = strtok(text, "\n"); at != NULL; at = strtok(NULL, "\n"), lines++) {
        char expected[64], c = at[strlen("info thread ")];

        snprintf(expected, sizeof expected, "info thread %c%c%c %c%c%c %c%c%c", c, c, c, c, c, c,
                 c, c, c);
        assert_string_equal(at, expected);
    }
    assert_int_equal(lines, 2000);
}

static void
break_a_promise(void)
{
    struct rlimit no_core = {0};

    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    must(1 + 1 == 2);
    must(1 + 1 == 3);
    log_info("test", "still here");
}

static void
our_own_fault_stops_the_program_and_says_where(void **state)
{
    int status = capture(break_a_promise);

    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "error must this cannot be, stopping: 1 + 1 == 3 at="));
    assert_null(strstr(text, "still here"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_is_level_module_message),
        cmocka_unit_test(a_stranger_cannot_forge_a_line),
        cmocka_unit_test(too_long_a_line_is_cut),
        cmocka_unit_test(lines_of_several_threads_do_not_mix),
        cmocka_unit_test(our_own_fault_stops_the_program_and_says_where),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
