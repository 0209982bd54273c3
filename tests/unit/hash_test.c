#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"

static const unsigned char key[HASH_KEY_BYTES] = "thirty-two bytes that stay same";

static bool
same_pair(const char *a, const char *b, const char *c, const char *d)
{
    unsigned char left[12], right[12];

    hash_pair96(left, key, a, strlen(a), b, strlen(b));
    hash_pair96(right, key, c, strlen(c), d, strlen(d));
    return memcmp(left, right, sizeof left) == 0;
}

static void
parts_do_not_run_into_each_other(void **state)
{
    (void)state;
    assert_true(same_pair("till-4", "17", "till-4", "17"));
    assert_false(same_pair("till-4", "17", "till-41", "7"));
    assert_false(same_pair("", "till", "till", ""));
    assert_false(same_pair("till-4", "17", "17", "till-4"));
}

static void
pair_hash_stays_the_same_for_ever(void **state)
{
    /* Reckoned in Python by the paper of Aumasson and Bernstein. */
    static const unsigned char expected[12] = {
        0x05, 0x20, 0x64, 0x37, 0x98, 0xa2, 0xc1, 0xa4, 0x8f, 0x31, 0x9b, 0x27,
    };
    unsigned char out[12];

    (void)state;
    hash_pair96(out, key, "till-4", 6, "17", 2);
    assert_memory_equal(out, expected, sizeof out);
}

static void
another_key_gives_another_hash(void **state)
{
    unsigned char keys[2][HASH_KEY_BYTES], out[2][12];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        hash_new_key(keys[i]);
        hash_pair96(out[i], keys[i], "till-4", 6, "17", 2);
    }
    assert_memory_not_equal(keys[0], keys[1], HASH_KEY_BYTES);
    assert_memory_not_equal(out[0], out[1], sizeof out[0]);
}

static void
table_hash_is_steady_within_a_run(void **state)
{
    (void)state;
    assert_true(hash_table("joe", 3) == hash_table("joe", 3));
    assert_true(hash_table("joe", 3) != hash_table("jof", 3));
    assert_true(hash_table("joe", 3) != hash_table("joe", 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_do_not_run_into_each_other),
        cmocka_unit_test(pair_hash_stays_the_same_for_ever),
        cmocka_unit_test(another_key_gives_another_hash),
        cmocka_unit_test(table_hash_is_steady_within_a_run),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
