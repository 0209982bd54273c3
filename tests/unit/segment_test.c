#include "tests/unit/log_fill.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "proto/code.h"

#define MIB ((size_t)1 << 20)

/* Makes what is written to the open segment go to a device instead. */
static void
divert(const char *device)
{
    char name[256], link[64], target[512];
    int to = open(device, O_RDWR), diverted = 0;

    assert_true(scratch_count(".log", name) == 1 && to >= 0);
    for (int fd = 3; fd < 64; fd++) {
        ssize_t len;

        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if ((len = readlink(link, target, sizeof target - 1)) < 0)
            continue;
        target[len] = '\0';
        if (strstr(target, name) != NULL)
            diverted += dup2(to, fd) == fd;
    }
    close(to);
    assert_int_equal(diverted, 1);
}

static void
wait_for(const char *part, int count)
{
    for (int i = 0; i < 1000 && scratch_count(part, NULL) != count; i++)
        usleep(10000);
    assert_int_equal(scratch_count(part, NULL), count);
}

/* 24 batches of 1 MiB and a bit: 3 to a segment. */
static void
fill_segments(struct log *log, uint64_t *events)
{
    for (int i = 0; i < 24; i++)
        fill(log, 1000, 1000);
    *events = 24000;
    assert_int_equal(log_head(log), *events);
}

static void
what_was_written_reads_back(void **state)
{
    struct log *log = fill_open();
    struct frame f;

    (void)state;
    assert_int_equal(log_head(log), 0);
    assert_int_equal(log_tail(log), 1);
    fill(log, 1, 250);
    fill(log, 100, 250);
    fill(log, 3, EVENT_BYTES_MAX);
    assert_int_equal(log_head(log), 104);
    for (uint64_t n = 1; n <= 104; n++)
        assert_filled(log, n);
    assert_int_equal(log_read_header(log, 50, &f, why), 0);
    assert_int_equal(f.profile, 0);
    log_readahead(log, 1);
    log_readahead(log, 105);
    log_close(&log);
    assert_null(log);
}

static void
a_number_that_is_not_there_is_not_found(void **state)
{
    struct log *log = fill_open();
    struct frame f;

    (void)state;
    assert_int_equal(log_read(log, 1, &f, why), TL_NOT_FOUND);
    fill(log, 2, 10);
    assert_int_equal(log_read(log, 0, &f, why), TL_NOT_FOUND);
    assert_int_equal(log_read(log, 2, &f, why), 0);
    assert_int_equal(log_read(log, 3, &f, why), TL_NOT_FOUND);
    assert_int_equal(log_read_header(log, 3, &f, why), TL_NOT_FOUND);
    log_close(&log);
}

static void
a_batch_is_not_visible_before_it_is_committed(void **state)
{
    struct log *log = fill_open();
    struct buf batch = {0};
    struct frame f;

    (void)state;
    fill_batch(&batch, 1, 5, 100);
    assert_int_equal(log_write(log, &batch, 1, 5), 0);
    assert_int_equal(log_head(log), 0);
    assert_int_equal(log_read(log, 1, &f, why), TL_NOT_FOUND);
    log_commit(log, &batch, 1, 5);
    assert_int_equal(log_head(log), 5);
    assert_filled(log, 5);
    buf_free(&batch);
    log_close(&log);
}

static void
events_stay_across_segments_and_starts(void **state)
{
    struct log *log = fill_open();
    uint64_t id = log_id(log), events, bytes;
    struct frame kept;

    (void)state;
    fill(log, 1, 10);
    assert_int_equal(log_read(log, 1, &kept, why), 0);
    log_close(&log);

    log = fill_open();
    fill(log, 999, 1000);
    for (int i = 0; i < 23; i++)
        fill(log, 1000, 1000);
    events = log_head(log);
    assert_true(log_segment_first(log) > 20000);
    for (uint64_t n = 1; n <= events; n++)
        assert_filled(log, n);
    bytes = log_bytes(log);
    assert_true(bytes > 24 * MIB && bytes < 28 * MIB);
    log_close(&log);

    for (int i = 0; i < 2; i++) {
        log = fill_open();
        assert_string_equal(why, "");
        assert_int_equal(log_id(log), id);
        assert_int_equal(log_head(log), events);
        assert_int_equal(log_bytes(log), bytes);
        for (uint64_t n = 1; n <= events; n++)
            assert_filled(log, n);
        log_close(&log);
    }
}

static void
a_frame_lent_stays_where_it_is_while_its_segment_is_sealed(void **state)
{
    struct log *log = fill_open();
    struct frame f;
    uint64_t events;

    (void)state;
    fill(log, 1000, 1000);
    assert_int_equal(log_read(log, 1000, &f, why), 0);
    for (int i = 0; i < 23; i++)
        fill(log, 1000, 1000);
    events = log_head(log);
    wait_for(".off", scratch_count(".log", NULL) - 1);
    assert_true(frame_payload_ok(&f));
    for (uint64_t n = 1; n <= events; n++)
        assert_filled(log, n);
    log_close(&log);
}

struct writing {
    struct log *log;
    struct buf batch;
    uint64_t first;
    _Atomic bool done;
    int err;
};

static void *
write_batch(void *arg)
{
    struct writing *w = arg;

    w->err = log_write(w->log, &w->batch, w->first, 1000);
    w->done = true;
    return NULL;
}

static void
events_are_read_and_room_is_asked_for_during_a_write(void **state)
{
    struct log *log = fill_open();
    struct writing w = {.log = log};
    uint64_t number = 0;
    pthread_t thread;

    (void)state;
    for (int i = 0; i < 30; i++) {
        w.first = log_head(log) + 1;
        w.done = false;
        fill_batch(&w.batch, w.first, 1000, 1000);
        assert_int_equal(pthread_create(&thread, NULL, write_batch, &w), 0);
        do {
            assert_int_equal(log_reserve(log, 2 * w.batch.len), 0);
            if (log_head(log) > 0)
                assert_filled(log, number++ * 7919 % log_head(log) + 1);
        } while (!w.done);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(w.err, 0);
        log_commit(log, &w.batch, w.first, 1000);
    }
    for (uint64_t n = 1; n <= 30000; n++)
        assert_filled(log, n);
    buf_free(&w.batch);
    log_close(&log);
}

static void
a_sealed_segment_is_cut_behind_its_last_batch(void **state)
{
    struct log *log = fill_open();
    uint64_t events;

    (void)state;
    fill_segments(log, &events);
    log_close(&log);
    assert_int_equal(scratch_count(".tmp", NULL), 0);
    assert_int_equal(scratch_count(".log", NULL), 8);
    assert_int_equal(scratch_count(".off", NULL), 7);
    assert_true(scratch_size("0000000000000001.log") < 4 * MIB - MIB / 2);
    assert_int_equal(scratch_size("0000000000000001.off"), 3000 * 4 + 48);
}

static void
offsets_lost_or_damaged_are_made_again(void **state)
{
    static const char name[] = "0000000000000001.off";
    unsigned char before[3000 * 4 + 48], after[sizeof before];
    struct log *log = fill_open();
    uint64_t events;

    (void)state;
    fill_segments(log, &events);
    log_close(&log);
    scratch_read(name, before, sizeof before, 0);
    for (size_t at = 0; at <= sizeof before; at += 61) {
        if (at == 0)
            scratch_remove(name);
        else if (at < sizeof before)
            scratch_flip(name, at);
        log = fill_open();
        assert_filled(log, 1);
        assert_filled(log, 3000);
        assert_filled(log, 3001);
        log_close(&log);
        scratch_read(name, after, sizeof after, 0);
        assert_memory_equal(before, after, sizeof before);
    }
}

static void
events_are_found_by_the_time_they_were_received(void **state)
{
    struct log *log = fill_open();
    uint64_t events;

    (void)state;
    assert_int_equal(log_number_at(log, 0), 1);
    fill_segments(log, &events);
    assert_int_equal(log_number_at(log, 0), 1);
    assert_int_equal(log_number_at(log, FILL_RECEIVED(1)), 1);
    assert_int_equal(log_number_at(log, FILL_RECEIVED(1) + 1), 2);
    assert_int_equal(log_number_at(log, FILL_RECEIVED(3001)), 3001);
    assert_int_equal(log_number_at(log, FILL_RECEIVED(events)), events);
    assert_int_equal(log_number_at(log, FILL_RECEIVED(events) + 1), events + 1);
    log_close(&log);
}

static void
segment_sizes_have_limits(void **state)
{
    struct log *log;

    (void)state;
    assert_int_equal(log_open(&log, scratch, LOG_SEGMENT_BYTES_MIN - 1, why), TL_EARGUMENT);
    assert_null(log);
    assert_true(strstr(why, "4194303") != NULL);
    assert_int_equal(log_open(&log, scratch, (size_t)LOG_SEGMENT_BYTES_MAX + 1, why), TL_EARGUMENT);
    assert_int_equal(log_open(&log, scratch, LOG_SEGMENT_BYTES_MIN, why), 0);
    log_close(&log);
}

/* A batch of exactly as many bytes as one may have. */
static void
fill_largest(struct buf *batch, uint64_t first)
{
    static char payload[EVENT_BYTES_MAX];
    size_t left;
    uint64_t n = first;

    log_batch_begin(batch);
    while ((left = LOG_BATCH_BYTES_MAX - batch->len) > 0) {
        struct frame f = {.number = n++, .type = TL_STR("type.of16bytes__")};
        size_t bytes = left <= EVENT_BYTES_MAX ? left : 32768;

        f.payload = (struct tl_str){payload, bytes - FRAME_HEADER_BYTES - f.type.len};
        frame_append(batch, &f);
    }
    assert_int_equal(batch->len, LOG_BATCH_BYTES_MAX);
}

static void
two_of_the_largest_batches_fill_the_smallest_segment(void **state)
{
    struct log *log = fill_open();
    struct buf batch = {0};

    (void)state;
    for (int i = 0; i < 6; i++) {
        uint64_t first = log_head(log) + 1;
        uint32_t count;
        struct frame f;
        size_t at = LOG_BATCH_HEADER_BYTES;

        assert_int_equal(log_reserve(log, LOG_BATCH_BYTES_MAX), 0);
        fill_largest(&batch, first);
        for (count = 0; at < batch.len; count++, at += f.bytes)
            assert_int_equal(frame_parse(&f, batch.ptr + at, batch.len - at), 0);
        assert_int_equal(log_write(log, &batch, first, count), 0);
        log_commit(log, &batch, first, count);
    }
    assert_int_equal(scratch_count(".log", NULL), 3);
    buf_free(&batch);
    log_close(&log);
}

static void
the_next_segment_is_made_ahead(void **state)
{
    struct log *log = fill_open();

    (void)state;
    fill(log, 1000, 1000);
    assert_int_equal(scratch_count("next.tmp", NULL), 0);
    fill(log, 1000, 1000);
    wait_for("next.tmp", 1);
    for (int i = 0; i < 1000 && scratch_size("next.tmp") == 0; i++)
        usleep(10000);
    assert_int_equal(scratch_size("next.tmp"), LOG_SEGMENT_BYTES_MIN + 4096);
    log_close(&log);
    assert_int_equal(scratch_count("next.tmp", NULL), 0);
}

static void
a_full_disk_is_told_before_anything_is_taken_and_got_over(void **state)
{
    struct log *log = fill_open();
    int64_t until;
    size_t room;
    int err;

    (void)state;
    scratch_limit(4 * MIB);
    fill(log, 1000, 1000);
    fill(log, 1000, 1000);
    room = (size_t)(LOG_SEGMENT_BYTES_MIN + 4096 - log_bytes(log));
    assert_int_equal(log_reserve(log, room), 0);
    assert_int_equal(log_reserve(log, room + 1), TL_NO_SPACE);
    fill(log, 1000, 1000);
    assert_int_equal(log_reserve(log, MIB), TL_NO_SPACE);
    assert_int_equal(scratch_count("next.tmp", NULL), 0);
    assert_filled(log, 1);

    scratch_limit(0);
    until = clock_monotonic() + 2 * CLOCK_SECOND;
    while ((err = log_reserve(log, MIB)) != 0 && clock_monotonic() < until)
        usleep(10000);
    assert_int_equal(err, 0);
    fill(log, 1000, 1000);
    fill(log, 1000, 1000);
    assert_int_equal(log_head(log), 5000);
    log_close(&log);
    log = fill_open();
    assert_int_equal(log_head(log), 5000);
    log_close(&log);
}

static void
a_segment_that_cannot_be_started_refuses_the_batch(void **state)
{
    struct log *log = fill_open();

    (void)state;
    for (int i = 0; i < 3; i++)
        fill(log, 1000, 1000);
    assert_int_equal(log_reserve(log, 2 * LOG_BATCH_BYTES_MAX), 0);
    scratch_limit(16);
    assert_int_equal(fill_try(log, 1000, 1000), TL_NO_SPACE);
    assert_int_equal(log_head(log), 3000);
    scratch_limit(0);
    fill(log, 1000, 1000);
    log_close(&log);
    log = fill_open();
    assert_string_equal(why, "");
    assert_int_equal(log_head(log), 4000);
    log_close(&log);
}

/* The limit cuts the batch in two. */
static void
fail_half_way(struct log *log)
{
    scratch_limit(4096 + 200000);
    assert_int_equal(fill_try(log, 500, 1000), TL_NO_SPACE);
    scratch_limit(0);
}

static void
a_batch_refused_half_written_is_gone_at_the_next_start(void **state)
{
    struct log *log = fill_open();

    (void)state;
    fill(log, 10, 100);
    fail_half_way(log);
    assert_int_equal(log_head(log), 10);
    log_close(&log);
    log = fill_open();
    assert_string_equal(why, "");
    assert_int_equal(scratch_count(".bad", NULL), 0);
    assert_int_equal(log_head(log), 10);
    log_close(&log);
}

static void
the_next_batch_takes_the_place_of_one_refused(void **state)
{
    struct log *log = fill_open();

    (void)state;
    fill(log, 10, 100);
    fail_half_way(log);
    fill(log, 1, 50);
    assert_filled(log, 11);
    log_close(&log);
    log = fill_open();
    assert_string_equal(why, "");
    assert_int_equal(scratch_count(".bad", NULL), 0);
    assert_int_equal(log_head(log), 11);
    assert_filled(log, 11);
    log_close(&log);
}

static void
a_device_without_space_is_no_fault_of_the_disk(void **state)
{
    struct log *log = fill_open();

    (void)state;
    fill(log, 10, 100);
    divert("/dev/full");
    assert_int_equal(fill_try(log, 1, 100), TL_NO_SPACE);
    assert_int_equal(fill_try(log, 1, 100), TL_NO_SPACE);
    assert_int_equal(log_head(log), 10);
    assert_filled(log, 10);
    log_close(&log);
}

static void
after_a_failed_sync_nothing_is_written_any_more(void **state)
{
    struct log *log = fill_open();

    (void)state;
    fill(log, 10, 100);
    divert("/dev/null");        /* takes every write, and has no fdatasync */
    assert_int_equal(fill_try(log, 1, 100), TL_EIO);
    assert_int_equal(fill_try(log, 1, 100), TL_EIO);
    assert_int_equal(log_reserve(log, 100), TL_EIO);
    assert_int_equal(log_head(log), 10);
    assert_filled(log, 10);
    log_close(&log);
    log = fill_open();
    assert_int_equal(log_head(log), 10);
    log_close(&log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_reads_back),
        TEST(a_number_that_is_not_there_is_not_found),
        TEST(a_batch_is_not_visible_before_it_is_committed),
        TEST(events_stay_across_segments_and_starts),
        TEST(a_frame_lent_stays_where_it_is_while_its_segment_is_sealed),
        TEST(events_are_read_and_room_is_asked_for_during_a_write),
        TEST(a_sealed_segment_is_cut_behind_its_last_batch),
        TEST(offsets_lost_or_damaged_are_made_again),
        TEST(events_are_found_by_the_time_they_were_received),
        TEST(segment_sizes_have_limits),
        TEST(two_of_the_largest_batches_fill_the_smallest_segment),
        TEST(the_next_segment_is_made_ahead),
        TEST(a_full_disk_is_told_before_anything_is_taken_and_got_over),
        TEST(a_segment_that_cannot_be_started_refuses_the_batch),
        TEST(a_batch_refused_half_written_is_gone_at_the_next_start),
        TEST(the_next_batch_takes_the_place_of_one_refused),
        TEST(a_device_without_space_is_no_fault_of_the_disk),
        TEST(after_a_failed_sync_nothing_is_written_any_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
