#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/web/base64url.h"

/* RFC 4648, 10, and the alphabets' last digits. */
static const char *const pairs[][2] = {
    {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},       {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"},
};

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static void
bytes_become_text_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct buf there = {0}, back = {0};

        base64url_write(&there, str(pairs[i][0]));
        assert_int_equal(there.len, strlen(pairs[i][1]));
        assert_true(there.len == 0 || memcmp(there.ptr, pairs[i][1], there.len) == 0);
        assert_true(base64url_read(&back, str(pairs[i][1])));
        assert_int_equal(back.len, strlen(pairs[i][0]));
        assert_true(back.len == 0 || memcmp(back.ptr, pairs[i][0], back.len) == 0);
        buf_free(&there);
        buf_free(&back);
    }
}

static void
the_urls_alphabet_and_no_padding_are_read_too(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_true(base64url_read(&out, str("-__-Zg")));
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.ptr, "\xfb\xff\xfe" "f", 4);
    buf_free(&out);
}

static void
what_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"Z", "Zm9vY", "Zg*=", "Z g=", "=Zg"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf out = {0};

        assert_false(base64url_read(&out, str(bad[i])));
        buf_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_text_and_back),
        cmocka_unit_test(the_urls_alphabet_and_no_padding_are_read_too),
        cmocka_unit_test(what_is_none_is_refused),
    };

    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
