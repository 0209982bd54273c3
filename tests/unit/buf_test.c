#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"

static void
appended_pieces_stand_in_order(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_text(&b, "offer");
    buf_byte(&b, ' ');
    buf_append(&b, "718xx", 3);
    buf_append(&b, NULL, 0);
    buf_printf(&b, " at %d%%", 20);
    assert_int_equal(b.len, strlen("offer 718 at 20%"));
    assert_memory_equal(b.ptr, "offer 718 at 20%", b.len);
    assert_false(b.failed);
    buf_free(&b);
    assert_null(b.ptr);
}

static void
printf_of_any_length_fits(void **state)
{
    (void)state;
    for (int width = 1; width < 300; width++) {
        struct buf b = {0};

        buf_printf(&b, "%*d", width, 7);
        assert_int_equal(b.len, width);
        assert_int_equal(b.ptr[width - 1], '7');
        buf_free(&b);
    }
}

static void
the_first_failure_sticks_and_what_was_there_stays(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_text(&b, "kept");
    assert_null(buf_grow(&b, SIZE_MAX / 2));
    assert_true(b.failed);
    buf_text(&b, "lost");
    buf_printf(&b, "%s", "lost");
    buf_u32(&b, 1);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.ptr, "kept", 4);
    buf_clear(&b);
    buf_text(&b, "again");
    assert_false(b.failed);
    assert_int_equal(b.len, 5);
    buf_free(&b);
}

static void
front_can_be_dropped_up_to_all_of_it(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_text(&b, "abcdef");
    buf_drop_front(&b, 0);
    buf_drop_front(&b, 2);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.ptr, "cdef", 4);
    buf_drop_front(&b, 4);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void
integers_are_little_endian(void **state)
{
    static const unsigned char expected[] = {
        0x02, 0x01, 0x04, 0x03, 0x02, 0x01, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
    };
    struct buf b = {0};

    (void)state;
    buf_u16(&b, 0x0102);
    buf_u32(&b, 0x01020304);
    buf_u64(&b, 0x0102030405060708);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(b.ptr, expected, sizeof expected);
    buf_free(&b);
}

static void
varint_takes_one_to_ten_bytes(void **state)
{
    static const struct {
        uint64_t value;
        size_t len;
        unsigned char bytes[10];
    } cases[] = {
        {0, 1, {0x00}},
        {127, 1, {0x7f}},
        {128, 2, {0x80, 0x01}},
        {300, 2, {0xac, 0x02}},
        {16383, 2, {0xff, 0x7f}},
        {16384, 3, {0x80, 0x80, 0x01}},
        {UINT64_MAX, 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b = {0};

        buf_varint(&b, cases[i].value);
        assert_int_equal(b.len, cases[i].len);
        assert_memory_equal(b.ptr, cases[i].bytes, b.len);
        buf_free(&b);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_pieces_stand_in_order),
        cmocka_unit_test(printf_of_any_length_fits),
        cmocka_unit_test(the_first_failure_sticks_and_what_was_there_stays),
        cmocka_unit_test(front_can_be_dropped_up_to_all_of_it),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(varint_takes_one_to_ten_bytes),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
