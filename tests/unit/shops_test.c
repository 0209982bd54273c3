#include "tests/unit/decode.h"

#include <glob.h>

static const struct format_options plain = {0};

static const struct {
    const char *format;
    size_t bodies, events, ignored;
} shops[] = {
    {"square", 55, 31, 24},
    {"shopify", 24, 15, 102},
    {"woocommerce", 8, 6, 2},
};

#define SHOPS (sizeof shops / sizeof shops[0])

static void
list(glob_t *files, const char *format)
{
    char pattern[256];

    snprintf(pattern, sizeof pattern, "tests/data/%s/*.{form,http,json}", format);
    assert_int_equal(glob(pattern, GLOB_BRACE, NULL, files), 0);
}

static void
samples_decode_to_what_was_checked_by_reading(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHOPS; s++) {
        struct decoded all = {0}, d;
        char path[256];
        glob_t files;

        list(&files, shops[s].format);
        for (size_t i = 0; i < files.gl_pathc; i++) {
            struct tl_str body = load(files.gl_pathv[i]);
            decode(&d, shops[s].format, &plain, body);
            buf_text(&all.events, text_of_buf(&d.events));
            all.events_count += d.events_count;
            all.rejects_count += d.rejects_count;
            all.ignored_count += d.ignored_count;
            decoded_free(&d);
            free((char *)(uintptr_t)body.ptr);
        }
        assert_int_equal(files.gl_pathc, shops[s].bodies);
        globfree(&files);
        buf_byte(&all.events, 0);
        snprintf(path, sizeof path, "tests/data/%s/events.jsonl", shops[s].format);
        assert_expected(&all, path);
        assert_int_equal(all.rejects_count, 0);
        assert_int_equal(all.events_count, shops[s].events);
        assert_int_equal(all.ignored_count, shops[s].ignored);
        decoded_free(&all);
    }
}

static void
no_length_of_a_sample_does_harm(void **state)
{
    static const char *const samples[][2] = {
        {"square", "tests/data/square/payment.updated.json"},
        {"shopify", "tests/data/shopify/constructed-order.json"},
        {"shopify", "tests/data/shopify/order_transactions-create.http"},
        {"woocommerce", "tests/data/woocommerce/order-processing.json"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct tl_str body = load(samples[i][1]);

        decode_truncated(samples[i][0], &plain, body);
        free((char *)(uintptr_t)body.ptr);
    }
}

static void
expect(const char *format, const char *body, const char *events)
{
    struct decoded d;

    decode(&d, format, &plain, text(body));
    if (strstr(text_of_buf(&d.events), events) == NULL)
        fail_msg("no %s in %s%s", events, text_of_buf(&d.events), text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
expect_reject(const char *format, const char *body, const char *reason)
{
    struct decoded d;

    decode(&d, format, &plain, text(body));
    assert_int_equal(d.events_count, 0);
    assert_int_equal(d.rejects_count, 1);
    if (strstr(text_of_buf(&d.rejects), reason) == NULL)
        fail_msg("no %s in %s", reason, text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
what_is_no_webhook_of_theirs_goes_aside(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHOPS; i++) {
        expect_reject(shops[i].format, "hello", "not JSON");
        expect_reject(shops[i].format, "{\"a\":1}", "no ");
    }
    expect_reject("square", "[]", "no webhook of Square's");
    expect_reject("square", "{\"event_id\":\"1\",\"type\":\"payment.updated\"}",
                  "no webhook of Square's");
    expect_reject("shopify", "{\"line_items\":[],\"financial_status\":\"paid\"}", "without its id");
    expect_reject("shopify", "{\"id\":1,\"line_items\":[],\"financial_status\":\"paid\"}",
                  "an order without its currency");
    expect_reject("shopify", "{\"id\":1,\"refund_line_items\":[]}", "a refund without");
    expect_reject("woocommerce", "{\"id\":1,\"line_items\":[],\"order_key\":\"k\"}",
                  "an order without its currency");
}

#define ORDER(more)                                                                               \
    "{\"id\":1,\"line_items\":[],\"financial_status\":\"paid\",\"currency\":\"JPY\","             \
    "\"total_price\":\"1200\",\"email\":\"a@example.com\",\"updated_at\":\"2024-05-06T15:00:00Z\"" \
    more "}"

static void
an_order_wrapped_or_bare_is_the_same_event(void **state)
{
    struct decoded bare, wrapped, many;

    (void)state;
    decode(&bare, "shopify", &plain, text(ORDER("")));
    decode(&wrapped, "shopify", &plain, text("{\"order\":" ORDER("") "}"));
    decode(&many, "shopify", &plain, text("{\"orders\":[" ORDER("") "]}"));
    assert_string_equal(text_of_buf(&bare.events), text_of_buf(&wrapped.events));
    assert_string_equal(text_of_buf(&bare.events), text_of_buf(&many.events));
    decoded_free(&bare);
    decoded_free(&wrapped);
    decoded_free(&many);
}

static void
money_is_in_the_minor_units_of_its_currency(void **state)
{
    (void)state;
    expect("shopify", ORDER(""), "\"total_minor\":\"1200\",\"currency\":\"JPY\"");
    expect("shopify", ORDER(",\"total_tax\":\"a lot\""), "\"total_tax\":\"a lot\"");
}

static void
an_order_of_the_web_is_of_the_web(void **state)
{
    (void)state;
    expect("shopify", ORDER(",\"source_name\":\"pos\""), "\"channel\":\"pos\"");
    expect("shopify", ORDER(",\"source_name\":\"web\""), "\"channel\":\"web\"");
    expect("shopify", ORDER(",\"cancelled_at\":\"2024-05-07T15:00:00Z\""),
           "\"type\":\"sale.voided\",\"time\":\"2024-05-07T15:00:00Z\"");
}

static void
an_automatic_discount_is_an_offer_redeemed_and_a_code_is_counted_once(void **state)
{
    (void)state;
    expect("shopify",
           ORDER(",\"discount_codes\":[{\"code\":\"S\",\"amount\":\"1\",\"type\":\"x\"}],"
                 "\"discount_applications\":[{\"code\":\"S\"},{\"title\":\"T\"}]"),
           "\"offers\":[{\"offer\":\"S\",\"outcome\":\"redeemed\",\"terms\":\"1 x\",\"count\":1},"
           "{\"offer\":\"T\",\"outcome\":\"redeemed\",\"count\":1}]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(no_length_of_a_sample_does_harm),
        cmocka_unit_test(what_is_no_webhook_of_theirs_goes_aside),
        cmocka_unit_test(an_order_wrapped_or_bare_is_the_same_event),
        cmocka_unit_test(money_is_in_the_minor_units_of_its_currency),
        cmocka_unit_test(an_order_of_the_web_is_of_the_web),
        cmocka_unit_test(an_automatic_discount_is_an_offer_redeemed_and_a_code_is_counted_once),
    };

    return cmocka_run_group_tests_name("shops", tests, NULL, NULL);
}
