#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "broker/normalise.h"
#include "proto/code.h"
#include "proto/valid.h"

static struct arena arena;
static struct kinds *kinds;

static int
set_up(void **state)
{
    (void)state;
    char why[CONF_ERROR_BYTES];

    arena_init(&arena, 1 << 20);
    return kinds_read(&kinds, NULL, why);
}

static int
tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    kinds_free(&kinds);
    return 0;
}

static struct tl_str
str(const char *text)
{
    return (struct tl_str){text, strlen(text)};
}

static int
normalise(struct tl_identifier *ids, size_t n, const char *region, struct arena *in,
          struct store_identifier **out, size_t *count, const char **detail)
{
    struct tl_event ev = {.region = str(region), .source = str("till-4"), .identifiers = ids,
                          .identifiers_count = n};

    return normalise_identifiers(kinds, &ev, in, out, count, detail);
}

/* The canonical value of one identifier, "" when it stands for nobody, "!" when
 * it cannot be read. */
static const char *
canonical(const char *type, const char *value, const char *region)
{
    struct tl_identifier ids[] = {{str(type), str(value)}, {str("crm"), str("anchor")}};
    struct store_identifier *out;
    const char *detail = NULL;
    size_t count;

    if (normalise(ids, 2, region, &arena, &out, &count, &detail) != 0) {
        assert_non_null(detail);
        return "!";
    }
    if (count == 1)
        return "";
    return arena_copy(&arena, out[1].value.ptr, out[1].value.len);
}

#define becomes(type, value, wanted) assert_string_equal(canonical(type, value, ""), wanted)
#define becomes_in(region, value, wanted)                                                          \
    assert_string_equal(canonical("phone", value, region), wanted)

static void
a_loyalty_number_keeps_its_zeros(void **state)
{
    (void)state;
    becomes("loyalty", " 000718\t", "000718");
    becomes("account", "0000001", "0000001");
    becomes("loyalty", "718", "718");
    becomes("user", "Joe Smith", "Joe Smith");
}

static void
an_email_is_lower_case_and_keeps_its_tag(void **state)
{
    (void)state;
    becomes("email", " Joe.Smith+News@Example.COM ", "joe.smith+news@example.com");
    becomes("email", "joe@example.com.", "joe@example.com");
    becomes("email", "joe@sub_net.example.com", "joe@sub_net.example.com");
    becomes("email", "J\xc3\x96RG@example.com", "j\xc3\x96rg@example.com");
}

static void
a_domain_of_any_script_has_one_spelling(void **state)
{
    (void)state;
    becomes("email",
            "joe@B\xc3\x9c"
            "CHER.example",
            "joe@xn--bcher-kva.example");
    becomes("email",
            "joe@b\xc3\xbc"
            "cher.example",
            "joe@xn--bcher-kva.example");
    becomes("email",
            "joe@bu\xcc\x88"
            "cher.example",
            "joe@xn--bcher-kva.example");
    becomes("email", "joe@XN--BCHER-KVA.example", "joe@xn--bcher-kva.example");
    becomes("email",
            "joe@stra\xc3\x9f"
            "e.example",
            "joe@xn--strae-oqa.example");
}

static void
an_email_without_a_mailbox_or_domain_is_refused(void **state)
{
    (void)state;
    becomes("email", "joe", "!");
    becomes("email", "@example.com", "!");
    becomes("email", "joe@", "!");
    becomes("email", "joe@.", "!");
    becomes("email", "joe@example@com", "!");
    becomes("email", "joe smith@example.com", "!");
    becomes("email", "joe@exam..ple", "!");
    becomes("email", "joe@xn--a", "!");
}

static void
a_label_has_at_most_63_bytes(void **state)
{
    char value[128];

    (void)state;
    snprintf(value, sizeof value, "j@%063d.com", 1);
    assert_string_equal(canonical("email", value, ""), value);
    snprintf(value, sizeof value, "j@%064d.com", 1);
    becomes("email", value, "!");
}

static void
a_phone_number_that_reads_as_international_passes(void **state)
{
    (void)state;
    becomes("phone", "+49 30 1234-5678", "+493012345678");
    becomes("phone", "+1 (555) 010.0199", "+15550100199");
    becomes("phone", "+12345678", "+12345678");               /* 8 digits */
    becomes("phone", "+123456789012345", "+123456789012345"); /* 15 */
}

static void
a_phone_number_is_read_as_in_its_region(void **state)
{
    (void)state;
    becomes_in("DE", "030 12345678", "+493012345678");
    becomes_in("de", "(030) 12345678", "+493012345678");
    becomes_in("DE", "0049 30 12345678", "+493012345678");
    becomes_in("", "+49 (0)30 12345678", "+493012345678");
    becomes_in("US", "(650) 253-0000", "+16502530000");
    becomes_in("US", "tel:+1-650-253-0000", "+16502530000");
    becomes_in("GB", "020 7031 3000", "+442070313000");
    /* The same number again, by the cache. */
    becomes_in("GB", "020 7031 3000", "+442070313000");
}

static void
a_phone_number_that_is_not_sure_stays_as_it_came(void **state)
{
    (void)state;
    becomes_in("", " 030 12345678 ", "030 12345678");
    becomes_in("XX", "030 12345678", "030 12345678");
    becomes_in("US", "12", "12");
    becomes_in("", "+1234567", "+1234567");                   /* 7 digits */
    becomes_in("", "+1234567890123456", "+1234567890123456"); /* 16 */
    becomes_in("US", "650-253-0000 ext. 12", "650-253-0000 ext. 12");
    becomes_in("US", "SIP/201", "SIP/201");
}

static void
a_value_that_stands_for_nobody_is_left_out(void **state)
{
    static const char *const values[] = {
        "",
        " ",
        "null",
        "NULL",
        "None",
        "undefined",
        "anonymous",
        "Unknown",
        "n/a",
        "-",
        "0",
        "0000000000",
        "00000000-0000-0000-0000-000000000000",
        "1234567890",
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        becomes("loyalty", values[i], "");
        becomes("email", values[i], "");
        becomes("cookie", values[i], "");
        becomes("x-own", values[i], "");
    }
    becomes("loyalty", "nullify", "nullify");
    becomes("loyalty", "12345678901", "12345678901");
}

static void
a_withheld_or_invented_phone_number_is_left_out(void **state)
{
    (void)state;
    becomes("phone", "Restricted", "");
    becomes("phone", "+266696687", "");
    becomes("phone", "+1 555 555 5555", "");
    becomes("phone", "999-999-9999", "");
    becomes("phone", "123456789", "");
    becomes("phone", "+00000000", "");
    becomes("loyalty", "999-999-9999", "999-999-9999");
}

static void
identifiers_come_strongest_first_and_once(void **state)
{
    static const char *const wanted[] = {
        "crm:9",    "loyalty:1", "loyalty:2", "email:joe@example.com", "phone:+493012345678",
        "cookie:c", "x-a:1",     "x-b:1"};
    struct tl_identifier ids[] = {
        {str("x-b"), str("1")},
        {str("cookie"), str("c")},
        {str("email"), str("JOE@example.com")},
        {str("loyalty"), str("2")},
        {str("x-a"), str("1")},
        {str("loyalty"), str("1")},
        {str("phone"), str("+49 30 12345678")},
        {str("email"), str("joe@EXAMPLE.com ")},
        {str("crm"), str("9")},
        {str("phone"), str("+493012345678")},
    };
    struct store_identifier *out;
    const char *detail;
    size_t count;
    char text[64];

    (void)state;
    assert_int_equal(normalise(ids, 10, "", &arena, &out, &count, &detail), 0);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%.*s:%.*s", (int)out[i].type.len, out[i].type.ptr,
                 (int)out[i].value.len, out[i].value.ptr);
        assert_string_equal(text, wanted[i]);
        assert_true(i == 0 || out[i - 1].rank <= out[i].rank);
    }
    assert_true(out[0].strong && out[0].single && !out[0].follows_login);
    assert_true(out[3].strong && !out[3].single);
    assert_true(!out[4].strong && !out[4].follows_login);
    assert_true(!out[5].strong && out[5].follows_login);
    assert_false(out[6].strong);
}

static void
an_event_of_nobody_is_refused_and_one_without_identifiers_is_not(void **state)
{
    struct tl_identifier ids[] = {{str("loyalty"), str("null")}, {str("cookie"), str("-")}};
    struct store_identifier *out;
    const char *detail = NULL;
    size_t count;

    (void)state;
    assert_int_equal(normalise(ids, 2, "", &arena, &out, &count, &detail),
                     TL_BAD_IDENTIFIER);
    assert_non_null(detail);
    assert_int_equal(normalise(NULL, 0, "", &arena, &out, &count, &detail), 0);
    assert_int_equal(count, 0);
}

static void
a_type_nobody_knows_is_refused(void **state)
{
    (void)state;
    becomes("telepathy", "1", "!");
    becomes("x-", "1", "!");
    becomes("", "1", "!");
}

static void
a_value_has_at_most_320_bytes(void **state)
{
    char value[IDENTIFIER_BYTES_MAX + 2];

    (void)state;
    memset(value, 'v', sizeof value);
    value[IDENTIFIER_BYTES_MAX] = '\0';
    assert_string_equal(canonical("user", value, ""), value);
    value[IDENTIFIER_BYTES_MAX] = 'v';
    value[IDENTIFIER_BYTES_MAX + 1] = '\0';
    becomes("user", value, "!");
}

/* Thirty labels of two bytes become 239 bytes. */
static void
a_domain_must_not_grow_past_it_either(void **state)
{
    char value[IDENTIFIER_BYTES_MAX];

    (void)state;
    for (int local = 80; local <= 81; local++) {
        size_t len = (size_t)snprintf(value, sizeof value, "%0*d@", local, 1);

        for (size_t i = 0; i < 30; i++)
            len += (size_t)snprintf(value + len, sizeof value - len, "\xc3\xbc.");
        assert_int_equal(strlen(canonical("email", value, "")),
                         local == 80 ? IDENTIFIER_BYTES_MAX : 1);
    }
}

static int
customer(const char *name, struct store_identifier *id, const char **detail)
{
    return normalise_customer(kinds, str(name), &arena, id, detail);
}

static void
a_customer_is_named_by_type_and_value(void **state)
{
    struct store_identifier id;
    const char *detail = NULL;

    (void)state;
    assert_int_equal(customer("email:JOE@Example.com", &id, &detail), 0);
    assert_memory_equal(id.value.ptr, "joe@example.com", id.value.len);
    assert_int_equal(customer("user:a:b", &id, &detail), 0);
    assert_int_equal(id.value.len, 3);
    assert_int_equal(customer("email", &id, &detail), TL_BAD_IDENTIFIER);
    assert_int_equal(customer("", &id, &detail), TL_BAD_IDENTIFIER);
    assert_int_equal(customer("email:", &id, &detail), TL_BAD_IDENTIFIER);
    assert_int_equal(customer("user:null", &id, &detail), TL_BAD_IDENTIFIER);
    assert_int_equal(customer("ufo:1", &id, &detail), TL_BAD_IDENTIFIER);
}

static void
a_full_arena_is_an_answer(void **state)
{
    struct tl_identifier ids[] = {{str("email"), str("joe@example.com")}};
    struct store_identifier *out;
    struct arena small;
    const char *detail;
    size_t count;

    (void)state;
    for (size_t budget = 0; budget < 160; budget += 16) {
        arena_init(&small, budget);
        int err = normalise(ids, 1, "", &small, &out, &count, &detail);

        assert_true(err == 0 || err == TL_TOO_MANY);
        assert_true(budget > 0 || err == TL_TOO_MANY);
        arena_fini(&small);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loyalty_number_keeps_its_zeros),
        cmocka_unit_test(an_email_is_lower_case_and_keeps_its_tag),
        cmocka_unit_test(a_domain_of_any_script_has_one_spelling),
        cmocka_unit_test(an_email_without_a_mailbox_or_domain_is_refused),
        cmocka_unit_test(a_label_has_at_most_63_bytes),
        cmocka_unit_test(a_phone_number_that_reads_as_international_passes),
        cmocka_unit_test(a_phone_number_is_read_as_in_its_region),
        cmocka_unit_test(a_phone_number_that_is_not_sure_stays_as_it_came),
        cmocka_unit_test(a_value_that_stands_for_nobody_is_left_out),
        cmocka_unit_test(a_withheld_or_invented_phone_number_is_left_out),
        cmocka_unit_test(identifiers_come_strongest_first_and_once),
        cmocka_unit_test(an_event_of_nobody_is_refused_and_one_without_identifiers_is_not),
        cmocka_unit_test(a_type_nobody_knows_is_refused),
        cmocka_unit_test(a_value_has_at_most_320_bytes),
        cmocka_unit_test(a_domain_must_not_grow_past_it_either),
        cmocka_unit_test(a_customer_is_named_by_type_and_value),
        cmocka_unit_test(a_full_arena_is_an_answer),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
