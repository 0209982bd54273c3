#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/spool.h"
#include "client/touchline.h"
#include "scratch.h"

#define MAGIC_BYTES 8
#define HEAD_BYTES 8

static struct spool *
opened(int64_t bytes_max, int64_t segment_bytes)
{
    struct spool_limits limits = {bytes_max, segment_bytes};
    struct spool *s = NULL;
    char why[SPOOL_WHY_BYTES] = "";

    if (spool_open(&s, scratch, &limits, why) != 0)
        fail_msg("%s", why);
    return s;
}

static void
refused(const char *sentence)
{
    struct spool_limits limits = {0};
    struct spool *s = NULL;
    char why[SPOOL_WHY_BYTES] = "";

    assert_int_equal(spool_open(&s, scratch, &limits, why), -1);
    assert_null(s);
    if (strstr(why, sentence) == NULL)
        fail_msg("`%s' is not in `%s'", sentence, why);
}

static void
add(struct spool *s, const char *text)
{
    spool_add(s, text, strlen(text));
}

static void
commit(struct spool *s, const char *text)
{
    add(s, text);
    assert_int_equal(spool_commit(s), 0);
}

static uint64_t
next_is(struct spool *s, const char *text)
{
    struct buf record = {0};
    uint64_t segment = 0;

    assert_int_equal(spool_next(s, &record, &segment), 0);
    assert_int_equal(record.len, strlen(text));
    assert_memory_equal(record.ptr, text, record.len);
    buf_free(&record);
    return segment;
}

static void
none_left(struct spool *s)
{
    struct buf record = {0};
    uint64_t segment;

    assert_int_equal(spool_next(s, &record, &segment), TL_EAWAY);
    buf_free(&record);
}

static void
records_come_back_in_order_after_their_commit(void **state)
{
    struct spool *s = opened(0, 0);

    (void)state;
    add(s, "one");
    none_left(s);
    commit(s, "");
    commit(s, "three");
    next_is(s, "one");
    next_is(s, "");
    next_is(s, "three");
    none_left(s);
    assert_int_equal(spool_records(s), 3);
    spool_close(&s);
}

static void
what_is_not_acknowledged_comes_again_after_a_restart(void **state)
{
    struct spool *s = opened(0, 0);

    (void)state;
    commit(s, "one");
    commit(s, "two");
    spool_acknowledge(s, next_is(s, "one"));
    spool_close(&s);
    s = opened(0, 0);
    assert_int_equal(spool_records(s), 2);
    next_is(s, "one");
    next_is(s, "two");
    spool_close(&s);
}

static void
what_was_acknowledged_does_not_come_again_after_a_stop(void **state)
{
    struct spool *s = opened(0, 0);

    (void)state;
    commit(s, "one");
    spool_acknowledge(s, next_is(s, "one"));
    spool_close(&s);
    assert_int_equal(scratch_count(".spool", NULL), 0);
    s = opened(0, 0);
    none_left(s);
    spool_close(&s);
}

static void
what_was_not_committed_is_gone(void **state)
{
    struct spool *s = opened(0, 0);

    (void)state;
    add(s, "one");
    assert_true(spool_pending(s));
    spool_close(&s);
    s = opened(0, 0);
    none_left(s);
    spool_close(&s);
}

static void
a_segments_file_goes_when_all_of_it_was_acknowledged(void **state)
{
    struct spool *s = opened(0, 1);
    uint64_t first, second;

    (void)state;
    add(s, "one");
    commit(s, "two");
    commit(s, "three");
    first = next_is(s, "one");
    next_is(s, "two");
    second = next_is(s, "three");
    assert_true(second > first);
    spool_acknowledge(s, first);
    spool_acknowledge(s, second);
    none_left(s);
    assert_int_equal(scratch_count(".spool", NULL), 2);
    spool_acknowledge(s, first);
    none_left(s);
    assert_int_equal(scratch_count(".spool", NULL), 1);
    assert_int_equal(spool_records(s), 0);
    spool_close(&s);
}

static void
a_tick_gets_rid_of_what_was_acknowledged(void **state)
{
    struct spool *s = opened(0, 0);

    (void)state;
    commit(s, "one");
    assert_int_equal(spool_tick(s), 0);
    spool_acknowledge(s, next_is(s, "one"));
    assert_int_equal(spool_tick(s), 0);
    none_left(s);
    assert_int_equal(spool_bytes(s), MAGIC_BYTES);
    spool_close(&s);
    s = opened(0, 0);
    none_left(s);
    spool_close(&s);
}

static void
a_rewound_spool_gives_again_what_it_has(void **state)
{
    struct spool *s = opened(0, 1);

    (void)state;
    commit(s, "one");
    commit(s, "two");
    next_is(s, "one");
    spool_acknowledge(s, next_is(s, "two"));
    spool_rewind(s);
    next_is(s, "one");
    next_is(s, "two");
    spool_close(&s);
}

static void
there_is_room_up_to_the_cap(void **state)
{
    struct spool *s = opened(MAGIC_BYTES + HEAD_BYTES + 3 + 100, 0);

    (void)state;
    commit(s, "one");
    assert_true(spool_has_room(s, 100));
    assert_false(spool_has_room(s, 101));
    add(s, "");
    assert_false(spool_has_room(s, 93));
    spool_close(&s);
}

static void
of_a_torn_write_the_whole_records_stay_and_the_rest_is_kept_aside(void **state)
{
    static const size_t cuts[] = {1, 4, HEAD_BYTES + 3, HEAD_BYTES + 4};

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct spool *s = opened(0, 0);
        char name[256];

        commit(s, "whole");
        commit(s, "torn");
        spool_close(&s);
        assert_int_equal(scratch_count(".spool", name), 1);
        assert_int_equal(truncate(scratch_path(name), (off_t)(scratch_size(name) - cuts[i])), 0);
        s = opened(0, 0);
        next_is(s, "whole");
        none_left(s);
        commit(s, "after");
        next_is(s, "after");
        spool_close(&s);
        assert_int_equal(scratch_count(".torn", NULL), cuts[i] < HEAD_BYTES + 4 ? 1 : 0);
        scratch_remove("");
    }
}

static void
a_file_cut_before_its_first_record_is_empty(void **state)
{
    (void)state;
    for (int bytes = 0; bytes < MAGIC_BYTES; bytes++) {
        struct spool *s;

        scratch_write("0000000000000001.spool", "TLSPOOL1", (size_t)bytes, 0);
        for (int i = 0; i < 2; i++) {
            s = opened(0, 0);
            none_left(s);
            spool_close(&s);
        }
        scratch_remove("");
    }
}

static void
damage_further_back_stops_the_start(void **state)
{
    struct spool *s = opened(0, 1);
    char name[256];

    (void)state;
    commit(s, "one");
    commit(s, "two");
    spool_close(&s);
    assert_int_equal(scratch_count(".spool", name), 2);
    scratch_flip(name, MAGIC_BYTES + HEAD_BYTES);
    refused("is damaged at byte 8");
    scratch_flip(name, MAGIC_BYTES + HEAD_BYTES);
    scratch_flip(name, 0);
    refused("of a format this program does not know");
}

static void
two_do_not_share_a_spool(void **state)
{
    struct spool *s = opened(0, 0);

    (void)state;
    refused("another process has");
    spool_close(&s);
}

static void
a_record_larger_than_what_is_read_at_a_time_comes_back(void **state)
{
    struct spool *s = opened(0, 0);
    struct buf record = {0};
    uint64_t segment;
    char *large = malloc(3u << 20);

    (void)state;
    assert_non_null(large);
    memset(large, 'x', 3u << 20);
    commit(s, "small");
    spool_add(s, large, 3u << 20);
    commit(s, "last");
    spool_close(&s);
    s = opened(0, 0);
    assert_int_equal(spool_records(s), 3);
    next_is(s, "small");
    assert_int_equal(spool_next(s, &record, &segment), 0);
    assert_int_equal(record.len, 3u << 20);
    assert_memory_equal(record.ptr, large, record.len);
    next_is(s, "last");
    buf_free(&record);
    free(large);
    spool_close(&s);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_come_back_in_order_after_their_commit),
        TEST(what_is_not_acknowledged_comes_again_after_a_restart),
        TEST(what_was_acknowledged_does_not_come_again_after_a_stop),
        TEST(what_was_not_committed_is_gone),
        TEST(a_segments_file_goes_when_all_of_it_was_acknowledged),
        TEST(a_tick_gets_rid_of_what_was_acknowledged),
        TEST(a_rewound_spool_gives_again_what_it_has),
        TEST(there_is_room_up_to_the_cap),
        TEST(of_a_torn_write_the_whole_records_stay_and_the_rest_is_kept_aside),
        TEST(a_file_cut_before_its_first_record_is_empty),
        TEST(damage_further_back_stops_the_start),
        TEST(two_do_not_share_a_spool),
        TEST(a_record_larger_than_what_is_read_at_a_time_comes_back),
    };

    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
