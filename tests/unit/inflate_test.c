#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/inflate.h"

/* `printf offer | gzip -9n`, and the same as a zlib stream. */
static const unsigned char gzip[] = {
    0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xcb, 0x4f, 0x4b, 0x4b, 0x2d, 2, 0, 0x3e, 0x87, 0xd6,
    0x29, 5, 0, 0, 0,
};
static const unsigned char zlib[] = {
    0x78, 0xda, 0xcb, 0x4f, 0x4b, 0x4b, 0x2d, 2, 0, 6, 0x36, 2, 0x13,
};

static int
unpacked(struct buf *out, const void *bytes, size_t len, size_t bytes_max)
{
    return inflate_bytes(out, (struct tl_str){bytes, len}, bytes_max);
}

static void
gives_offer(const void *bytes, size_t len, const char *expected)
{
    struct buf out = {0};

    assert_int_equal(unpacked(&out, bytes, len, 100), 0);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.ptr, expected, out.len);
    buf_free(&out);
}

static void
gzip_and_zlib_are_unpacked(void **state)
{
    unsigned char two[2 * sizeof gzip];

    (void)state;
    gives_offer(gzip, sizeof gzip, "offer");
    gives_offer(zlib, sizeof zlib, "offer");
    memcpy(two, gzip, sizeof gzip);
    memcpy(two + sizeof gzip, gzip, sizeof gzip);
    gives_offer(two, sizeof two, "offeroffer");
}

static void
the_bound_is_kept_to_the_byte(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_int_equal(unpacked(&out, gzip, sizeof gzip, 5), 0);
    buf_clear(&out);
    assert_int_equal(unpacked(&out, gzip, sizeof gzip, 4), TL_TOO_LARGE);
    buf_free(&out);
}

static void
what_is_cut_short_or_changed_is_damaged(void **state)
{
    unsigned char changed[sizeof gzip];
    struct buf out = {0};

    (void)state;
    for (size_t len = 0; len < sizeof gzip; len++) {
        assert_int_equal(unpacked(&out, gzip, len, 100), TL_MALFORMED);
        buf_clear(&out);
    }
    memcpy(changed, gzip, sizeof gzip);
    changed[12] ^= 1;
    assert_int_equal(unpacked(&out, changed, sizeof changed, 100), TL_MALFORMED);
    buf_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_and_zlib_are_unpacked),
        cmocka_unit_test(the_bound_is_kept_to_the_byte),
        cmocka_unit_test(what_is_cut_short_or_changed_is_damaged),
    };

    return cmocka_run_group_tests_name("inflate", tests, NULL, NULL);
}
