#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/finder.h"

#define MANY 5000

static size_t compared;

static bool
same(const void *a, const void *b)
{
    compared++;
    return *(const int *)a == *(const int *)b;
}

/* Ten numbers share a hash. */
static uint64_t
hash(const void *item)
{
    return (uint64_t)(*(const int *)item / 10) * 0x9e3779b97f4a7c15u >> 20;
}

static struct finder
made(struct arena *arena)
{
    compared = 0;
    return finder_new(sizeof(int), same, hash, arena);
}

static void
each_item_is_found_where_it_is_and_no_other(void **state)
{
    static int items[MANY];
    struct arena arena;
    struct finder f = made(&arena);

    (void)state;
    arena_init(&arena, 1u << 20);
    for (int n = 0; n < MANY; n++) {
        items[n] = n * 3;
        assert_int_equal(finder_find(&f, items, (size_t)n, &items[n]), n);
        assert_int_equal(finder_find(&f, items, (size_t)n + 1, &items[n / 2]), n / 2);
    }
    arena_fini(&arena);
}

static void
of_many_only_a_few_are_compared_with_each(void **state)
{
    static int items[MANY];
    struct arena arena;
    struct finder f = made(&arena);

    (void)state;
    arena_init(&arena, 1u << 20);
    for (int n = 0; n < MANY; n++) {
        items[n] = n * 10;
        finder_find(&f, items, (size_t)n, &items[n]);
    }
    assert_in_range(compared, 1, 20 * MANY);
    arena_fini(&arena);
}

static void
without_memory_for_a_table_they_are_looked_through(void **state)
{
    static int items[MANY];
    struct arena arena;
    struct finder f = made(&arena);

    (void)state;
    arena_init(&arena, 2048);
    for (int n = 0; n < MANY; n++) {
        items[n] = n;
        assert_int_equal(finder_find(&f, items, (size_t)n + 1, &items[n / 3]), n / 3);
    }
    arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_found_where_it_is_and_no_other),
        cmocka_unit_test(of_many_only_a_few_are_compared_with_each),
        cmocka_unit_test(without_memory_for_a_table_they_are_looked_through),
    };

    return cmocka_run_group_tests_name("finder", tests, NULL, NULL);
}
