#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/generation.h"

static struct slab_block *spare;

static int
free_spare(void **state)
{
    (void)state;
    slab_free_blocks(slab_cut(&spare, 0));
    return 0;
}

static void
put(struct generation *g, const char *key, size_t len, const char *value)
{
    generation_put(g, generation_hash(key, len), key, len, value, strlen(value));
}

static const struct entry *
get(const struct generation *g, const char *key, size_t len)
{
    return generation_get(g, generation_hash(key, len), key, len);
}

static void
assert_ordered(const struct omap_key **keys, size_t count)
{
    for (size_t i = 1; i < count; i++)
        assert_true(omap_compare(keys[i - 1]->bytes, keys[i - 1]->len, keys[i]->bytes,
                                 keys[i]->len) < 0);
}

static void
keys_that_begin_alike_come_in_order_the_shorter_first(void **state)
{
    struct generation *g = generation_new(&spare, NULL);
    const struct omap_key **keys;
    char key[GENERATION_KEY_BYTES_MAX] = "I";
    size_t count;

    (void)state;
    for (size_t len = sizeof key; len > 0; len--)       /* of zeros behind the table's byte */
        put(g, key, len, "");
    for (size_t len = sizeof key; len > 0; len--) {     /* and of letters */
        memset(key + 1, 'a', sizeof key - 1);
        key[len - 1] = 'I';
        put(g, key, len, "");
    }
    keys = generation_loose(g, &count);
    assert_int_equal(count, 2 * sizeof key - 1);        /* both begin with the shortest */
    assert_ordered(keys, count);
    free(keys);
    generation_free(&g);
}

/* A flush in order touches each page once. */
static void
groups_and_loose_records_come_in_order(void **state)
{
    struct generation *g = generation_new(&spare, NULL);
    const struct omap_key **keys;
    char key[32];
    size_t count;

    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t random = i * 2654435761u;

        key[0] = 'P';
        for (int b = 0; b < 8; b++)
            key[1 + b] = (char)(b < 4 ? random >> 8 * b : i >> 8 * (b - 4));
        memcpy(key + 9, "tx", 2);
        put(g, key, 11, "");
        key[9] = 'o';
        put(g, key, 11, "");
        put(g, key, (size_t)snprintf(key, sizeof key, "Iemail%u@%u", random, i), "");
        put(g, key, (size_t)snprintf(key, sizeof key, "Gn%u", random), "");
    }
    assert_int_equal(generation_count(g), 20000);
    keys = generation_groups(g, &count);
    assert_int_equal(count, 5001);
    assert_ordered(keys, count);
    free(keys);
    keys = generation_loose(g, &count);
    assert_int_equal(count, 5000);
    assert_ordered(keys, count);
    free(keys);
    generation_free(&g);
    assert_null(g);
    generation_free(&g);
}

static void
a_prefix_finds_the_group_it_lies_in(void **state)
{
    struct generation *g = generation_new(&spare, NULL);
    const struct omap *group;
    struct omap_at at;

    (void)state;
    assert_null(generation_group(g, "P", 1));       /* empty: any prefix may be asked for */
    put(g, "P12345678\0card", 14, "card");
    put(g, "Gsum", 4, "sum");
    assert_null(generation_group(g, "P12345679", 9));
    group = generation_group(g, "P12345678o", 10);
    assert_non_null(group);
    at = omap_seek(group, "", 0);
    assert_ptr_equal(omap_get(&at), entry_key(get(g, "P12345678\0card", 14)));
    assert_non_null(generation_group(g, "G", 1));
    generation_free(&g);
}

static struct generation *
merge(bool older_is_larger)
{
    struct generation *older = generation_new(&spare, NULL), *newer = generation_new(&spare, older);
    struct generation *larger = older_is_larger ? older : newer, *merged;

    put(older, "P12345678oa", 11, "old");
    put(older, "P12345678ob", 11, "old");
    put(older, "P12345678oc", 11, "old");
    put(newer, "P12345678ob", 11, "new");
    generation_delete(newer, generation_hash("P12345678oc", 11), "P12345678oc", 11);
    put(newer, "P12345678od", 11, "new");
    for (int i = 0; i < 10; i++)
        put(larger, (char[]){'I', (char)('0' + i)}, 2, "x");
    merged = generation_merge(&older, &newer);
    assert_ptr_equal(merged, larger);
    assert_null(older);
    assert_null(newer);
    return merged;
}

static void
the_newer_wins_a_merge_whichever_is_larger(void **state)
{
    (void)state;
    for (int older_is_larger = 0; older_is_larger < 2; older_is_larger++) {
        struct generation *g = merge(older_is_larger);

        assert_int_equal(generation_count(g), 14);
        assert_memory_equal(entry_value(get(g, "P12345678oa", 11)).ptr, "old", 3);
        assert_memory_equal(entry_value(get(g, "P12345678ob", 11)).ptr, "new", 3);
        assert_int_equal(get(g, "P12345678oc", 11)->len, ENTRY_DELETED);
        assert_memory_equal(entry_value(get(g, "P12345678od", 11)).ptr, "new", 3);
        generation_free(&g);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_begin_alike_come_in_order_the_shorter_first),
        cmocka_unit_test(groups_and_loose_records_come_in_order),
        cmocka_unit_test(a_prefix_finds_the_group_it_lies_in),
        cmocka_unit_test(the_newer_wins_a_merge_whichever_is_larger),
    };

    return cmocka_run_group_tests(tests, NULL, free_spare);
}
