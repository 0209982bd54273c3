#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/verb.h"

static const struct verb verb = {"test", "[WHAT]", "is tested", 1u << OUTPUT_JSON, NULL};

struct parsed {
    bool flag;
    const char *text;
    uint64_t count;
    struct verb_list list;
    struct verb_call call;
    char words[512];
    char *argv[80];
};

/* What is said to the user is not said to who runs the tests. */
static int
quietly(struct parsed *p, const struct verb_option *options, int min, int max)
{
    int err = dup(STDERR_FILENO), code;

    assert_non_null(freopen("/dev/null", "w", stderr));
    code = verb_options(&p->call, options, min, max);
    fflush(stderr);
    dup2(err, STDERR_FILENO);
    close(err);
    return code;
}

static int
parse(struct parsed *p, const char *line, int min, int max)
{
    const struct verb_option options[] = {
        {"--flag", VERB_FLAG, &p->flag},
        {"--text", VERB_TEXT, &p->text},
        {"--count", VERB_COUNT, &p->count},
        {"--list", VERB_LIST, &p->list},
        {0},
    };

    *p = (struct parsed){.call = {.verb = &verb, .argv = p->argv}};
    snprintf(p->words, sizeof p->words, "%s", line);
    for (char *word = strtok(p->words, " "); word != NULL; word = strtok(NULL, " "))
        p->argv[p->call.argc++] = word;
    return quietly(p, options, min, max);
}

static void
options_and_arguments_may_be_mixed(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(parse(&p, "one --flag two --text=a=b --count 7 three", 3, 3), 0);
    assert_true(p.flag);
    assert_string_equal(p.text, "a=b");
    assert_int_equal(p.count, 7);
    assert_int_equal(p.call.argc, 3);
    assert_string_equal(p.call.argv[0], "one");
    assert_string_equal(p.call.argv[2], "three");
}

static void
global_options_may_follow_the_verb(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(parse(&p, "--broker tcp://x:1 -o json", 0, 0), 0);
    assert_string_equal(p.call.broker, "tcp://x:1");
    assert_int_equal(p.call.output, OUTPUT_JSON);
}

static void
a_dash_is_an_argument_and_two_end_the_options(void **state)
{
    struct parsed p;

    (void)state;
    assert_int_equal(parse(&p, "- -- --flag -o", 0, 3), 0);
    assert_false(p.flag);
    assert_int_equal(p.call.argc, 3);
    assert_string_equal(p.call.argv[0], "-");
    assert_string_equal(p.call.argv[1], "--flag");
}

static void
a_list_takes_64_and_not_one_more(void **state)
{
    char line[512] = "";
    struct parsed p;

    (void)state;
    for (int i = 0; i < VERB_LIST_MAX / 4; i++)
        strcat(line, "--list=a ");
    assert_int_equal(parse(&p, line, 0, 0), 0);
    assert_int_equal(p.list.count, VERB_LIST_MAX / 4);
    {
        static char words[VERB_LIST_MAX + 1][16];
        const struct verb_option options[] = {{"--list", VERB_LIST, &p.list}, {0}};

        p.list.count = 0;
        p.call = (struct verb_call){.verb = &verb, .argv = p.argv, .argc = VERB_LIST_MAX};
        for (int i = 0; i <= VERB_LIST_MAX; i++)
            p.argv[i] = strcpy(words[i], "--list=a");
        assert_int_equal(quietly(&p, options, 0, 0), 0);
        assert_int_equal(p.list.count, VERB_LIST_MAX);
        p.list.count = 0;
        p.call = (struct verb_call){.verb = &verb, .argv = p.argv, .argc = VERB_LIST_MAX + 1};
        assert_int_equal(quietly(&p, options, 0, 0), VERB_USAGE);
    }
}

static void
what_is_not_understood_is_called_wrongly(void **state)
{
    static const char *const wrong[] = {
        "--nonsense", "-x",        "--flag=1",       "--text",     "--count",   "--count=-1",
        "--count=1x", "--count=",  "--count=99999999999999999999", "-o",        "-o nonsense",
        "-o jsonl",   "-o proto",  "one two",        "--Flag",     "---flag",
    };
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (parse(&p, wrong[i], 0, 1) != VERB_USAGE)
            fail_msg("`%s' was taken", wrong[i]);
    assert_int_equal(parse(&p, "one", 2, 2), VERB_USAGE);
    assert_int_equal(parse(&p, "one two", 2, 2), 0);
    assert_int_equal(parse(&p, "one two three", 2, 2), VERB_USAGE);
}

static void
a_customer_is_type_and_value(void **state)
{
    struct verb_call call = {.verb = &verb};
    int err = dup(STDERR_FILENO);

    (void)state;
    assert_non_null(freopen("/dev/null", "w", stderr));
    assert_int_equal(verb_customer(&call, "loyalty:1"), 0);
    assert_int_equal(verb_customer(&call, "x-till:a:b"), 0);
    assert_int_equal(verb_customer(&call, "loyalty"), VERB_USAGE);
    assert_int_equal(verb_customer(&call, ":1"), VERB_USAGE);
    assert_int_equal(verb_customer(&call, "loyalty:"), VERB_USAGE);
    fflush(stderr);
    dup2(err, STDERR_FILENO);
    close(err);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_may_be_mixed),
        cmocka_unit_test(global_options_may_follow_the_verb),
        cmocka_unit_test(a_dash_is_an_argument_and_two_end_the_options),
        cmocka_unit_test(a_list_takes_64_and_not_one_more),
        cmocka_unit_test(what_is_not_understood_is_called_wrongly),
        cmocka_unit_test(a_customer_is_type_and_value),
    };

    return cmocka_run_group_tests_name("verb", tests, NULL, NULL);
}
