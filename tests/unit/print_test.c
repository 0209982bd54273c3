#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tools/print.h"

static int64_t
at(const char *text)
{
    int64_t ns;

    assert_int_equal(clock_parse(&ns, text, strlen(text)), 0);
    return ns;
}

static void
assert_when(const char *time, const char *expected)
{
    char out[PRINT_WHEN_BYTES];

    assert_string_equal(print_when(out, at(time), at("2017-06-07T12:00:00Z")), expected);
}

static void
moments_are_said_as_people_say_them(void **state)
{
    char out[PRINT_WHEN_BYTES];

    (void)state;
    assert_when("2017-06-07T14:03:00Z", "today 14:03");
    assert_when("2017-06-07T00:00:00Z", "today 00:00");
    assert_when("2017-06-06T23:59:59Z", "yesterday 23:59");
    assert_when("2017-06-08T00:00:00Z", "tomorrow 00:00");
    assert_when("2017-06-01T09:30:00Z", "last Thu 09:30");
    assert_when("2017-05-31T09:30:00Z", "31 May 2017");
    assert_when("2017-06-13T16:00:00Z", "Tue 16:00");
    assert_when("2017-06-14T16:00:00Z", "14 Jun 2017");
    assert_when("2016-04-20T10:00:00Z", "20 Apr 2016");
    assert_string_equal(print_when(out, 0, at("2017-06-07T12:00:00Z")), "");
    assert_string_equal(print_moment(out, at("2017-06-02T14:03:05Z")), "2 Jun 2017 14:03:05");
    assert_string_equal(print_when(out, -1, at("2017-06-07T12:00:00Z")), "31 Dec 1969");
}

static void
money_has_the_decimals_of_its_currency(void **state)
{
    char out[PRINT_MONEY_BYTES];

    (void)state;
    assert_string_equal(print_money(out, 123456789, TL_STR("USD")), "1,234,567.89 USD");
    assert_string_equal(print_money(out, 5, TL_STR("EUR")), "0.05 EUR");
    assert_string_equal(print_money(out, -1230, TL_STR("USD")), "-12.30 USD");
    assert_string_equal(print_money(out, 1234, TL_STR("JPY")), "1,234 JPY");
    assert_string_equal(print_money(out, 1234567, TL_STR("KWD")), "1,234.567 KWD");
    assert_string_equal(print_money(out, 0, (struct tl_str){0}), "0.00");
    assert_string_equal(print_money(out, INT64_MIN, TL_STR("JPY")),
                        "-9,223,372,036,854,775,808 JPY");
}

static void
counts_have_their_thousands(void **state)
{
    char out[32];

    (void)state;
    assert_string_equal(print_count(out, 0), "0");
    assert_string_equal(print_count(out, 999), "999");
    assert_string_equal(print_count(out, 1000), "1,000");
    assert_string_equal(print_count(out, 1234567), "1,234,567");
    assert_string_equal(print_count(out, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void
assert_text(struct buf *b, const char *expected)
{
    assert_int_equal(b->len, strlen(expected));
    assert_memory_equal(b->ptr, expected, b->len);
    buf_clear(b);
}

static void
nothing_a_customer_wrote_moves_the_cursor(void **state)
{
    struct buf b = {0};

    (void)state;
    print_clean(&b, TL_STR("a\033[2Jb\tc\nd\x7f" "e"));
    assert_text(&b, "a [2Jb c d e");
    print_clean(&b, TL_STR("a\xc2\x9b" "b\xe2\x80\xae" "c"));   /* CSI of C1, right-to-left */
    assert_text(&b, "a b c");
    print_clean(&b, TL_STR("Jos\xc3\xa9 \xe6\x97\xa5\xff."));   /* the last but one is no UTF-8 */
    assert_text(&b, "Jos\xc3\xa9 \xe6\x97\xa5 .");
    buf_free(&b);
}

static void
width_is_columns_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(print_width(TL_STR("abc")), 3);
    assert_int_equal(print_width(TL_STR("Jos\xc3\xa9")), 4);
    assert_int_equal(print_width(TL_STR("\xe6\x97\xa5")), 2);
}

static void
text_for_programs_is_escaped(void **state)
{
    struct buf b = {0};

    (void)state;
    print_json_text(&b, TL_STR("a\"b\\c\n\t\x01\xc3\xa9\xff"));
    assert_text(&b, "\"a\\\"b\\\\c\\n\\t\\u0001\xc3\xa9\\ufffd\"");
    print_csv_text(&b, TL_STR("plain"));
    assert_text(&b, "plain");
    print_csv_text(&b, TL_STR("a,\"b\"\nc"));
    assert_text(&b, "\"a,\"\"b\"\"\nc\"");
    buf_free(&b);
}

static void
columns_are_aligned(void **state)
{
    struct print_table t = {.columns = 3, .right = 1u << 1};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    print_cell(&t, TL_STR("a"));
    print_cellf(&t, "%d", 7);
    print_cell(&t, TL_STR("runs on"));
    print_cell(&t, TL_STR("\xc3\xa9\xc3\xa9"));
    print_cellf(&t, "%d", 123);
    print_cell(&t, TL_STR("x"));
    assert_int_equal(print_rows(&t, 2, out), 0);
    fclose(out);
    assert_string_equal(text, "  a     7  runs on\n  \xc3\xa9\xc3\xa9  123  x\n");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_said_as_people_say_them),
        cmocka_unit_test(money_has_the_decimals_of_its_currency),
        cmocka_unit_test(counts_have_their_thousands),
        cmocka_unit_test(nothing_a_customer_wrote_moves_the_cursor),
        cmocka_unit_test(width_is_columns_not_bytes),
        cmocka_unit_test(text_for_programs_is_escaped),
        cmocka_unit_test(columns_are_aligned),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
