#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/omap.h"

static struct slab_block *spare;
static struct slab slab;

static int
begin(void **state)
{
    (void)state;
    slab_init(&slab, &spare);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    slab_drop(&slab);
    slab_free_blocks(slab_cut(&spare, 0));
    return 0;
}

static void
add(struct omap *m, const char *text)
{
    size_t len = strlen(text);
    struct omap_key *key = slab_alloc(&slab, sizeof *key + len);

    key->len = (uint16_t)len;
    memcpy(key->bytes, text, len);
    omap_add(m, &slab, key);
}

static void
assert_at(const struct omap_at *at, const char *text)
{
    const struct omap_key *key = omap_get(at);

    assert_non_null(key);
    assert_int_equal(key->len, strlen(text));
    assert_memory_equal(key->bytes, text, strlen(text));
}

static void
empty_map_has_only_its_end(void **state)
{
    struct omap m = {0};
    struct omap_at at = omap_seek(&m, "a", 1);

    (void)state;
    assert_null(omap_get(&at));
    omap_next(&at);
    assert_null(omap_get(&at));
    assert_false(omap_prev(&at));
    at = omap_end(&m);
    assert_false(omap_prev(&at));
}

static void
a_prefix_comes_before_what_it_begins(void **state)
{
    struct omap m = {0};
    struct omap_at at;

    (void)state;
    add(&m, "ab");
    add(&m, "a");
    add(&m, "");
    add(&m, "b");
    at = omap_seek(&m, "", 0);
    assert_at(&at, "");
    omap_next(&at);
    assert_at(&at, "a");
    omap_next(&at);
    assert_at(&at, "ab");
    omap_next(&at);
    assert_at(&at, "b");
    omap_next(&at);
    assert_null(omap_get(&at));
    assert_true(omap_prev(&at));
    assert_at(&at, "b");
}

/* 0, 2, 4 ... added in the order of `step`; each even number is found, each odd
 * one leads to its successor, and both directions see them all. */
static void
check_even_numbers(uint32_t count, uint32_t step)
{
    struct omap m = {0};
    struct omap_at at;
    char text[16];

    for (uint32_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%08u", (unsigned)((uint64_t)i * step % count) * 2);
        add(&m, text);
    }
    for (uint32_t i = 0; i < count * 2; i++) {
        char wanted[16];

        snprintf(text, sizeof text, "%08u", i);
        snprintf(wanted, sizeof wanted, "%08u", i + i % 2);
        at = omap_seek(&m, text, strlen(text));
        if (i + i % 2 < count * 2)
            assert_at(&at, wanted);
        else
            assert_null(omap_get(&at));
    }
    at = omap_seek(&m, "", 0);
    for (uint32_t i = 0; i < count; i++, omap_next(&at)) {
        snprintf(text, sizeof text, "%08u", i * 2);
        assert_at(&at, text);
    }
    assert_null(omap_get(&at));
    at = omap_end(&m);
    for (uint32_t i = count; i > 0; i--) {
        assert_true(omap_prev(&at));
        snprintf(text, sizeof text, "%08u", (i - 1) * 2);
        assert_at(&at, text);
    }
    assert_false(omap_prev(&at));
}

static void
keys_are_in_order_however_they_come(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, OMAP_LEAF_MAX - 1, OMAP_LEAF_MAX, OMAP_LEAF_MAX + 1,
                                      OMAP_LEAF_MAX * 2 + 1, 9973};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_even_numbers(counts[i], 1);
        check_even_numbers(counts[i], counts[i] * 2 - 1);   /* backward: -1 */
    }
    check_even_numbers(9973, 7919);
    check_even_numbers(9973, 4987);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_map_has_only_its_end, begin, end),
        cmocka_unit_test_setup_teardown(a_prefix_comes_before_what_it_begins, begin, end),
        cmocka_unit_test_setup_teardown(keys_are_in_order_however_they_come, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
