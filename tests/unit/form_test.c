#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "adapters/form.h"

static struct tl_str
text(const char *s)
{
    return (struct tl_str){s, strlen(s)};
}

static void
assert_text(struct tl_str s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.ptr, want, s.len);
}

static void
names_and_values_are_decoded_in_the_order_of_the_text(void **state)
{
    struct form f;

    (void)state;
    assert_int_equal(form_read(&f, text("b=1+2%2B&&%61=%C3%A9&c&=x&b=%zz%4")), 0);
    assert_int_equal(f.count, 5);
    assert_text(f.fields[0].name, "b");
    assert_text(f.fields[0].value, "1 2+");
    assert_text(f.fields[1].name, "a");
    assert_text(f.fields[1].value, "\xc3\xa9");
    assert_text(f.fields[2].name, "c");
    assert_text(f.fields[2].value, "");
    assert_text(f.fields[3].name, "");
    assert_text(f.fields[4].value, "%zz%4");
    assert_text(form_find(&f, "b")->value, "1 2+");
    assert_null(form_find(&f, "d"));
    form_free(&f);
}

static void
sorting_is_by_name_then_by_value(void **state)
{
    struct form f;

    (void)state;
    assert_int_equal(form_read(&f, text("b=2&ab=3&b=1&a=4&b=")), 0);
    form_sort(&f);
    assert_text(f.fields[0].value, "4");
    assert_text(f.fields[1].value, "3");
    assert_text(f.fields[2].value, "");
    assert_text(f.fields[3].value, "1");
    assert_text(f.fields[4].value, "2");
    form_free(&f);
}

static void
a_form_has_at_most_1000_fields(void **state)
{
    char body[2 * FORM_FIELDS_MAX + 2];
    struct form f;

    (void)state;
    for (size_t i = 0; i <= FORM_FIELDS_MAX; i++)
        memcpy(body + 2 * i, "a&", 2);
    assert_int_equal(form_read(&f, (struct tl_str){body, 2 * FORM_FIELDS_MAX - 1}), 0);
    assert_int_equal(f.count, FORM_FIELDS_MAX);
    form_free(&f);
    assert_int_equal(form_read(&f, (struct tl_str){body, 2 * FORM_FIELDS_MAX + 1}), TL_EARGUMENT);
    form_free(&f);
}

static void
nothing_is_an_empty_form(void **state)
{
    struct form f;

    (void)state;
    assert_int_equal(form_read(&f, (struct tl_str){0}), 0);
    assert_int_equal(f.count, 0);
    form_sort(&f);
    form_free(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_decoded_in_the_order_of_the_text),
        cmocka_unit_test(sorting_is_by_name_then_by_value),
        cmocka_unit_test(a_form_has_at_most_1000_fields),
        cmocka_unit_test(nothing_is_an_empty_form),
    };

    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
