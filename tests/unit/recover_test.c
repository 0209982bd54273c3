#include "tests/unit/log_fill.h"

#include "proto/code.h"

#define FIRST "0000000000000001.log"
#define AFTER_HEADER 4096

/* In memory where there is some: these are thousands of starts. */
static int
make(void **state)
{
    (void)state;
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    scratch_make();
    return 0;
}

static void
assert_refused(int code, const char *with)
{
    struct log *log;

    assert_int_equal(log_open(&log, scratch, LOG_SEGMENT_BYTES_MIN, why), code);
    assert_null(log);
    if (strstr(why, with) == NULL || strstr(why, scratch) == NULL)
        print_error("%s\n", why);
    assert_non_null(strstr(why, with));
    assert_non_null(strstr(why, scratch));
}

/* Two batches; the second lies in [last_at, last_at + last_len). */
static unsigned char last[4096];
static size_t last_at, last_len;

static void
fill_two(void)
{
    struct log *log = fill_open();
    uint64_t before;

    fill(log, 5, 40);
    before = log_bytes(log);
    fill(log, 3, 70);
    last_at = before;
    last_len = log_bytes(log) - before;
    log_close(&log);
    assert_true(last_len <= sizeof last);
    scratch_read(FIRST, last, last_len, last_at);
}

/* Starts with `bytes` where the last batch was. */
static void
assert_dropped(const unsigned char *bytes)
{
    unsigned char aside[sizeof last] = {0};
    struct log *log;
    size_t len;

    scratch_write(FIRST, bytes, last_len, last_at);
    log = fill_open();
    if (memcmp(bytes, last, last_len) == 0) {
        assert_int_equal(log_head(log), 8);
        assert_string_equal(why, "");
        log_close(&log);
        return;
    }
    assert_int_equal(log_head(log), 5);
    assert_filled(log, 5);
    log_close(&log);

    for (len = last_len; len > 0 && bytes[len - 1] == 0; len--)
        ;
    if (len > 0) {
        assert_non_null(strstr(why, "torn-6-1.bad"));
        assert_int_equal(scratch_size("torn-6-1.bad"), len);
        scratch_read("torn-6-1.bad", aside, len, 0);
        assert_memory_equal(aside, bytes, len);
        scratch_remove(".bad");
    } else {
        assert_string_equal(why, "");
        assert_int_equal(scratch_count(".bad", NULL), 0);
    }
    scratch_read(FIRST, aside, last_len, last_at);
    for (size_t i = 0; i < last_len; i++)
        assert_int_equal(aside[i], 0);
}

static void
a_last_batch_cut_at_any_byte_is_dropped(void **state)
{
    unsigned char bytes[sizeof last];

    (void)state;
    fill_two();
    for (size_t cut = 0; cut < last_len; cut++) {
        memcpy(bytes, last, last_len);
        memset(bytes + cut, 0, last_len - cut);
        assert_dropped(bytes);
    }
}

static void
a_last_batch_whose_beginning_is_missing_is_dropped(void **state)
{
    unsigned char bytes[sizeof last];

    (void)state;
    fill_two();
    for (size_t cut = 1; cut <= last_len; cut++) {
        memcpy(bytes, last, last_len);
        memset(bytes, 0, cut);
        assert_dropped(bytes);
    }
}

static void
a_last_batch_with_any_byte_wrong_is_dropped(void **state)
{
    unsigned char bytes[sizeof last];

    (void)state;
    fill_two();
    for (size_t at = 0; at < last_len; at++) {
        memcpy(bytes, last, last_len);
        bytes[at] ^= 0x10;
        assert_dropped(bytes);
    }
}

static void
the_log_goes_on_after_a_batch_was_dropped(void **state)
{
    unsigned char bytes[sizeof last] = {0};
    struct log *log;

    (void)state;
    fill_two();
    memcpy(bytes, last, last_len - 20);
    for (int i = 1; i <= 3; i++) {
        scratch_write(FIRST, bytes, last_len, last_at);
        log = fill_open();
        assert_int_equal(log_head(log), 5);
        log_close(&log);
        assert_int_equal(scratch_count(".bad", NULL), i);
    }
    log = fill_open();
    assert_string_equal(why, "");
    fill(log, 1, 20);
    log_close(&log);
    log = fill_open();
    assert_string_equal(why, "");
    assert_int_equal(log_head(log), 6);
    assert_filled(log, 6);
    log_close(&log);
}

static void
damage_before_a_valid_batch_is_refused_wherever_it_is(void **state)
{
    (void)state;
    fill_two();
    for (size_t at = AFTER_HEADER; at < last_at; at++) {
        scratch_flip(FIRST, at);
        assert_refused(TL_EDAMAGED, FIRST);
        assert_non_null(strstr(why, "offset 4096"));
        scratch_flip(FIRST, at);
    }
    assert_int_equal(scratch_count(".bad", NULL), 0);
    fill_two();
}

static void
a_batch_lost_before_a_valid_one_is_refused(void **state)
{
    static const unsigned char zeros[4096];

    (void)state;
    fill_two();
    scratch_write(FIRST, zeros, last_at - AFTER_HEADER, AFTER_HEADER);
    assert_refused(TL_EDAMAGED, "a valid one follows");
}

static void
more_behind_the_end_than_one_batch_is_refused(void **state)
{
    unsigned char bytes[sizeof last];

    (void)state;
    fill_two();
    memcpy(bytes, last, last_len);
    bytes[LOG_BATCH_HEADER_BYTES] ^= 1;
    scratch_write(FIRST, bytes, last_len, last_at);
    scratch_write(FIRST, "x", 1, last_at + last_len);
    assert_refused(TL_EDAMAGED, "more behind it than one batch");
}

static void
a_stray_byte_far_behind_the_end_is_refused(void **state)
{
    struct log *log;

    (void)state;
    fill_two();
    scratch_write(FIRST, "x", 1, last_at + last_len + LOG_BATCH_BYTES_MAX - 1);
    log = fill_open();
    assert_int_equal(log_head(log), 8);
    log_close(&log);
    assert_int_equal(scratch_size("torn-9-1.bad"), LOG_BATCH_BYTES_MAX);
    scratch_write(FIRST, "x", 1, last_at + last_len + LOG_BATCH_BYTES_MAX);
    assert_refused(TL_EDAMAGED, "more behind it than one batch");
}

/* Whoever sends events can copy a batch of his own log into a payload. */
static void
a_payload_that_looks_like_a_batch_is_none(void **state)
{
    struct log *log;
    struct buf inner = {0}, batch = {0};
    struct frame f = {.number = 1, .type = TL_STR("page.viewed")};

    (void)state;
    log = fill_open();
    fill_batch(&inner, 1, 1, 33);
    assert_int_equal(log_write(log, &inner, 1, 1), 0);
    log_close(&log);
    scratch_remove("");

    log = fill_open();
    log_batch_begin(&batch);
    f.payload = (struct tl_str){(const char *)inner.ptr, inner.len};
    frame_append(&batch, &f);
    assert_int_equal(log_write(log, &batch, 1, 1), 0);
    log_commit(log, &batch, 1, 1);
    log_close(&log);
    scratch_flip(FIRST, AFTER_HEADER);
    log = fill_open();
    assert_int_equal(log_head(log), 0);
    assert_int_equal(scratch_count(".bad", NULL), 1);
    log_close(&log);
    buf_free(&inner);
    buf_free(&batch);
}

/* ----------------------------------------------------------------- sealed */

/* Three segments and a bit: 3000 events in each. */
static void
fill_sealed(void)
{
    struct log *log = fill_open();

    for (int i = 0; i < 10; i++)
        fill(log, 1000, 1000);
    log_close(&log);
    assert_int_equal(scratch_count(".off", NULL), 3);
}

static size_t
offset_of(uint64_t number)
{
    uint32_t offset;

    scratch_read("0000000000000001.off", &offset, sizeof offset, (size_t)(number - 1) * 4);
    return offset;
}

static void
damage_far_back_is_found_when_it_is_read(void **state)
{
    struct frame f;
    struct log *log;
    char place[64];

    (void)state;
    fill_sealed();
    scratch_flip(FIRST, offset_of(1500) + 300);
    scratch_flip(FIRST, offset_of(1600) + 20);
    log = fill_open();
    assert_string_equal(why, "");
    assert_filled(log, 1499);
    assert_filled(log, 1501);
    assert_int_equal(log_read_header(log, 1500, &f, why), 0);
    assert_int_equal(log_read(log, 1500, &f, why), TL_EDAMAGED);
    snprintf(place, sizeof place, FIRST ": event 1500 at offset %zu", offset_of(1500));
    assert_non_null(strstr(why, place));
    assert_int_equal(log_read(log, 1600, &f, why), TL_EDAMAGED);
    assert_int_equal(log_read_header(log, 1600, &f, why), TL_EDAMAGED);
    log_close(&log);
}

static void
an_erased_payload_is_no_damage(void **state)
{
    struct buf batch = {0};
    struct frame f = {.number = 1, .type = TL_STR("page.viewed"), .flags = FRAME_ERASED};
    struct log *log = fill_open();

    (void)state;
    log_batch_begin(&batch);
    f.payload = TL_STR("what he said");
    frame_append(&batch, &f);
    memset(batch.ptr + LOG_BATCH_HEADER_BYTES + FRAME_HEADER_BYTES + f.type.len, 0, f.payload.len);
    assert_int_equal(log_write(log, &batch, 1, 1), 0);
    log_commit(log, &batch, 1, 1);
    assert_int_equal(log_read(log, 1, &f, why), 0);
    assert_false(frame_payload_ok(&f));
    buf_free(&batch);
    log_close(&log);
}

static void
a_broken_chain_in_a_sealed_segment_is_refused(void **state)
{
    (void)state;
    fill_sealed();
    scratch_remove("0000000000000001.off");
    scratch_flip(FIRST, AFTER_HEADER);
    assert_refused(TL_EDAMAGED, FIRST);
    assert_non_null(strstr(why, "offset 4096"));
}

static void
a_sealed_segment_cut_short_is_refused(void **state)
{
    (void)state;
    fill_sealed();
    assert_int_equal(truncate(scratch_path(FIRST), (off_t)offset_of(3000) + 8), 0);
    assert_refused(TL_EDAMAGED, FIRST);
    assert_int_equal(truncate(scratch_path(FIRST), AFTER_HEADER - 1), 0);
    assert_refused(TL_EDAMAGED, "header");
}

static void
a_missing_segment_is_refused(void **state)
{
    (void)state;
    fill_sealed();
    scratch_remove("0000000000000bb9.log");
    assert_refused(TL_EDAMAGED, "the segment that is missing");
}

static void
a_damaged_header_is_refused_wherever_it_is(void **state)
{
    (void)state;
    fill_two();
    for (size_t at = 0; at < 40; at++) {
        scratch_flip(FIRST, at);
        assert_refused(at >= 8 && at < 12 ? TL_EFORMAT : TL_EDAMAGED, FIRST);
        scratch_flip(FIRST, at);
    }
}

static void
a_segment_of_another_log_is_refused(void **state)
{
    unsigned char foreign[AFTER_HEADER];

    (void)state;
    fill_two();
    scratch_read(FIRST, foreign, sizeof foreign, 0);
    scratch_remove("");
    fill_sealed();
    scratch_write(FIRST, foreign, sizeof foreign, 0);
    assert_refused(TL_EDAMAGED, "belongs to another log");
}

static void
what_a_crash_left_unfinished_is_removed(void **state)
{
    struct log *log;

    (void)state;
    fill_two();
    scratch_write("next.tmp", "x", 1, 4095);
    scratch_write("0000000000000001.off.tmp", "x", 1, 0);
    log = fill_open();
    assert_int_equal(log_head(log), 8);
    assert_int_equal(scratch_count(".tmp", NULL), 0);
    log_close(&log);
}

static void
a_start_before_the_first_batch_of_a_segment_is_fine(void **state)
{
    static const unsigned char zeros[4096];
    struct log *log;
    char name[256];
    size_t at;

    (void)state;
    fill_sealed();
    assert_int_equal(scratch_count("2329.log", name), 1);
    for (at = 4096; at < LOG_SEGMENT_BYTES_MIN; at += sizeof zeros)
        scratch_write(name, zeros, sizeof zeros, at);
    log = fill_open();
    assert_string_equal(why, "");
    assert_int_equal(log_head(log), 9000);
    assert_int_equal(log_segment_first(log), 9001);
    fill(log, 10, 10);
    log_close(&log);
    log = fill_open();
    assert_int_equal(log_head(log), 9010);
    log_close(&log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, scratch_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_last_batch_cut_at_any_byte_is_dropped),
        TEST(a_last_batch_whose_beginning_is_missing_is_dropped),
        TEST(a_last_batch_with_any_byte_wrong_is_dropped),
        TEST(the_log_goes_on_after_a_batch_was_dropped),
        TEST(damage_before_a_valid_batch_is_refused_wherever_it_is),
        TEST(a_batch_lost_before_a_valid_one_is_refused),
        TEST(more_behind_the_end_than_one_batch_is_refused),
        TEST(a_stray_byte_far_behind_the_end_is_refused),
        TEST(a_payload_that_looks_like_a_batch_is_none),
        TEST(damage_far_back_is_found_when_it_is_read),
        TEST(an_erased_payload_is_no_damage),
        TEST(a_broken_chain_in_a_sealed_segment_is_refused),
        TEST(a_sealed_segment_cut_short_is_refused),
        TEST(a_missing_segment_is_refused),
        TEST(a_damaged_header_is_refused_wherever_it_is),
        TEST(a_segment_of_another_log_is_refused),
        TEST(what_a_crash_left_unfinished_is_removed),
        TEST(a_start_before_the_first_batch_of_a_segment_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
