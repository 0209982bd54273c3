#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/pos/code.h"

static struct tl_str
text(const char *s)
{
    return (struct tl_str){s, strlen(s)};
}

static void
expect(const char *code, enum code_kind kind, bool right)
{
    struct code c;

    code_read(&c, text(code));
    if (c.kind != kind || (c.wrong == NULL) != right)
        fail_msg("%s is of kind %d, %s", code, c.kind, c.wrong != NULL ? c.wrong : "right");
}

static void
expect_text(struct tl_str s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.ptr, want, s.len);
}

/* Examples of GS1: <https://www.gs1.org/services/how-calculate-check-digit-manually>. */
static void
check_digits_are_checked(void **state)
{
    (void)state;
    expect("6291041500213", CODE_GTIN, true);
    expect("6291041500214", CODE_GTIN, false);
    expect("06291041500213", CODE_GTIN, true);
    expect("036000291452", CODE_GTIN, true);
    expect("036000291453", CODE_GTIN, false);
    expect("96385074", CODE_GTIN, true);
    expect("96385075", CODE_GTIN, false);
}

static void
words_and_other_numbers_are_not_judged(void **state)
{
    (void)state;
    expect("SPRING10", CODE_OTHER, true);
    expect("12345", CODE_OTHER, true);
    expect("123456789012345", CODE_OTHER, true);
    expect("", CODE_OTHER, true);
    expect("8110", CODE_OTHER, true);
    expect("255", CODE_OTHER, true);
}

static void
coupons_are_told_by_their_prefix(void **state)
{
    (void)state;
    expect("510000000103", CODE_COUPON, true);
    expect("510000000107", CODE_COUPON, false);
    expect("9812345000014", CODE_COUPON, false);
    expect("9912345678909", CODE_COUPON, true);
    expect("0510000000103", CODE_COUPON, true);
    expect("9771234567003", CODE_GTIN, true);
}

/* <https://www.databar-barcode.info/databar-coupon/coupon_data_examples/>, example 1. */
#define DATABAR "81101061414165432132501101203140131"

static void
a_databar_coupon_says_whose_and_which_offer(void **state)
{
    static const char *const forms[] = {DATABAR, "(8110)1061414165432132501101203140131",
                                        "]e0" DATABAR};
    struct code c;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        code_read(&c, text(forms[i]));
        assert_int_equal(c.kind, CODE_COUPON);
        assert_null(c.wrong);
        expect_text(c.issuer, "0614141");
        expect_text(c.number, "654321");
    }
    expect("81107061414165432132501101203140131", CODE_COUPON, false);  /* a prefix of 13 */
    expect("81101061414165432162501101203140131", CODE_COUPON, false);  /* a value of 6 */
    expect("(8110)10614141654321", CODE_COUPON, false);                 /* ends too early */
}

static void
a_paperless_coupon_has_a_serial_number(void **state)
{
    struct code c;

    (void)state;
    code_read(&c, text("(8112)0106141416543211" "1234567"));
    assert_null(c.wrong);
    expect_text(c.issuer, "0614141");
    expect_text(c.number, "654321");
    expect_text(c.serial, "1234567");
    expect("(8112)2106141416543211" "1234567", CODE_COUPON, false);     /* no such format */
    expect("(8112)0106141416543211" "12345678", CODE_COUPON, false);    /* one too many */
    expect("(8112)0106141416543211" "123456", CODE_COUPON, false);      /* one too few */
}

static void
a_global_coupon_number_has_its_check_digit_before_the_serial(void **state)
{
    struct code c;

    (void)state;
    code_read(&c, text("(255)6291041500213000042"));
    assert_null(c.wrong);
    expect_text(c.number, "6291041500213");
    expect_text(c.serial, "000042");
    expect("(255)6291041500214000042", CODE_COUPON, false);
    expect("(255)629104150021", CODE_COUPON, false);
}

static void
the_longest_code_is_read_and_one_more_is_not_judged(void **state)
{
    char digits[CODE_DIGITS_MAX + 2];

    (void)state;
    memset(digits, '1', sizeof digits);
    memcpy(digits, DATABAR, strlen(DATABAR));
    digits[CODE_DIGITS_MAX] = '\0';
    expect(digits, CODE_COUPON, true);
    digits[CODE_DIGITS_MAX] = '1';
    digits[CODE_DIGITS_MAX + 1] = '\0';
    expect(digits, CODE_OTHER, true);
}

/* ------------------------------------------------------------------- events */

static struct draft draft;

static const struct tl_event *
touched(const char *code)
{
    draft_begin(&draft);
    assert_non_null(code_touch(&draft, text(code), "redeemed"));
    return draft_end(&draft);
}

static void
a_coupon_is_a_touch_of_its_offer(void **state)
{
    const struct tl_event *ev;

    (void)state;
    draft_init(&draft);
    ev = touched(DATABAR);
    expect_text(ev->offers[0].offer, "0614141-654321");
    ev = touched("(8112)0106141416543211" "1234567");
    expect_text(ev->offers[0].offer, "0614141-654321");
    expect_text(ev->offers[0].instance, "1234567");
    ev = touched("SPRING10");
    expect_text(ev->offers[0].offer, "SPRING10");
    assert_int_equal(ev->attributes_count, 0);
    ev = touched("510000000107");
    expect_text(ev->offers[0].offer, "510000000107");
    expect_text(ev->attributes[0].key, "code_invalid.510000000107");
    draft_fini(&draft);
}

static void
a_loyalty_number_that_was_misread_identifies_nobody(void **state)
{
    (void)state;
    draft_init(&draft);
    draft_begin(&draft);
    code_loyalty(&draft, text("(8018)950110123456789122"));
    code_loyalty(&draft, text("0000000000000038291699982"));
    code_loyalty(&draft, text("(8018)" "629104150000000001"));
    draft_end(&draft);
    assert_int_equal(draft.event.identifiers_count, 2);
    expect_text(draft.identifiers[0].value, "950110123456789122");
    expect_text(draft.identifiers[1].value, "0000000000000038291699982");
    expect_text(draft.attributes[0].key, "code_invalid.(8018)629104150000000001");
    draft_fini(&draft);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_digits_are_checked),
        cmocka_unit_test(words_and_other_numbers_are_not_judged),
        cmocka_unit_test(coupons_are_told_by_their_prefix),
        cmocka_unit_test(a_databar_coupon_says_whose_and_which_offer),
        cmocka_unit_test(a_paperless_coupon_has_a_serial_number),
        cmocka_unit_test(a_global_coupon_number_has_its_check_digit_before_the_serial),
        cmocka_unit_test(the_longest_code_is_read_and_one_more_is_not_judged),
        cmocka_unit_test(a_coupon_is_a_touch_of_its_offer),
        cmocka_unit_test(a_loyalty_number_that_was_misread_identifies_nobody),
    };

    return cmocka_run_group_tests_name("code", tests, NULL, NULL);
}
