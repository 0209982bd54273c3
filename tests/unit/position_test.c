#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "proto/code.h"
#include "proto/position.h"

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static void
a_position_is_29_characters_of_log_and_number(void **state)
{
    char text[POSITION_BYTES + 1];

    (void)state;
    assert_string_equal(position_format(text, (struct position){0x68f0a1b20000, 1}),
                        "68f0a1b20000-0000000000000001");
    assert_string_equal(position_format(text, (struct position){0, 0}),
                        "000000000000-0000000000000000");
    assert_string_equal(position_format(text, (struct position){0xffffffffffff, UINT64_MAX}),
                        "ffffffffffff-ffffffffffffffff");
}

static void
what_was_written_is_read(void **state)
{
    static const uint64_t numbers[] = {0, 1, 9, 10, 255, 1u << 31, UINT64_MAX - 1, UINT64_MAX};
    char text[POSITION_BYTES + 1];
    struct position p;

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        position_format(text, (struct position){numbers[i] >> 16, numbers[i]});
        assert_int_equal(position_parse(&p, str(text)), 0);
        assert_true(p.log == numbers[i] >> 16 && p.number == numbers[i]);
    }
}

static void
positions_are_ordered_as_text(void **state)
{
    char a[POSITION_BYTES + 1], b[POSITION_BYTES + 1];

    (void)state;
    for (uint64_t n = 1; n < UINT64_MAX / 3; n *= 3) {
        position_format(a, (struct position){7, n - 1});
        position_format(b, (struct position){7, n});
        assert_true(strcmp(a, b) < 0);
    }
}

static void
anything_else_is_no_position(void **state)
{
    static const char *const wrong[] = {
        "",
        "0",
        "68f0a1b20000-000000000000001",
        "68f0a1b20000-00000000000000011",
        "68f0a1b20000_0000000000000001",
        "68F0A1B20000-0000000000000001",
        "68f0a1b20000-000000000000000g",
        "68f0a1b2000:-0000000000000001",
        "68f0a1b20000-000000000000000/",
        " 8f0a1b20000-0000000000000001",
        "start",
        "2017-06-02T10:00:00.000000000Z",
    };
    struct position p;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(position_parse(&p, str(wrong[i])), TL_BAD_POSITION);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_is_29_characters_of_log_and_number),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(positions_are_ordered_as_text),
        cmocka_unit_test(anything_else_is_no_position),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
