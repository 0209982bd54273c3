#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

static int values[4];

static void
empty_map_holds_nothing(void **state)
{
    struct map m = {0};
    size_t i = 0;

    (void)state;
    assert_null(map_get(&m, "joe", 3));
    assert_null(map_remove(&m, "joe", 3));
    assert_null(map_next(&m, &i));
    map_fini(&m);
}

static void
what_was_put_is_found_under_its_whole_key(void **state)
{
    struct map m = {0};
    char key[] = "joe\0smith";

    (void)state;
    *map_put(&m, key, 9) = &values[0];
    *map_put(&m, key, 3) = &values[1];
    *map_put(&m, NULL, 0) = &values[2];
    memset(key, 'x', sizeof key);
    assert_ptr_equal(map_get(&m, "joe\0smith", 9), &values[0]);
    assert_ptr_equal(map_get(&m, "joe", 3), &values[1]);
    assert_ptr_equal(map_get(&m, "", 0), &values[2]);
    assert_null(map_get(&m, "joe\0smitt", 9));
    assert_int_equal(m.count, 3);
    map_fini(&m);
}

static void
new_entry_holds_null_and_an_old_one_keeps_its_value(void **state)
{
    struct map m = {0};

    (void)state;
    assert_null(*map_put(&m, "joe", 3));
    *map_put(&m, "joe", 3) = &values[0];
    assert_ptr_equal(*map_put(&m, "joe", 3), &values[0]);
    assert_int_equal(m.count, 1);
    map_fini(&m);
}

/* A plain array beside the map, and a long random quarrel between them. */
static void
map_agrees_with_an_array_through_a_hundred_thousand_changes(void **state)
{
    enum { KEYS = 500 };
    static int cells[KEYS];
    void *expected[KEYS] = {0};
    struct map m = {0};
    size_t count = 0, i = 0, seen = 0;

    (void)state;
    srandom(1);
    for (int step = 0; step < 100000; step++) {
        size_t k = (size_t)random() % KEYS;

        if (random() % 2 == 0) {
            count += expected[k] == NULL;
            expected[k] = &cells[k];
            *map_put(&m, &k, sizeof k) = &cells[k];
        } else {
            assert_ptr_equal(map_remove(&m, &k, sizeof k), expected[k]);
            count -= expected[k] != NULL;
            expected[k] = NULL;
        }
        k = (size_t)random() % KEYS;
        assert_ptr_equal(map_get(&m, &k, sizeof k), expected[k]);
        assert_int_equal(m.count, count);
    }
    for (size_t k = 0; k < KEYS; k++)
        assert_ptr_equal(map_get(&m, &k, sizeof k), expected[k]);
    for (struct map_entry *e; (e = map_next(&m, &i)) != NULL; seen++)
        assert_non_null(e->value);
    assert_int_equal(seen, count);
    map_fini(&m);
}

static void
every_entry_is_visited_once(void **state)
{
    struct map m = {0};
    int visits[1000] = {0};
    size_t i = 0;

    (void)state;
    for (int k = 0; k < 1000; k++)
        *map_put(&m, &k, sizeof k) = &visits[k];
    for (struct map_entry *e; (e = map_next(&m, &i)) != NULL;)
        ++*(int *)e->value;
    for (int k = 0; k < 1000; k++)
        assert_int_equal(visits[k], 1);
    map_fini(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_map_holds_nothing),
        cmocka_unit_test(what_was_put_is_found_under_its_whole_key),
        cmocka_unit_test(new_entry_holds_null_and_an_old_one_keeps_its_value),
        cmocka_unit_test(map_agrees_with_an_array_through_a_hundred_thousand_changes),
        cmocka_unit_test(every_entry_is_visited_once),
    };

    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
