#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/hash.h"
#include "store/known.h"

static uint64_t
hash_of(uint32_t number)
{
    return hash_table(&number, sizeof number);
}

static void
what_was_added_may_always_be_there(void **state)
{
    struct known *k = known_new(1000);

    (void)state;
    for (uint32_t i = 0; i < 500000; i++)       /* also when it holds too much */
        known_add(k, hash_of(i));
    for (uint32_t i = 0; i < 500000; i++)
        assert_true(known_may_have(k, hash_of(i)));
    known_free(&k);
    assert_null(k);
    known_free(&k);
}

static void
of_what_was_never_added_one_in_fifty_at_most_may_be_there(void **state)
{
    enum { KEYS = 200000 };
    struct known *k = known_new(KEYS);
    size_t wrong = 0;

    (void)state;
    for (uint32_t i = 0; i < KEYS; i++)
        known_add(k, hash_of(i));
    for (uint32_t i = KEYS; i < 2 * KEYS; i++)
        wrong += known_may_have(k, hash_of(i));
    assert_in_range(wrong, 1, KEYS / 50);
    known_free(&k);
}

static void
it_is_full_one_past_what_it_was_made_for_and_counts_a_key_once(void **state)
{
    enum { KEYS = 150000 };
    struct known *k = known_new(KEYS);
    uint32_t i = 0;

    (void)state;
    for (int round = 0; round < 3; round++)
        for (i = 0; i < KEYS; i++)
            known_add(k, hash_of(i));
    assert_false(known_full(k));
    for (; i < KEYS + KEYS / 50 && !known_full(k); i++)     /* some look as if they were there */
        known_add(k, hash_of(i));
    assert_true(known_full(k));
    known_free(&k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_may_always_be_there),
        cmocka_unit_test(of_what_was_never_added_one_in_fifty_at_most_may_be_there),
        cmocka_unit_test(it_is_full_one_past_what_it_was_made_for_and_counts_a_key_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
