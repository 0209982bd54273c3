#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/money.h"

static void
currencies_have_their_own_decimals(void **state)
{
    (void)state;
    assert_int_equal(money_decimals(TL_STR("USD")), 2);
    assert_int_equal(money_decimals(TL_STR("JPY")), 0);
    assert_int_equal(money_decimals(TL_STR("KWD")), 3);
    assert_int_equal(money_decimals(TL_STR("CLF")), 4);
    assert_int_equal(money_decimals(TL_STR("F C")), 2);
    assert_int_equal(money_decimals(TL_STR("")), 2);
}

static void
assert_written(int64_t minor, struct tl_str currency, const char *text)
{
    struct buf out = {0};

    money_format(&out, minor, currency);
    buf_byte(&out, '\0');
    assert_string_equal(out.ptr, text);
    buf_free(&out);
}

static void
an_amount_is_written_with_the_decimals_of_its_currency(void **state)
{
    (void)state;
    assert_written(-1230, TL_STR("USD"), "-12.30 USD");
    assert_written(5, TL_STR("EUR"), "0.05 EUR");
    assert_written(1234, TL_STR("JPY"), "1234 JPY");
    assert_written(-1, TL_STR("KWD"), "-0.001 KWD");
    assert_written(0, TL_STR(""), "0.00");
    assert_written(INT64_MIN, TL_STR("USD"), "-92233720368547758.08 USD");
    assert_written(INT64_MIN, TL_STR("CLF"), "-922337203685477.5808 CLF");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(currencies_have_their_own_decimals),
        cmocka_unit_test(an_amount_is_written_with_the_decimals_of_its_currency),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
