#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/value.h"
#include "tests/unit/own_values.h"

static struct value *
parse(const char *text)
{
    struct value *v = parse_json(&values, text_of(text), NULL);

    assert_non_null(v);
    return v;
}

static void
expect(const struct value *v, const char *text)
{
    struct buf out = {0};

    assert_non_null(v);
    value_write(&out, v, VALUE_AS_IT_IS);
    buf_byte(&out, '\0');
    assert_string_equal(out.ptr, text);
    buf_free(&out);
}

static void
what_is_not_there_is_empty_on_any_path(void **state)
{
    const struct value *o = parse("{\"a\":[1,{\"b\":\"x\"}]}"), *v;
    size_t seen = 0;

    (void)state;
    assert_string_equal(value_text(value_get(value_at(value_get(o, "a"), 1), "b")), "x");
    assert_null(value_get(value_get(value_get(o, "b"), "c"), "d"));
    assert_null(value_get(value_get(o, "a"), "b"));
    assert_null(value_get(o, NULL));
    assert_null(value_at(value_get(o, "a"), 2));
    assert_null(value_at(o, 0));
    assert_null(value_text(o));
    assert_int_equal(value_str(NULL).len, 0);
    assert_int_equal(value_count(o), 0);
    assert_int_equal(value_members(value_get(o, "a")), 0);
    value_each(o, v)
        seen++;
    value_each_member(value_get(o, "a"), v)
        seen++;
    assert_int_equal(seen, 0);
}

static void
a_member_dropped_leaves_the_others_in_their_order(void **state)
{
    struct value *o = parse("{\"a\":1,\"b\":2,\"c\":3}");

    (void)state;
    value_drop(o, "b");
    expect(o, "{\"a\":1,\"c\":3}");
    value_drop(o, "c");
    value_drop(o, "nothing");
    assert_true(value_put(&values, o, TL_STR("d"), values_boolean(&values, true)));
    expect(o, "{\"a\":1,\"d\":true}");
    value_drop(o, "a");
    value_drop(o, "d");
    expect(o, "{}");
    assert_true(value_put(&values, o, TL_STR("e"), values_null(&values)));
    expect(o, "{\"e\":null}");
}

static void
a_member_put_again_takes_the_place_of_the_first(void **state)
{
    struct value *o = parse("{\"a\":1,\"b\":2}");

    (void)state;
    assert_true(value_put(&values, o, TL_STR("a"), values_string(&values, TL_STR("x"))));
    expect(o, "{\"a\":\"x\",\"b\":2}");
    assert_int_equal(value_members(o), 2);
}

static void
a_copy_can_lose_members_and_the_first_keeps_them(void **state)
{
    struct value *o = parse("{\"a\":{\"x\":[1,2]},\"b\":2}"), *copy = values_copy(&values, o);

    (void)state;
    value_drop(copy, "b");
    expect(copy, "{\"a\":{\"x\":[1,2]}}");
    expect(o, "{\"a\":{\"x\":[1,2]},\"b\":2}");
    assert_null(values_copy(&values, NULL));
}

static void
what_could_not_be_made_is_added_to_nothing(void **state)
{
    struct value *o = values_object(&values), *a = values_array(&values);

    (void)state;
    assert_null(values_string(&values, TL_STR("\xff")));
    assert_false(value_put(&values, o, TL_STR("a"), values_string(&values, TL_STR("\xff"))));
    assert_false(value_put(&values, o, TL_STR("\xc3"), values_null(&values)));
    assert_false(value_put(&values, NULL, TL_STR("a"), values_null(&values)));
    assert_false(value_append(a, NULL));
    assert_false(value_append(NULL, values_null(&values)));
    expect(o, "{}");
    expect(a, "[]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, values_set_up, values_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_there_is_empty_on_any_path),
        TEST(a_member_dropped_leaves_the_others_in_their_order),
        TEST(a_member_put_again_takes_the_place_of_the_first),
        TEST(a_copy_can_lose_members_and_the_first_keeps_them),
        TEST(what_could_not_be_made_is_added_to_nothing),
    };

    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
