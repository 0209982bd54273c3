#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "tests/unit/own_draft.h"

static struct value *
parse(const char *text)
{
    struct value *value = parse_json(&draft.json, text_of(text), NULL);

    assert_non_null(value);
    return value;
}

static void
expect_attribute(const char *key, const char *value)
{
    for (size_t i = 0; i < draft.event.attributes_count; i++)
        if (text_is(draft.attributes[i].key, key)) {
            assert_true(text_is(draft.attributes[i].value, value));
            return;
        }
    fail_msg("no attribute %s", key);
}

static void
what_is_taken_goes_and_the_rest_becomes_attributes(void **state)
{
    struct value *o = parse("{\"a\":\" x \",\"b\":{\"c\":1.5,\"d\":{\"e\":true},\"f\":[],"
                            "\"g\":[1,{}]},\"h\":null,\"i\":{}}");

    (void)state;
    assert_true(text_is(member_take(&draft, o, "a"), "x"));
    assert_int_equal(member_take(&draft, o, "a").len, 0);
    member_attributes(&draft, o, "");
    assert_int_equal(draft.event.attributes_count, 3);
    expect_attribute("b.c", "1.5");
    expect_attribute("b.d.e", "true");
    expect_attribute("b.g", "[1,{}]");
}

static void
what_lies_too_deep_is_compact_json(void **state)
{
    struct value *o = parse("{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":8}}}}}}}");

    (void)state;
    member_attributes(&draft, o, "p.");
    expect_attribute("p.1.2.3.4.5.6", "{\"7\":8}");
}

static void
a_path_that_is_too_long_is_counted(void **state)
{
    char name[513];
    struct value *o = values_object(&draft.json);

    (void)state;
    memset(name, 'n', sizeof name);
    name[512] = '\0';
    assert_true(value_put(&draft.json, o, text_of(name), values_integer(&draft.json, 1)));
    member_attributes(&draft, o, "");
    assert_int_equal(draft.event.attributes_count, 1);
    member_attributes(&draft, o, "p");
    assert_int_equal(draft.event.attributes_count, 1);
    assert_int_equal(draft.attributes_more, 1);
}

static void
an_id_that_is_too_long_stays(void **state)
{
    struct value *o = parse("{\"id\":\"12345\",\"other\":\"1\"}");
    static const char *const names[] = {"id", "other", NULL};

    (void)state;
    assert_true(text_is(member_take_first(&draft, o, names, 4), "1"));
    assert_true(text_is(member_take_id(&draft, o, "id", 5), "12345"));
    assert_int_equal(value_members(o), 0);
}

static void
money_is_taken_in_minor_units_or_stays(void **state)
{
    struct value *o = parse("{\"a\":2.55,\"b\":\"10\",\"c\":\"much\",\"d\":500}");
    int64_t minor = 0;

    (void)state;
    assert_true(member_take_minor(&draft, o, "a", TL_STR("GBP"), &minor));
    assert_int_equal(minor, 255);
    assert_true(member_take_minor(&draft, o, "b", TL_STR("GBP"), &minor));
    assert_int_equal(minor, 1000);
    assert_true(member_take_minor(&draft, o, "d", TL_STR("JPY"), &minor));
    assert_int_equal(minor, 500);
    assert_false(member_take_minor(&draft, o, "c", TL_STR("GBP"), &minor));
    assert_false(member_take_minor(&draft, o, "nothing", TL_STR("GBP"), &minor));
    assert_int_equal(value_members(o), 1);
}

static void
the_hash_does_not_care_for_the_order_of_members(void **state)
{
    struct value *a = parse("{\"a\":1,\"b\":{\"c\":2,\"d\":3}}");
    struct value *b = parse("{\"b\":{\"d\":3,\"c\":2},\"a\":1}");
    struct tl_str x = member_hash(&draft, "f", a), y = member_hash(&draft, "f", b);

    (void)state;
    assert_int_equal(x.len, 24);
    assert_memory_equal(x.ptr, y.ptr, 24);
    assert_memory_not_equal(x.ptr, member_hash(&draft, "g", a).ptr, 24);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, draft_set_up, draft_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_taken_goes_and_the_rest_becomes_attributes),
        TEST(what_lies_too_deep_is_compact_json),
        TEST(a_path_that_is_too_long_is_counted),
        TEST(an_id_that_is_too_long_stays),
        TEST(money_is_taken_in_minor_units_or_stays),
        TEST(the_hash_does_not_care_for_the_order_of_members),
    };

    return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
