#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/slab.h"

static struct slab_block *spare;

static int
free_spare(void **state)
{
    (void)state;
    slab_free_blocks(slab_cut(&spare, 0));
    return 0;
}

static void
room_is_enough_and_wastes_an_eighth_at_most(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 300000; bytes += bytes < 5000 ? 1 : 777) {
        size_t room = slab_room(bytes);

        assert_true(room >= bytes && room % 8 == 0);
        assert_true(room <= bytes + bytes / 8 + 8);
        assert_int_equal(slab_room(room), room);
    }
}

static void
pieces_do_not_overlap(void **state)
{
    enum { PIECES = 2000 };
    static unsigned char *pieces[PIECES];
    struct slab s;

    (void)state;
    slab_init(&s, &spare);
    for (size_t i = 0; i < PIECES; i++) {
        size_t bytes = 1 + i * 37 % 5000;

        pieces[i] = slab_alloc(&s, bytes);
        assert_int_equal((uintptr_t)pieces[i] % 8, 0);
        memset(pieces[i], (int)(i % 251), bytes);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t at = 0; at < 1 + i * 37 % 5000; at++)
            assert_int_equal(pieces[i][at], i % 251);
    slab_drop(&s);
}

static void
a_freed_piece_serves_the_next_of_its_size(void **state)
{
    struct slab s;
    void *a, *b;

    (void)state;
    slab_init(&s, &spare);
    a = slab_alloc(&s, 100);
    b = slab_alloc(&s, 100);
    slab_free(&s, a, 100);
    slab_free(&s, NULL, 0);
    assert_ptr_not_equal(slab_alloc(&s, 200), a);
    assert_ptr_equal(slab_alloc(&s, slab_room(100)), a);
    assert_ptr_not_equal(slab_alloc(&s, 100), b);
    slab_drop(&s);
}

static void
a_large_piece_does_not_end_the_block_being_filled(void **state)
{
    struct slab s;
    unsigned char *a, *large;
    size_t held;

    (void)state;
    slab_init(&s, &spare);
    large = slab_alloc(&s, 3 * SLAB_BLOCK_BYTES);
    memset(large, 1, 3 * SLAB_BLOCK_BYTES);
    a = slab_alloc(&s, 64);
    held = slab_bytes(&s);
    slab_alloc(&s, SLAB_BLOCK_BYTES);
    assert_true(slab_bytes(&s) >= held + SLAB_BLOCK_BYTES);
    assert_ptr_equal(slab_alloc(&s, 64), a + 64);
    slab_drop(&s);
}

static void
blocks_of_a_dropped_slab_serve_the_next_until_cut(void **state)
{
    struct slab s;
    struct slab_block *cut;
    void *first;

    (void)state;
    free_spare(NULL);
    slab_init(&s, &spare);
    first = slab_alloc(&s, 64);
    assert_null(spare);
    slab_drop(&s);
    assert_int_equal(slab_bytes(&s), 0);
    assert_non_null(spare);
    assert_ptr_equal(slab_alloc(&s, 64), first);
    slab_drop(&s);

    assert_null(slab_cut(&spare, 1));
    assert_non_null(spare);
    cut = slab_cut(&spare, 0);
    assert_non_null(cut);
    assert_null(spare);
    slab_free_blocks(cut);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_enough_and_wastes_an_eighth_at_most),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(a_freed_piece_serves_the_next_of_its_size),
        cmocka_unit_test(a_large_piece_does_not_end_the_block_being_filled),
        cmocka_unit_test(blocks_of_a_dropped_slab_serve_the_next_until_cut),
    };

    return cmocka_run_group_tests(tests, NULL, free_spare);
}
