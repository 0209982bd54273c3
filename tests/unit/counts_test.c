#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapters/counts.h"

static void
written_as(const struct counts *c, const char *expected)
{
    struct buf out = {0};

    counts_write(c, &out);
    buf_byte(&out, 0);
    assert_string_equal((const char *)out.ptr, expected);
    buf_free(&out);
}

static void
a_metrics_lines_are_together_behind_its_type(void **state)
{
    struct counts c = {0};

    (void)state;
    count_add(&c, 1, "b_total", NULL);
    count_add(&c, 2, "a_total", "format", "web", NULL);
    count_add(&c, 3, "a_total", "format", "pos", "name", "No Sale", NULL);
    count_add(&c, 4, "a_total", "format", "web", NULL);
    written_as(&c, "# TYPE a_total counter\n"
                   "a_total{format=\"pos\",name=\"No Sale\"} 3\n"
                   "a_total{format=\"web\"} 6\n"
                   "# TYPE b_total counter\n"
                   "b_total 1\n");
    counts_fini(&c);
}

static void
what_outsiders_call_things_cannot_break_a_line(void **state)
{
    struct counts c = {0};

    (void)state;
    count_add(&c, 1, "a_total", "name", "a\"b\\c\nd", NULL);
    count_add(&c, 1, "a_total", "name", "\xff", NULL);
    written_as(&c, "# TYPE a_total counter\n"
                   "a_total{name=\"a\\\"b\\\\c d\"} 1\n"
                   "a_total{name=\"other\"} 1\n");
    counts_fini(&c);
}

static void
names_beyond_the_limit_count_as_other(void **state)
{
    struct counts c = {0};
    char name[16];
    struct buf out = {0};

    (void)state;
    for (int i = 0; i < COUNTS_MAX + 5; i++) {
        snprintf(name, sizeof name, "n%d", i);
        count_add(&c, 1, "a_total", "format", "web", "name", name, NULL);
    }
    count_add(&c, 1, "a_total", "format", "web", "name", "n0", NULL);
    counts_write(&c, &out);
    buf_byte(&out, 0);
    assert_non_null(strstr((const char *)out.ptr, "a_total{format=\"web\",name=\"other\"} 5\n"));
    assert_non_null(strstr((const char *)out.ptr, "a_total{format=\"web\",name=\"n0\"} 2\n"));
    buf_free(&out);
    counts_fini(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metrics_lines_are_together_behind_its_type),
        cmocka_unit_test(what_outsiders_call_things_cannot_break_a_line),
        cmocka_unit_test(names_beyond_the_limit_count_as_other),
    };

    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
