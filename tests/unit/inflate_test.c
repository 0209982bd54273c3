#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "adapters/inflate.h"

/* `window`: zlib.h's deflateInit2, 15 zlib, 31 gzip. */
static struct buf
folded(size_t zeros, int window)
{
    static unsigned char content[100000];
    struct buf out = {0};
    z_stream z = {0};

    assert_true(zeros <= sizeof content);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_non_null(buf_grow(&out, 1000));
    z.next_in = content;
    z.avail_in = (unsigned)zeros;
    z.next_out = out.ptr;
    z.avail_out = 1000;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    return out;
}

static void
expect(const struct buf *bytes, size_t bytes_max, int code, size_t len)
{
    struct buf out = {0};

    assert_int_equal(inflate_bytes(&out, (struct tl_str){(const char *)bytes->ptr, bytes->len},
                                   bytes_max),
                     code);
    if (code == 0)
        assert_int_equal(out.len, len);
    buf_free(&out);
}

static void
both_wrappings_are_unfolded_up_to_the_bound(void **state)
{
    static const int windows[] = {15, 31};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf b = folded(100000, windows[i]);

        expect(&b, 100000, 0, 100000);
        expect(&b, 99999, TL_TOO_LARGE, 0);
        buf_free(&b);
    }
}

static void
members_behind_each_other_are_one(void **state)
{
    struct buf b = folded(10, 31), more = folded(20, 31);

    (void)state;
    buf_append(&b, more.ptr, more.len);
    expect(&b, 30, 0, 30);
    expect(&b, 29, TL_TOO_LARGE, 0);
    buf_free(&b);
    buf_free(&more);
}

static void
what_is_damaged_or_cut_off_is_refused(void **state)
{
    struct buf b = folded(1000, 31);
    unsigned char kept;

    (void)state;
    for (size_t len = 0; len < b.len; len++) {
        struct buf part = {.ptr = b.ptr, .len = len};

        expect(&part, 1000, TL_MALFORMED, 0);
    }
    kept = b.ptr[b.len - 5];
    b.ptr[b.len - 5] ^= 1;
    expect(&b, 1000, TL_MALFORMED, 0);
    b.ptr[b.len - 5] = kept;
    buf_text(&b, "behind");
    expect(&b, 1000, TL_MALFORMED, 0);
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_wrappings_are_unfolded_up_to_the_bound),
        cmocka_unit_test(members_behind_each_other_are_one),
        cmocka_unit_test(what_is_damaged_or_cut_off_is_refused),
    };

    return cmocka_run_group_tests_name("inflate", tests, NULL, NULL);
}
