#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "adapters/draft.h"
#include "adapters/text.h"
#include "proto/valid.h"
#include "tests/unit/own_draft.h"

static size_t
encoded_bytes(void)
{
    char *bytes;
    size_t len;

    draft.event.id = draft.event.source = TL_STR("x");
    draft.event.type = TL_STR("sale.completed");
    draft.event.time = 1;
    draft_identifier(&draft, TL_STR("receipt"), TL_STR("1"));
    draft.sale.currency = TL_STR("USD");
    assert_int_equal(tl_event_encode(draft_end(&draft), &bytes, &len), 0);
    free(bytes);
    return len;
}

static void
limits_are_those_of_the_contract(void **state)
{
    (void)state;
    assert_int_equal(DRAFT_ATTRIBUTES_MAX, ATTRIBUTES_MAX);
    assert_int_equal(DRAFT_IDENTIFIERS_MAX, IDENTIFIERS_MAX);
    assert_int_equal(DRAFT_IDENTIFIER_BYTES_MAX, IDENTIFIER_BYTES_MAX);
    assert_int_equal(DRAFT_OFFERS_MAX, OFFERS_MAX);
    assert_int_equal(DRAFT_COMMITMENTS_MAX, COMMITMENTS_MAX);
    assert_int_equal(DRAFT_CONSENTS_MAX, CONSENTS_MAX);
    assert_int_equal(DRAFT_LINES_MAX, SALE_LINES_MAX);
    assert_int_equal(DRAFT_NAME_BYTES_MAX, NAME_BYTES_MAX);
}

static void
the_largest_lists_fit_one_event(void **state)
{
    static char description[120], value[250];
    const char *detail = "";
    size_t len;

    (void)state;
    memset(description, 'x', sizeof description);
    memset(value, 'y', sizeof value);
    draft.event.sale = &draft.sale;
    for (int i = 0; i < DRAFT_LINES_MAX + 5; i++)
        draft_line(&draft, &(struct tl_sale_line){
                               .item = TL_STR("1"),
                               .description = {description, i % 3 == 0 ? sizeof description : 0},
                               .amount_minor = INT64_MIN, .discount_minor = INT64_MIN});
    for (int i = 0; i < DRAFT_TENDERS_MAX + 5; i++)
        draft_tender(&draft, TL_STR("Cash"), -1);
    for (int i = 0; i < 100; i++)
        draft_attribute(&draft, draft_printf(&draft, "%d", i),
                        (struct tl_str){value, sizeof value});
    for (int i = 0; i < DRAFT_OFFERS_MAX + 5; i++)
        draft_offer(&draft, draft_printf(&draft, "%0*d", DRAFT_NAME_BYTES_MAX, i),
                    (struct tl_str){0}, "redeemed");
    len = encoded_bytes();
    assert_int_equal(valid_event(&draft.event, len, &detail), 0);
    assert_int_equal(draft.sale.lines_count + draft.sale.lines_more, DRAFT_LINES_MAX + 5);
    assert_int_equal(draft.event.offers_count, DRAFT_OFFERS_MAX);
    assert_int_equal(draft.tenders[DRAFT_TENDERS_MAX - 1].amount_minor, -6);
    assert_false(draft.failed);
}

static void
a_thousand_short_lines_are_listed_and_one_more_is_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 700; i++)
        draft_line(&draft, &(struct tl_sale_line){.item = TL_STR("1")});
    assert_int_equal(draft.sale.lines_count, 700);
    assert_int_equal(draft.sale.lines_more, 0);
    for (int i = 0; i < 500; i++)
        draft_line(&draft, &(struct tl_sale_line){.item = TL_STR("1")});
    assert_int_equal(draft.sale.lines_count + draft.sale.lines_more, 1200);
    assert_true(draft.sale.lines_more > 0);
}

static void
the_last_attribute_counts_those_that_did_not_fit(void **state)
{
    (void)state;
    for (int i = 0; i < DRAFT_ATTRIBUTES_MAX - 1; i++)
        draft_attribute(&draft, draft_printf(&draft, "%d", i), TL_STR("v"));
    assert_int_equal(draft.event.attributes_count, DRAFT_ATTRIBUTES_MAX - 1);
    assert_int_equal(draft.attributes_more, 0);
    draft_attribute(&draft, TL_STR("one"), TL_STR("v"));
    draft_attribute(&draft, TL_STR("two"), TL_STR("v"));
    draft_end(&draft);
    assert_int_equal(draft.event.attributes_count, DRAFT_ATTRIBUTES_MAX);
    assert_true(text_is(draft.attributes[DRAFT_ATTRIBUTES_MAX - 1].key, "attributes_more"));
    assert_true(text_is(draft.attributes[DRAFT_ATTRIBUTES_MAX - 1].value, "2"));
}

static void
an_attribute_said_twice_keeps_the_last_value(void **state)
{
    (void)state;
    draft_attribute(&draft, TL_STR("a"), TL_STR("1"));
    draft_attribute(&draft, TL_STR("b"), TL_STR("1"));
    draft_attribute(&draft, TL_STR("a"), TL_STR("22"));
    draft_attribute(&draft, TL_STR("a"), TL_STR(""));
    assert_int_equal(draft.event.attributes_count, 2);
    assert_true(text_is(draft.attributes[0].value, "22"));
}

static void
lines_of_one_promotion_are_one_touch_with_a_count(void **state)
{
    struct tl_str none = {0};

    (void)state;
    for (int i = 0; i < 206; i++)
        assert_non_null(draft_offer(&draft, TL_STR("5081"), none, "redeemed"));
    assert_non_null(draft_offer(&draft, TL_STR("5081"), none, "made"));
    assert_int_equal(draft.event.offers_count, 2);
    assert_int_equal(draft.offers[0].count, 206);
}

static void
an_offers_id_has_at_most_128_bytes(void **state)
{
    static char name[DRAFT_NAME_BYTES_MAX + 1];
    struct tl_str none = {0};

    (void)state;
    memset(name, 'o', sizeof name);
    assert_non_null(draft_offer(&draft, (struct tl_str){name, sizeof name - 1}, none, "made"));
    assert_null(draft_offer(&draft, (struct tl_str){name, sizeof name}, none, "made"));
    assert_null(draft_offer(&draft, none, none, "made"));
    assert_int_equal(draft.event.offers_count, 1);
}

static void
what_is_too_long_for_an_identifier_becomes_an_attribute(void **state)
{
    static char value[DRAFT_IDENTIFIER_BYTES_MAX + 1];

    (void)state;
    memset(value, 'i', sizeof value);
    draft_identifier(&draft, TL_STR("user"), (struct tl_str){value, sizeof value - 1});
    draft_identifier(&draft, TL_STR("crm"), (struct tl_str){value, sizeof value});
    draft_identifier(&draft, TL_STR("account"), TL_STR(""));
    assert_int_equal(draft.event.identifiers_count, 1);
    assert_int_equal(draft.event.attributes_count, 1);
    assert_true(text_is(draft.attributes[0].key, "crm"));
}

static void
control_characters_become_blanks(void **state)
{
    struct tl_str copy = draft_copy(&draft, TL_STR("a\r\nb\rc\0d\te\x1f" "f"));

    (void)state;
    assert_true(text_is(copy, "a\nb c d\te f"));
}

static void
text_over_the_limit_fails_the_draft_until_the_next_one(void **state)
{
    char *much = calloc(1, DRAFT_TEXT_BYTES_MAX);

    (void)state;
    assert_non_null(much);
    draft_copy(&draft, (struct tl_str){much, DRAFT_TEXT_BYTES_MAX - 16});
    assert_false(draft.failed);
    draft_copy(&draft, (struct tl_str){much, 32});
    assert_true(draft.failed);
    draft_begin(&draft);
    assert_false(draft.failed);
    free(much);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, draft_set_up, draft_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(limits_are_those_of_the_contract),
        TEST(the_largest_lists_fit_one_event),
        TEST(a_thousand_short_lines_are_listed_and_one_more_is_counted),
        TEST(the_last_attribute_counts_those_that_did_not_fit),
        TEST(an_attribute_said_twice_keeps_the_last_value),
        TEST(lines_of_one_promotion_are_one_touch_with_a_count),
        TEST(an_offers_id_has_at_most_128_bytes),
        TEST(what_is_too_long_for_an_identifier_becomes_an_attribute),
        TEST(control_characters_become_blanks),
        TEST(text_over_the_limit_fails_the_draft_until_the_next_one),
    };

    return cmocka_run_group_tests_name("draft", tests, NULL, NULL);
}
