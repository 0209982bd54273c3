#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "adapters/letter.h"
#include "base/clock.h"
#include "client/touchline.h"
#include "scratch.h"

static struct letters box;

static int
start(void **state)
{
    (void)state;
    scratch_make();
    return letters_open(&box, scratch);
}

static int
end(void **state)
{
    char command[300];

    (void)state;
    letters_close(&box);
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    return system(command);
}

static struct letter
made(const char *bytes, size_t len)
{
    return (struct letter){
        .received = 1700000000 * CLOCK_SECOND,
        .adapter = "touchline-pos",
        .format = "poslog",
        .where = "till.xml at 12",
        .reason = "two\nlines",
        .bytes = bytes,
        .bytes_len = len,
    };
}

static void
a_letter_comes_back_byte_for_byte(void **state)
{
    static const char bytes[] = "\0raw\n\nreason: none\n\xff";
    struct letter letter = made(bytes, sizeof bytes - 1), back;
    char name[256];

    (void)state;
    assert_int_equal(letter_write(&box, &letter, true), 0);
    assert_int_equal(scratch_count("", name), 1);
    assert_true(letter_is_name(name));
    assert_int_equal(letter_read(box.dir, name, &back), 0);
    assert_int_equal(back.bytes_len, sizeof bytes - 1);
    assert_memory_equal(back.bytes, bytes, back.bytes_len);
    assert_string_equal(back.adapter, "touchline-pos");
    assert_string_equal(back.source, "");
    assert_string_equal(back.reason, "two lines");
    assert_int_equal(back.received, letter.received);
    letter_free(&back);
}

static void
the_same_bytes_of_one_format_are_one_letter(void **state)
{
    struct letter one = made("a", 1), other = made("b", 1), same = made("a", 1);

    (void)state;
    same.reason = "another";
    assert_int_equal(letter_write(&box, &one, true), 0);
    assert_int_equal(letter_write(&box, &other, true), 0);
    assert_int_equal(letter_write(&box, &same, true), 0);
    assert_int_equal(letters_count(&box), 2);
    same.format = "square";
    assert_int_equal(letter_write(&box, &same, true), 0);
    assert_int_equal(letters_count(&box), 3);
}

static void
at_the_limit_only_what_nobody_else_has_is_kept(void **state)
{
    char name[32], text[32];
    struct letter letter;

    (void)state;
    for (int i = 0; i < LETTERS_MAX; i++) {
        snprintf(name, sizeof name, "%016x", i);
        scratch_write(name, "x", 1, 0);
    }
    assert_int_equal(letters_count(&box), LETTERS_MAX);
    letter = made(text, (size_t)snprintf(text, sizeof text, "one too many"));
    assert_int_equal(letter_write(&box, &letter, true), TL_NO_SPACE);
    assert_int_equal(letter_write(&box, &letter, false), 0);
    /* Somebody takes two away. */
    assert_int_equal(unlink(scratch_path("0000000000000000")), 0);
    assert_int_equal(unlink(scratch_path("0000000000000001")), 0);
    letter = made("the last that fits", 18);
    assert_int_equal(letter_write(&box, &letter, true), 0);
    letter = made("again too many", 14);
    assert_int_equal(letter_write(&box, &letter, true), TL_NO_SPACE);
}

static void
what_is_no_letter_is_said_to_be_none(void **state)
{
    static const char *const files[] = {
        "no head", "received: now\n\nx", "adapter\n\nx", "\nx",
        "received: 2024-03-01T10:00:00Z\nadapter: x\n",
    };
    struct letter back;

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        scratch_write("0123456789abcdef", files[i], strlen(files[i]), 0);
        assert_int_equal(letter_read(box.dir, "0123456789abcdef", &back), EBADMSG);
        scratch_remove("");
    }
    assert_int_equal(letter_read(box.dir, "0123456789abcdef", &back), ENOENT);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(a_letter_comes_back_byte_for_byte),
        TEST(the_same_bytes_of_one_format_are_one_letter),
        TEST(at_the_limit_only_what_nobody_else_has_is_kept),
        TEST(what_is_no_letter_is_said_to_be_none),
    };

    return cmocka_run_group_tests_name("letter", tests, NULL, NULL);
}
