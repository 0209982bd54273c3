#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/crc32c.h"

static uint32_t
bit_by_bit(uint32_t crc, const unsigned char *at, size_t len)
{
    crc = ~crc;
    for (; len > 0; at++, len--) {
        crc ^= *at;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void
vectors_of_rfc_3720_hold(void **state)
{
    unsigned char bytes[32];

    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x113fdb5cu);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void
instruction_table_and_definition_agree_at_every_length_and_offset(void **state)
{
    unsigned char bytes[1900];      /* more than twice what is summed in three pieces at a time */

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * i * 167 + 13);
    for (size_t offset = 0; offset < 9; offset++)
        for (size_t len = 0; len <= sizeof bytes - offset; len++) {
            uint32_t expected = bit_by_bit(7, bytes + offset, len);

            assert_int_equal(crc32c(7, bytes + offset, len), expected);
            assert_int_equal(crc32c_by_table(7, bytes + offset, len), expected);
        }
}

static void
parts_continue_to_the_same_sum(void **state)
{
    static const char text[] = "a header and the payload behind it";
    uint32_t whole = crc32c(0, text, sizeof text);

    (void)state;
    for (size_t cut = 0; cut <= sizeof text; cut++)
        assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, sizeof text - cut), whole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_3720_hold),
        cmocka_unit_test(instruction_table_and_definition_agree_at_every_length_and_offset),
        cmocka_unit_test(parts_continue_to_the_same_sum),
    };

    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
