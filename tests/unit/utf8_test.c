#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

/* By the table of RFC 3629, through decoding: another road than the program's. */
static bool
decodes(const unsigned char *at, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    for (size_t i = 0; i < len;) {
        size_t n = at[i] < 0x80 ? 1
                   : at[i] >= 0xf0 ? 4
                   : at[i] >= 0xe0 ? 3 : 2;
        uint32_t point = n == 1 ? at[i] : at[i] & (0x7fu >> n);

        if ((at[i] >= 0x80 && at[i] < 0xc0) || at[i] >= 0xf8 || i + n > len)
            return false;
        for (size_t k = 1; k < n; k++) {
            if ((at[i + k] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (at[i + k] & 0x3f);
        }
        if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)
            || (point < 0x20 && point != '\t' && point != '\n'))
            return false;
        i += n;
    }
    return true;
}

static void
text_of_many_scripts_is_text(void **state)
{
    static const char text[] = "Grüße, Ωμέγα, 日本語, 😀 and\ta tab\n";

    (void)state;
    assert_true(utf8_text(text, strlen(text)));
    assert_true(utf8_text("", 0));
    assert_true(utf8_text("\x7f", 1));
    assert_true(utf8_text("\xef\xbf\xbf\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80", 13));
}

static void
controls_are_no_text_wherever_they_stand(void **state)
{
    (void)state;
    for (size_t at = 0; at < 24; at++)
        for (int c = 0; c < 0x20; c++) {
            char text[24];

            memset(text, 'a', sizeof text);
            text[at] = (char)c;
            assert_int_equal(utf8_text(text, sizeof text), c == '\t' || c == '\n');
        }
}

/* Every pair of bytes, at every place of a word, and every shape of three and four
 * bytes at the edges of the ranges. */
static void
verdict_is_that_of_the_definition(void **state)
{
    static const unsigned char edges[] = {
        0x00, 0x1f, 0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
        0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
    };
    enum { EDGES = sizeof edges };
    unsigned char text[16];

    (void)state;
    memset(text, 'a', sizeof text);
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        size_t at = pair % 15;

        text[at] = (unsigned char)(pair >> 8);
        text[at + 1] = (unsigned char)pair;
        assert_int_equal(utf8_text(text, sizeof text), decodes(text, sizeof text));
        text[at] = text[at + 1] = 'a';
    }
    for (size_t i = 0; i < (size_t)EDGES * EDGES * EDGES * EDGES; i++) {
        unsigned char four[4] = {edges[i % EDGES], edges[i / EDGES % EDGES],
                                 edges[i / EDGES / EDGES % EDGES],
                                 edges[i / EDGES / EDGES / EDGES]};

        for (size_t len = 1; len <= 4; len++)
            if (utf8_text(four, len) != decodes(four, len))
                fail_msg("%02x %02x %02x %02x, %zu of them", four[0], four[1], four[2],
                         four[3], len);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_many_scripts_is_text),
        cmocka_unit_test(controls_are_no_text_wherever_they_stand),
        cmocka_unit_test(verdict_is_that_of_the_definition),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
