#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/valid.h"
#include "tools/workload.h"

#define EVENTS 20000

static struct workload load;
static struct workload_run run;

static int
make(void **state)
{
    (void)state;
    workload_init(&load, 1000);
    workload_make(&load, &run, 10);
    workload_make(&load, &run, EVENTS);
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    workload_run_fini(&run);
    workload_fini(&load);
    return 0;
}

static void
every_event_is_acceptable_and_of_the_size_named(void **state)
{
    (void)state;
    assert_int_equal(run.count, EVENTS);
    for (size_t i = 0; i < run.count; i++) {
        struct tl_str bytes = workload_event(&run, i);
        struct tl_event *ev;
        const char *detail;

        assert_in_range(bytes.len, WORKLOAD_EVENT_BYTES, WORKLOAD_EVENT_BYTES + 2);
        assert_int_equal(tl_event_decode(bytes, &ev), 0);
        assert_int_equal(valid_event(ev, bytes.len, &detail), 0);
        tl_event_free(&ev);
    }
}

static void
events_are_numbered_as_they_were_made(void **state)
{
    char *bytes;
    size_t len;
    const struct tl_event other = {.id = TL_STR("identity-1")};

    (void)state;
    for (size_t i = 0; i < run.count; i++)
        assert_int_equal(workload_number(workload_event(&run, i)), 10 + i);
    assert_int_equal(tl_event_encode(&other, &bytes, &len), 0);
    assert_true(workload_number((struct tl_str){bytes, len}) == UINT64_MAX);
    free(bytes);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Zipf over 1000 customers: the first has 1 / 7.485 of the events, the second half of that. */
static void
customers_come_by_zipf(void **state)
{
    static char names[EVENTS][WORKLOAD_NAME_BYTES];
    size_t most = 0, second = 0, length = 0, count = 0;

    (void)state;
    for (size_t i = 0; i < EVENTS; i++) {
        char name[WORKLOAD_NAME_BYTES];

        workload_name(name, workload_event(&run, i));
        if (strncmp(name, "email:", 6) == 0)
            memcpy(names[count++], name, sizeof name);
    }
    assert_in_range(count, EVENTS * 85 / 100, EVENTS * 91 / 100);
    qsort(names, count, sizeof names[0], compare_names);
    for (size_t i = 1; i <= count; i++) {
        length++;
        if (i < count && strcmp(names[i], names[i - 1]) == 0)
            continue;
        if (length > most) {
            second = most;
            most = length;
        } else if (length > second) {
            second = length;
        }
        length = 0;
    }
    assert_true(fabs((double)most / (double)count - 1 / 7.485) < 0.01);
    assert_true(fabs((double)second / (double)count - 0.5 / 7.485) < 0.01);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_acceptable_and_of_the_size_named),
        cmocka_unit_test(events_are_numbered_as_they_were_made),
        cmocka_unit_test(customers_come_by_zipf),
    };

    return cmocka_run_group_tests_name("workload", tests, make, drop);
}
