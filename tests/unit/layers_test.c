#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/hash.h"
#include "store/layers.h"

enum { RECORDS = 20000 };

static uint64_t
hash_of(uint32_t number)
{
    return hash_table(&number, sizeof number);
}

/* Each record in the layer its number says. */
static void
fill(struct layers *l)
{
    assert_true(layers_init(l, 1 << 20));
    for (uint32_t i = 0; i < RECORDS; i++)
        layers_add(l, hash_of(i), i % LAYERS_MAX);
}

static void
what_was_added_may_always_be_there(void **state)
{
    struct layers l;

    (void)state;
    fill(&l);
    for (uint32_t i = 0; i < RECORDS; i++)
        assert_true(layers_of(&l, hash_of(i)) >> i % LAYERS_MAX & 1);
    layers_fini(&l);
    layers_fini(&l);
}

static void
of_what_was_never_added_one_in_twenty_at_most_may_be_there(void **state)
{
    struct layers l;
    size_t wrong = 0;

    (void)state;
    fill(&l);
    for (uint32_t i = RECORDS; i < 2 * RECORDS; i++)
        wrong += layers_of(&l, hash_of(i)) != 0;
    assert_in_range(wrong, 1, RECORDS / 20);
    layers_fini(&l);
}

static void
a_layer_that_is_forgotten_takes_no_other_with_it(void **state)
{
    struct layers l;

    (void)state;
    fill(&l);
    layers_forget(&l, 15);
    for (uint32_t i = 0; i < RECORDS; i++) {
        unsigned layers = layers_of(&l, hash_of(i));

        assert_int_equal(layers >> 15, 0);
        assert_true(i % LAYERS_MAX == 15 || layers >> i % LAYERS_MAX & 1);
    }
    layers_fini(&l);
}

static void
what_moves_to_another_layer_is_there_and_no_more_where_it_was(void **state)
{
    struct layers l;

    (void)state;
    fill(&l);
    layers_move(&l, 0, 15);
    for (uint32_t i = 0; i < RECORDS; i++) {
        unsigned layers = layers_of(&l, hash_of(i)), layer = i % LAYERS_MAX;

        assert_false(layers & 1);
        assert_true(layers >> (layer == 0 ? 15 : layer) & 1);
    }
    layers_fini(&l);
}

static void
the_smallest_keeps_apart_the_layers_of_two_records(void **state)
{
    struct layers l;
    uint64_t one = 1, other = UINT64_MAX;

    (void)state;
    assert_true(layers_init(&l, 0));
    layers_add(&l, one, 0);
    layers_add(&l, other, LAYERS_MAX - 1);
    assert_int_equal(layers_of(&l, one), 1);
    assert_int_equal(layers_of(&l, other), 1u << (LAYERS_MAX - 1));
    layers_fini(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_may_always_be_there),
        cmocka_unit_test(of_what_was_never_added_one_in_twenty_at_most_may_be_there),
        cmocka_unit_test(a_layer_that_is_forgotten_takes_no_other_with_it),
        cmocka_unit_test(what_moves_to_another_layer_is_there_and_no_more_where_it_was),
        cmocka_unit_test(the_smallest_keeps_apart_the_layers_of_two_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
