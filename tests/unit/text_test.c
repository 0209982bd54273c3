#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/text.h"

static void
assert_text(struct tl_str s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.ptr, want, s.len);
}

static void
lines_are_taken_to_the_last_one_which_may_have_no_end(void **state)
{
    struct tl_str rest = text_of("one\n\nthree\r\nfour");

    (void)state;
    assert_text(text_line(&rest), "one");
    assert_text(text_line(&rest), "");
    assert_text(text_line(&rest), "three\r");
    assert_text(text_line(&rest), "four");
    assert_int_equal(rest.len, 0);
    assert_text(text_line(&rest), "");
}

static void
assert_unescaped(const char *text, char plus, const char *want)
{
    char out[32];

    assert_true(strlen(text) < sizeof out);
    assert_text((struct tl_str){out, text_unescape(out, text_of(text), plus)}, want);
    strcpy(out, text);
    assert_text((struct tl_str){out, text_unescape(out, text_of(out), plus)}, want);
}

static void
bytes_that_were_escaped_are_there_again_also_in_place(void **state)
{
    (void)state;
    assert_unescaped("a%20b%2Bc%c3%A9", '+', "a b+c\xc3\xa9");
    assert_unescaped("a+b%2B", ' ', "a b+");
    assert_unescaped("a+b%2B", '+', "a+b+");
    assert_unescaped("100%", ' ', "100%");
    assert_unescaped("%4", ' ', "%4");
    assert_unescaped("%zz%G1%1G%41", ' ', "%zz%G1%1GA");
    assert_unescaped("", ' ', "");
}

static void
blanks_and_brackets_are_taken_off(void **state)
{
    (void)state;
    assert_text(text_trim(text_of(" \t\r\na b\n ")), "a b");
    assert_text(text_trim(text_of(" \n")), "");
    assert_text(text_trim(text_of(NULL)), "");
    assert_text(text_unbracket(text_of("Joe <not him> < joe@example.com > x")), "joe@example.com");
    assert_text(text_unbracket(text_of("joe@example.com")), "joe@example.com");
    assert_text(text_unbracket(text_of("<joe")), "<joe");
}

static void
a_word_is_held_in_capitals_or_not(void **state)
{
    (void)state;
    assert_true(text_holds(text_of("a GoogleBot here"), "bot"));
    assert_true(text_holds(text_of("BOT"), "bot"));
    assert_false(text_holds(text_of("a b o t"), "bot"));
    assert_false(text_holds(text_of("bo"), "bot"));
    assert_false(text_holds(text_of(NULL), "bot"));
    assert_true(text_equal(text_of("a"), text_of("a")));
    assert_true(text_equal(text_of(NULL), text_of("")));
    assert_false(text_equal(text_of("a"), text_of("A")));
    assert_false(text_equal(text_of("a"), text_of("ab")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_taken_to_the_last_one_which_may_have_no_end),
        cmocka_unit_test(bytes_that_were_escaped_are_there_again_also_in_place),
        cmocka_unit_test(blanks_and_brackets_are_taken_off),
        cmocka_unit_test(a_word_is_held_in_capitals_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
