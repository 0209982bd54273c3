#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "base/arena.h"

static void
budget_is_taken_to_the_last_byte_and_not_one_more(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 64);
    assert_non_null(arena_alloc(&a, 16));
    assert_non_null(arena_alloc(&a, 48));
    assert_null(arena_alloc(&a, 1));
    assert_null(arena_alloc(&a, 0));
    arena_fini(&a);
}

static void
what_is_rounded_up_counts(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 32);
    assert_non_null(arena_alloc(&a, 1));
    assert_non_null(arena_alloc(&a, 16));
    assert_null(arena_alloc(&a, 1));
    arena_fini(&a);

    arena_init(&a, 16 * 64);
    for (int i = 0; i < 64; i++)
        assert_non_null(arena_alloc(&a, 9));
    assert_null(arena_alloc(&a, 1));
    arena_fini(&a);
}

/* Who asks for 9,000 bytes each time gets blocks that are half empty. */
static void
what_is_left_of_a_block_counts(void **state)
{
    struct arena a;
    size_t before, held, count = 0;

    (void)state;
    before = mallinfo2().uordblks;
    arena_init(&a, 1 << 20);
    while (arena_alloc(&a, 9000) != NULL)
        count++;
    held = mallinfo2().uordblks - before;
    assert_in_range(count, 60, 65);
    assert_in_range(held, 0, (1 << 20) + 20000);
    arena_fini(&a);
}

static void
what_fits_does_not_depend_on_what_was_there_before(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    assert_non_null(arena_alloc(&a, 600000));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 16));
    assert_non_null(arena_alloc(&a, 700000));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1 << 20));
    arena_fini(&a);
}

static void
absurd_sizes_are_refused(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    assert_null(arena_copy(&a, "", SIZE_MAX));
    assert_non_null(arena_alloc(&a, 1));
    arena_fini(&a);
}

static void
memory_is_zeroed_aligned_and_apart_also_after_a_reset(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (int round = 0; round < 3; round++) {
        unsigned char *before = NULL;

        for (size_t size = 1; size < 400; size++) {
            unsigned char *at = arena_alloc(&a, size);

            assert_non_null(at);
            assert_int_equal((uintptr_t)at % 16, 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(at[i], 0);
            memset(at, 0xff, size);
            assert_true(before == NULL || before + size - 1 <= at || at + size <= before);
            before = at;
        }
        arena_reset(&a);
    }
    arena_fini(&a);
}

static void
reset_gives_the_budget_back(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (int round = 0; round < 10; round++) {
        assert_non_null(arena_alloc(&a, 1 << 20));
        assert_null(arena_alloc(&a, 1));
        arena_reset(&a);
    }
    arena_fini(&a);
}

static void
copy_ends_with_a_nul(void **state)
{
    struct arena a;
    char *text;

    (void)state;
    arena_init(&a, 1024);
    memset(arena_alloc(&a, 512), 'x', 512);
    arena_reset(&a);
    assert_non_null(text = arena_copy(&a, "joe@example.com", 3));
    assert_string_equal(text, "joe");
    assert_string_equal(arena_copy(&a, NULL, 0), "");
    arena_fini(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_is_taken_to_the_last_byte_and_not_one_more),
        cmocka_unit_test(what_is_rounded_up_counts),
        cmocka_unit_test(what_is_left_of_a_block_counts),
        cmocka_unit_test(what_fits_does_not_depend_on_what_was_there_before),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart_also_after_a_reset),
        cmocka_unit_test(reset_gives_the_budget_back),
        cmocka_unit_test(copy_ends_with_a_nul),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
