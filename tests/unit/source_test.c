#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "adapters/source.h"
#include "base/buf.h"
#include "client/touchline.h"
#include "scratch.h"

/* -------------------------------------- a format: a line is an event's id */

struct decoder {
    struct format_sink sink;
    struct buf line;
};

static struct buf seen;         /* by the decoder, also what is forgotten */

static int
lines_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
           char *why)
{
    (void)o;
    (void)why;
    must((*out = calloc(1, sizeof **out)) != NULL);
    (*out)->sink = *sink;
    return 0;
}

static void
lines_line(struct decoder *d)
{
    struct tl_str text = {(const char *)d->line.ptr, d->line.len};
    struct tl_event ev = {.id = text, .source = TL_STR("test"), .type = TL_STR("page.viewed")};

    if (text.len > 0 && text.ptr[0] == '?')
        d->sink.reject(d->sink.arg, text, 0, "a question");
    else if (text.len > 0)
        d->sink.event(d->sink.arg, &ev);
    buf_clear(&d->line);
}

static void
lines_feed(struct decoder *d, const void *bytes, size_t len)
{
    const char *p = bytes;

    buf_append(&seen, bytes, len);
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\n')
            lines_line(d);
        else
            buf_byte(&d->line, (unsigned char)p[i]);
    }
}

static void
lines_close(struct decoder **d)
{
    buf_free(&(*d)->line);
    free(*d);
    *d = NULL;
}

static const struct format lines = {
    "lines", "a line is an event", "web", false, lines_open, lines_feed, lines_line, lines_close,
};

/* ------------------------------------------------------------------ fixture */

struct fixture {
    char dir[300], log[300], drop[300];
    struct setup_input input;
    struct spool *spool;
    struct letters letters;
    struct counts counts;
    struct source *source;
    int linger_ms;
    char ids[4096];             /* what reached the spool, one blank between */
};

static struct fixture f;

static int
start(void **state)
{
    struct spool_limits limits = {0};
    char why[SPOOL_WHY_BYTES], path[320];

    (void)state;
    scratch_make();
    f = (struct fixture){.input = {.format = &lines}};
    snprintf(f.dir, sizeof f.dir, "%s/data", scratch);
    snprintf(f.log, sizeof f.log, "%s/shop.log", scratch);
    snprintf(f.drop, sizeof f.drop, "%s/drop", scratch);
    must(mkdir(f.dir, 0700) == 0 && mkdir(f.drop, 0700) == 0);
    snprintf(path, sizeof path, "%s/spool", f.dir);
    must(spool_open(&f.spool, path, &limits, why) == 0);
    snprintf(path, sizeof path, "%s/deadletters", f.dir);
    must(letters_open(&f.letters, path) == 0);
    f.input.follow = f.log;
    f.input.directory = f.drop;
    return 0;
}

static int
end(void **state)
{
    char command[400];

    (void)state;
    source_close(&f.source);
    spool_close(&f.spool);
    letters_close(&f.letters);
    counts_fini(&f.counts);
    buf_free(&seen);
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    must(system(command) == 0);
    return 0;
}

static void
open_way(enum adapter_way way)
{
    const struct source_place place = {"test", f.dir, f.spool, &f.letters, &f.counts,
                                       f.linger_ms};

    f.source = source_open(&f.input, way, &place);
    buf_clear(&seen);
}

static void
append(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");

    must(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void
drop(const char *name, const char *text, bool settled)
{
    struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    char path[600];

    snprintf(path, sizeof path, "%s/%s", f.drop, name);
    append(path, text);
    must(!settled || utimensat(AT_FDCWD, path, long_ago, 0) == 0);
}

static bool
is_there(const char *name)
{
    char path[600];

    snprintf(path, sizeof path, "%s/%s", f.drop, name);
    return access(path, F_OK) == 0;
}

/* As the adapter does, until nothing is left to read. */
static void
turn_until_done(void)
{
    bool more;

    do {
        more = source_turn(f.source);
        source_committed(f.source, spool_commit(f.spool));
    } while (more);
}

static void
read_ids(void)
{
    struct buf record = {0};
    uint64_t segment;

    f.ids[0] = '\0';
    while (spool_next(f.spool, &record, &segment) == 0) {
        struct tl_event *ev;
        size_t len = strlen(f.ids);

        must(tl_event_decode((struct tl_str){(char *)record.ptr, record.len}, &ev) == 0);
        snprintf(f.ids + len, sizeof f.ids - len, "%s%.*s", len > 0 ? " " : "", (int)ev->id.len,
                 ev->id.ptr);
        tl_event_free(&ev);
        buf_clear(&record);
    }
    buf_free(&record);
}

/* These are new in the spool since the last time. */
static void
spooled(const char *ids)
{
    turn_until_done();
    read_ids();
    assert_string_equal(f.ids, ids);
}

/* -------------------------------------------------------------------- tests */

static void
lines_added_are_read_once_and_unfinished_ones_wait(void **state)
{
    (void)state;
    open_way(ADAPTER_FOLLOW);
    spooled("");
    append(f.log, "a\nb\nc");
    spooled("a b");
    spooled("");
    append(f.log, "d\n");
    spooled("cd");
}

static void
after_a_start_reading_goes_on_and_the_decoder_has_seen_the_rest(void **state)
{
    (void)state;
    append(f.log, "a\nb\n");
    open_way(ADAPTER_FOLLOW);
    spooled("a b");
    source_close(&f.source);
    append(f.log, "c\n");
    open_way(ADAPTER_FOLLOW);
    spooled("c");
    assert_memory_equal(seen.ptr, "a\nb\nc\n", 6);
}

static void
what_was_not_durable_is_read_again(void **state)
{
    (void)state;
    append(f.log, "a\n");
    open_way(ADAPTER_FOLLOW);
    spooled("a");
    append(f.log, "b\n");
    assert_true(source_turn(f.source));
    assert_int_equal(spool_commit(f.spool), 0);
    source_committed(f.source, TL_NO_SPACE);
    read_ids();
    spooled("b");
}

static void
a_rotated_file_is_read_to_its_end_before_the_new_one(void **state)
{
    (void)state;
    open_way(ADAPTER_FOLLOW);
    append(f.log, "a\n");
    spooled("a");
    append(f.log, "b\nunfinished");
    must(rename(f.log, scratch_path("shop.log.1")) == 0);
    append(f.log, "c\n");
    spooled("b unfinished c");
    append(f.log, "d\n");
    spooled("d");
}

static void
what_the_writer_adds_to_a_rotated_file_is_read(void **state)
{
    (void)state;
    f.linger_ms = 200;
    open_way(ADAPTER_FOLLOW);
    append(f.log, "a\n");
    spooled("a");
    must(rename(f.log, scratch_path("shop.log.1")) == 0);
    append(f.log, "c\n");
    spooled("");
    append(scratch_path("shop.log.1"), "b\n");
    spooled("b");
    usleep(100 * 1000);
    spooled("");
    usleep(150 * 1000);
    spooled("c");
}

static void
a_file_rotated_while_we_were_away_is_found(void **state)
{
    (void)state;
    append(f.log, "a\n");
    open_way(ADAPTER_FOLLOW);
    spooled("a");
    source_close(&f.source);
    append(f.log, "b\n");
    must(rename(f.log, scratch_path("shop.log.1")) == 0);
    append(f.log, "c\n");
    append(scratch_path("shop.log.2"), "older\n");
    open_way(ADAPTER_FOLLOW);
    spooled("b c");
}

static void
a_file_rotated_twice_is_read_in_the_order_of_writing(void **state)
{
    (void)state;
    append(f.log, "a\n");
    open_way(ADAPTER_FOLLOW);
    spooled("a");
    must(rename(f.log, scratch_path("shop.log.9")) == 0);
    usleep(20 * 1000);
    append(f.log, "b\n");
    must(rename(f.log, scratch_path("shop.log.1")) == 0);
    append(scratch_path("shop.log.0.gz"), "packed\n");
    usleep(20 * 1000);
    append(f.log, "c\n");
    spooled("b c");
    append(f.log, "d\n");
    spooled("d");
}

static void
a_file_cut_short_is_begun_anew(void **state)
{
    (void)state;
    append(f.log, "a\nb\nc\n");
    open_way(ADAPTER_FOLLOW);
    spooled("a b c");
    must(truncate(f.log, 0) == 0);
    append(f.log, "d\n");
    spooled("d");
}

static void
another_file_under_the_same_name_is_not_taken_for_ours(void **state)
{
    (void)state;
    append(f.log, "a\nb\n");
    open_way(ADAPTER_FOLLOW);
    spooled("a b");
    source_close(&f.source);
    /* The same inode with other content, as file systems do after a removal. */
    must(truncate(f.log, 0) == 0);
    append(f.log, "x\ny\nz\n");
    open_way(ADAPTER_FOLLOW);
    spooled("x y z");
}

static void
a_line_longer_than_a_piece_is_fed_whole(void **state)
{
    char *line = malloc(SOURCE_PIECE_BYTES + 3);

    (void)state;
    must(line != NULL);
    memset(line, 'x', SOURCE_PIECE_BYTES + 1);
    memcpy(line + SOURCE_PIECE_BYTES + 1, "\n", 2);
    line[0] = '?';
    append(f.log, line);
    append(f.log, "a\n");
    open_way(ADAPTER_FOLLOW);
    spooled("a");
    assert_int_equal(f.letters.count, 1);
    free(line);
}

static void
a_dropped_file_is_read_and_moved(void **state)
{
    (void)state;
    open_way(ADAPTER_DROP);
    drop("2.txt", "c\nd", true);
    drop("1.txt", "a\nb\n", true);
    spooled("a b c d");
    assert_false(is_there("1.txt"));
    assert_true(is_there("done/1.txt") && is_there("done/2.txt"));
    drop("1.txt", "e\n", true);
    spooled("e");
    assert_true(is_there("done/1.txt.1"));
}

static void
a_file_that_is_still_written_waits(void **state)
{
    (void)state;
    open_way(ADAPTER_DROP);
    drop("new.txt", "a\n", false);
    drop(".hidden", "b\n", true);
    drop("x.tmp", "c\n", true);
    drop("x.part", "d\n", true);
    spooled("");
}

static void
a_file_in_which_nothing_was_understood_is_put_aside(void **state)
{
    (void)state;
    open_way(ADAPTER_DROP);
    drop("bad.txt", "?a\n?b\n", true);
    drop("half.txt", "?c\nd\n", true);
    spooled("d");
    assert_true(is_there("failed/bad.txt") && is_there("done/half.txt"));
    assert_int_equal(f.letters.count, 3);
}

static void
a_dropped_file_that_did_not_fit_is_read_again_whole(void **state)
{
    (void)state;
    open_way(ADAPTER_DROP);
    drop("1.txt", "a\nb\n", true);
    assert_true(source_turn(f.source));
    assert_int_equal(spool_commit(f.spool), 0);
    source_committed(f.source, TL_NO_SPACE);
    read_ids();
    assert_true(is_there("1.txt"));
    spooled("a b");
    assert_true(is_there("done/1.txt"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(lines_added_are_read_once_and_unfinished_ones_wait),
        TEST(after_a_start_reading_goes_on_and_the_decoder_has_seen_the_rest),
        TEST(what_was_not_durable_is_read_again),
        TEST(a_rotated_file_is_read_to_its_end_before_the_new_one),
        TEST(what_the_writer_adds_to_a_rotated_file_is_read),
        TEST(a_file_rotated_while_we_were_away_is_found),
        TEST(a_file_rotated_twice_is_read_in_the_order_of_writing),
        TEST(a_file_cut_short_is_begun_anew),
        TEST(another_file_under_the_same_name_is_not_taken_for_ours),
        TEST(a_line_longer_than_a_piece_is_fed_whole),
        TEST(a_dropped_file_is_read_and_moved),
        TEST(a_file_that_is_still_written_waits),
        TEST(a_file_in_which_nothing_was_understood_is_put_aside),
        TEST(a_dropped_file_that_did_not_fit_is_read_again_whole),
    };

    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
