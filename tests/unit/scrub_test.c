#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/code.h"
#include "store/le.h"
#include "store/pages.h"
#include "store/scrub.h"
#include "tests/unit/scratch.h"

#define FILE_NAME "data.mdb"
#define SIZE 4096
#define MAP_BYTES (64 << 20)
#define KEYS 1200
#define VALUE_BYTES_MAX 30000

/* Beside the file, what should be in it: a value's length by key; -1: nothing. */
static int lens[KEYS];
static unsigned seeds[KEYS];
static struct txn_env *env;
static struct scrub *scrub;
static char why[TXN_WHY_BYTES];

static int
make(void **state)
{
    (void)state;
    scratch_make();
    for (int i = 0; i < KEYS; i++)
        lens[i] = -1;
    srand(7);
    return 0;
}

static void
open_file(void)
{
    assert_int_equal(txn_env_open(&env, scratch, MAP_BYTES, why), 0);
    scrub = scrub_new(env);
}

static void
close_file(void)
{
    scrub_free(&scrub);
    txn_env_close(&env);
}

static int
end(void **state)
{
    (void)state;
    close_file();
    scratch_end();
    return 0;
}

/* ---------------------------------------------------------------- contents */

static size_t
key_of(int i, char out[64])
{
    /* Some are long, so that branches have few children and there are levels. */
    return (size_t)snprintf(out, 64, "%c%07d%.*s", "GIP"[i * 3 / KEYS], i * 7,
                            i % 3 * 20, "........................................");
}

static const char *
value_of(int i)
{
    static char bytes[VALUE_BYTES_MAX];

    for (int at = 0; at < lens[i]; at++)
        bytes[at] = (char)(seeds[i] + (unsigned)at * 31);
    return bytes;
}

static void
change(struct txn *t, int i)
{
    char key[64];
    size_t len = key_of(i, key);

    lens[i] = rand() % 4 == 0   ? -1
              : rand() % 9 == 0 ? rand() % VALUE_BYTES_MAX
                                : rand() % 400;
    seeds[i] = (unsigned)rand();
    if (lens[i] < 0)
        txn_delete(t, key, len);
    else
        txn_put(t, key, len, value_of(i), (size_t)lens[i]);
}

static void
change_some(int count)
{
    struct txn t;

    txn_begin(&t, env);
    for (int n = 0; n < count; n++)
        change(&t, rand() % KEYS);
    assert_int_equal(txn_commit(&t), 0);
}

/* Keys of one length, values short: a leaf each 30. */
static void
fill_evenly(int from, int to)
{
    struct txn t;
    char key[64];

    txn_begin(&t, env);
    for (int i = from; i < to; i++) {
        lens[i] = 100;
        seeds[i] = (unsigned)rand();
        txn_put(&t, key, key_of(i, key), value_of(i), 100);
    }
    assert_int_equal(txn_commit(&t), 0);
}

/* All that LMDB says is what was put, whether looked for or walked. */
static bool
reads_right(void)
{
    struct txn reader;
    struct txn_cursor c;
    struct tl_str value;
    char key[64];
    size_t len;
    bool right = true;

    txn_reader_init(&reader, env);
    txn_cursor_open(&c, &reader);
    txn_cursor_seek(&c, "G", 1);
    for (int i = 0; i < KEYS; i++) {
        len = key_of(i, key);
        if (lens[i] < 0) {
            right = right && !txn_get(&reader, key, len, &value);
            continue;
        }
        right = right && txn_get(&reader, key, len, &value) && value.len == (size_t)lens[i] &&
                memcmp(value.ptr, value_of(i), value.len) == 0 && c.at && c.key.len == len &&
                memcmp(c.key.ptr, key, len) == 0;
        if (!right)
            break;
        txn_cursor_next(&c);
    }
    right = right && !c.at && reader.error == 0 && !reader.damaged;
    txn_cursor_close(&c);
    txn_reader_fini(&reader);
    return right;
}

static int
look_at_all(void)
{
    bool whole = false;
    int err = 0;

    while (err == 0 && !whole)
        err = scrub_look(scrub, INT64_MAX / 2, &whole, why);
    return err;
}

static void
assert_sound(void)
{
    int err = look_at_all();

    if (err != 0)
        fail_msg("%s", why);
}

/* Opened anew, as after a start; and the file is named, and what to do. */
static void
assert_damaged(const char *how)
{
    int err;

    close_file();
    if ((err = txn_env_open(&env, scratch, MAP_BYTES, why)) == 0) {
        scrub = scrub_new(env);
        err = look_at_all();
    }
    if (err == 0 || strstr(why, how) == NULL)
        fail_msg("expected '%s', got '%s'", how, err == 0 ? "" : why);
    assert_int_equal(err, TL_EDAMAGED);
    assert_non_null(strstr(why, "/data.mdb is damaged (offset "));
    assert_non_null(strstr(why, "touchline rebuild"));
}

/* ------------------------------------------------------ the file, by itself */

static struct pages_meta
head(void)
{
    unsigned char bytes[2][SIZE];
    struct pages_meta first, second;
    size_t at;

    scratch_read(FILE_NAME, bytes, sizeof bytes, 0);
    assert_null(pages_meta(&first, bytes[0], 0, &at));
    assert_null(pages_meta(&second, bytes[1], 1, &at));
    return first.txn > second.txn ? first : second;
}

static struct page
read_page(uint64_t number, bool leaf)
{
    static unsigned char bytes[4][SIZE];
    static int turn;
    struct page p;
    size_t at;

    turn = (turn + 1) % 4;
    scratch_read(FILE_NAME, bytes[turn], SIZE, number * SIZE);
    assert_null(page_open(&p, bytes[turn], SIZE, number, leaf, &at));
    return p;
}

static struct page
root(enum pages_of tree)
{
    struct pages_meta meta = head();

    return read_page(meta.trees[tree].root, meta.trees[tree].depth == 1);
}

static size_t
node_in_file(const struct page *p, size_t i)
{
    return p->number * SIZE + page_at(p, i);
}

static void
swap(size_t a, size_t b, size_t len)
{
    unsigned char x[16], y[16];

    scratch_read(FILE_NAME, x, len, a);
    scratch_read(FILE_NAME, y, len, b);
    scratch_write(FILE_NAME, y, len, a);
    scratch_write(FILE_NAME, x, len, b);
}

static void
write_number(uint64_t v, size_t len, size_t at)
{
    unsigned char bytes[8];

    le_put64(bytes, v);
    scratch_write(FILE_NAME, bytes, len, at);
}

#define POINTER_BYTES 6     /* of a node in a branch */

/* ------------------------------------------------------------------- tests */

static void
whatever_was_put_and_deleted_is_sound(void **state)
{
    (void)state;
    open_file();
    assert_sound();
    for (int round = 0; round < 150; round++) {
        change_some(1 + rand() % 300);
        assert_sound();
    }
    for (int i = 0; i < KEYS; i++)
        lens[i] = -1;
    struct txn t;
    char key[64];

    txn_begin(&t, env);
    for (int i = 0; i < KEYS; i++)
        txn_delete(&t, key, key_of(i, key));
    assert_int_equal(txn_commit(&t), 0);
    assert_sound();
    assert_true(reads_right());
}

static void
a_walk_goes_on_where_it_was_whatever_is_written_meanwhile(void **state)
{
    int slices = 0;
    bool whole = false;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    while (!whole) {
        assert_int_equal(scrub_look(scrub, 0, &whole, why), 0);
        if (slices++ % 3 == 0)
            change_some(20);
    }
    assert_in_range(slices, 20, 400);
    assert_sound();
    assert_true(reads_right());
}

static void
a_pause_between_slices_holds_no_page(void **state)
{
    uint64_t bytes;
    bool whole;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    fill_evenly(0, KEYS);
    fill_evenly(0, KEYS);
    bytes = txn_env_bytes(env);
    assert_int_equal(scrub_look(scrub, 0, &whole, why), 0);
    assert_false(whole);
    for (int i = 0; i < 20; i++)
        fill_evenly(0, KEYS);
    assert_in_range(txn_env_bytes(env), bytes, bytes + bytes / 10);
}

static void
damage_in_what_is_left_is_found_by_the_slice_that_comes_to_it(void **state)
{
    struct page top;
    bool whole = false;
    int err = 0;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    assert_int_equal(scrub_look(scrub, 0, &whole, why), 0);
    top = root(PAGES_RECORDS);
    scratch_flip(FILE_NAME, page_child(&top, top.count - 1) * SIZE + SIZE - 20);
    while (err == 0 && !whole)
        err = scrub_look(scrub, 0, &whole, why);
    assert_int_equal(err, TL_EDAMAGED);
    assert_false(whole);
    assert_int_equal(scrub_look(scrub, 0, &whole, why), TL_EDAMAGED);
}

/* The program of a child that looks on in the background, and what it said last. */
static int
run_in_the_background(char *said, size_t bytes)
{
    int status, ends[2];
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    if ((child = fork()) == 0) {
        bool whole;

        dup2(ends[1], STDERR_FILENO);
        open_file();
        scrub_look(scrub, 0, &whole, why);
        scrub_start(scrub);
        sleep(60);
        _exit(0);
    }
    close(ends[1]);
    n = read(ends[0], said, bytes - 1);
    said[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
damage_found_in_the_background_ends_the_program_with_a_sentence(void **state)
{
    struct page top;
    char said[1024];

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    scratch_flip(FILE_NAME, page_child(&top, top.count - 1) * SIZE + SIZE - 20);
    close_file();
    assert_int_equal(run_in_the_background(said, sizeof said), 1);
    assert_non_null(strstr(said, "/data.mdb is damaged (offset "));
    assert_non_null(strstr(said, "a record is not what was written); make the views anew with"));
    open_file();
}

/* The map moves under a reader that begins, and pages are used again. */
static void
a_walk_in_the_background_and_who_writes_leave_each_other_alone(void **state)
{
    int64_t until = clock_monotonic() + CLOCK_SECOND / 2;
    size_t map = MAP_BYTES;
    bool whole;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    while (clock_monotonic() < until && map < (size_t)4 << 30) {
        assert_int_equal(scrub_look(scrub, 0, &whole, why), 0);
        assert_false(whole);
        scrub_start(scrub);
        for (int i = 0; i < 5; i++)
            change_some(60);
        map += map / 2;
        assert_int_equal(txn_env_fit(env, map), 0);
        scrub_free(&scrub);
        scrub = scrub_new(env);
    }
    assert_sound();
    assert_true(reads_right());
}

static void
a_flipped_bit_of_a_separator_is_found(void **state)
{
    struct page top;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    assert_false(top.leaf);
    scratch_flip(FILE_NAME, node_in_file(&top, 3) + 8 + 5);
    assert_damaged("a key is");
}

static void
two_pointers_that_were_swapped_are_found(void **state)
{
    struct page top;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    swap(node_in_file(&top, 3), node_in_file(&top, 7), POINTER_BYTES);
    assert_damaged("a key is where nobody looks for it");
}

static void
a_page_two_pointers_lead_to_is_found(void **state)
{
    struct page top;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    write_number(page_child(&top, 3), POINTER_BYTES, node_in_file(&top, 4));
    assert_damaged("a key is out of order");
}

/* All is in order there, and sound: only it is not what was written last. */
static void
a_page_as_it_was_before_the_latest_change_is_found(void **state)
{
    struct page before, after;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    before = root(PAGES_RECORDS);
    fill_evenly(100, 101);
    after = root(PAGES_RECORDS);
    for (size_t i = 0; i < before.count; i++)
        if (page_child(&before, i) != page_child(&after, i))
            write_number(page_child(&before, i), POINTER_BYTES, node_in_file(&after, i));
    assert_damaged("a page in use is said to be free");
}

static void
the_tree_as_it_was_before_the_latest_change_is_found(void **state)
{
    struct page before;
    struct pages_meta meta;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    before = root(PAGES_RECORDS);
    fill_evenly(100, 101);
    meta = head();
    write_number(before.number, 8, (meta.txn & 1) * SIZE + 128);
    assert_damaged("a page in use is said to be free");
}

static void
keys_out_of_order_are_found(void **state)
{
    struct page top;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    swap(page_child(&top, 5) * SIZE + 16 + 2 * 4, page_child(&top, 5) * SIZE + 16 + 2 * 6, 2);
    assert_damaged("a key is out of order");
}

static void
a_flipped_bit_of_a_key_is_found(void **state)
{
    struct page top, leaf;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    leaf = read_page(page_child(&top, 5), true);
    /* The last digit: it stays in order. */
    scratch_write(FILE_NAME, "", 1, node_in_file(&leaf, 4) + 8 + page_key(&leaf, 4).len);
    assert_damaged("a record is not what was written");
}

static void
a_length_that_is_wrong_is_found_and_not_followed(void **state)
{
    struct page top;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    write_number(0x7fff, 2, page_child(&top, 5) * SIZE + SIZE - 130 + 2);
    assert_damaged("");
}

static void
a_list_of_nodes_that_lost_one_is_found(void **state)
{
    struct page top, leaf;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    top = root(PAGES_RECORDS);
    leaf = read_page(page_child(&top, 5), true);
    write_number(16 + 2 * (leaf.count - 1), 2, leaf.number * SIZE + 12);
    assert_damaged("nodes do not fill their page");
}

static void
a_value_in_pages_of_its_own_is_looked_at(void **state)
{
    static char large[VALUE_BYTES_MAX];
    struct txn t;
    struct page leaf;
    uint64_t pages;

    (void)state;
    open_file();
    txn_begin(&t, env);
    txn_put(&t, "large", 5, large, sizeof large);
    assert_int_equal(txn_commit(&t), 0);
    leaf = root(PAGES_RECORDS);
    assert_int_equal(page_value(&leaf, 0, &pages).len, sizeof large + 4);
    scratch_flip(FILE_NAME, pages * SIZE + 20000);
    assert_damaged("a record is not what was written");
    scratch_flip(FILE_NAME, pages * SIZE + 20000);
    write_number(3, 4, pages * SIZE + 12);
    assert_damaged("a value is longer than its pages");
    write_number(1 << 30, 4, pages * SIZE + 12);
    assert_damaged("a page is meant that does not exist");
}

/* Where the numbers begin of the pages the latest commit set free. */
static size_t
free_in_file(uint64_t *count)
{
    struct page list = root(PAGES_FREE);
    uint64_t pages;
    struct tl_str value = page_value(&list, list.count - 1, &pages);

    assert_int_equal(pages, 0);
    *count = le_get64((const unsigned char *)value.ptr);
    return list.number * SIZE + (size_t)(value.ptr - (const char *)list.bytes) + 8;
}

static void
a_page_in_use_that_is_said_to_be_free_is_found(void **state)
{
    struct page top;
    uint64_t count;
    size_t at;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    fill_evenly(100, 101);
    at = free_in_file(&count);
    assert_in_range(count, 2, 20);
    /* One larger than those behind it, as it has to be. */
    top = root(PAGES_RECORDS);
    write_number(top.number, 8, at);
    assert_damaged("a page in use is said to be free");
}

static void
a_list_of_free_pages_that_is_none_is_found(void **state)
{
    uint64_t count;
    size_t at;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    fill_evenly(0, 100);
    at = free_in_file(&count);
    assert_in_range(count, 2, 20);
    swap(at, at + 8, 8);
    assert_damaged("a list of free pages names one that is none");
    swap(at, at + 8, 8);
    scratch_write(FILE_NAME, "\xff", 1, at - 8);
    assert_damaged("a list of free pages is longer than its record");
}

static void
fewer_records_than_there_should_be_are_found(void **state)
{
    struct pages_meta meta;

    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    meta = head();
    write_number(KEYS + 1, 8, (meta.txn & 1) * SIZE + 120);
    assert_damaged("there are not as many records as it says");
}

static void
a_file_that_was_cut_is_found(void **state)
{
    (void)state;
    open_file();
    fill_evenly(0, KEYS);
    for (size_t pages = scratch_size(FILE_NAME) / SIZE - 1; pages > 2; pages /= 2) {
        close_file();
        assert_int_equal(truncate(scratch_path(FILE_NAME), (off_t)pages * SIZE - 100), 0);
        assert_damaged("");
    }
}

/* Each byte of every page but the first two, one bit after the other in turn. */
static void
each_flipped_bit_is_found_or_changes_nothing(void **state)
{
    size_t bytes, found = 0, harmless = 0;
    unsigned char byte, flipped;

    (void)state;
    open_file();
    fill_evenly(0, 200);
    change_some(120);
    change_some(60);
    assert_true(reads_right());
    bytes = scratch_size(FILE_NAME);
    for (size_t at = 2 * SIZE + (size_t)rand() % 8; at < bytes; at += 1 + (size_t)rand() % 60) {
        scratch_read(FILE_NAME, &byte, 1, at);
        flipped = byte ^ (unsigned char)(1 << rand() % 8);
        scratch_write(FILE_NAME, &flipped, 1, at);
        scrub_free(&scrub);
        scrub = scrub_new(env);
        if (look_at_all() != 0) {
            found++;
        } else {
            harmless++;
            if (!reads_right())
                fail_msg("the bit flipped at %zu was not found", at);
        }
        scratch_write(FILE_NAME, &byte, 1, at);
    }
    scrub_free(&scrub);
    scrub = scrub_new(env);
    assert_sound();
    print_message("             %zu flips found, %zu changed nothing\n", found, harmless);
    assert_true(found > 500 && harmless > 100);
}

/* Flipped before a start, and more is written after it.  What the head says decides
 * whether LMDB begins with the latest commit or the one before: each is exact. */
static void
flip_start_and_write_on(size_t at)
{
    static unsigned char file[4 << 20];
    size_t bytes = scratch_size(FILE_NAME);
    unsigned char byte;
    struct txn t;

    assert_true(bytes <= sizeof file);
    close_file();
    scratch_read(FILE_NAME, file, bytes, 0);
    byte = file[at] ^ (unsigned char)(1 << rand() % 8);
    scratch_write(FILE_NAME, &byte, 1, at);
    if (txn_env_open(&env, scratch, MAP_BYTES, why) == 0) {
        scrub = scrub_new(env);
        if (look_at_all() == 0) {
            for (int i = 0; i < 100; i++)
                lens[i] = -1;
            if (!reads_right()) {
                for (int i = 0; i < 100; i++)
                    lens[i] = 100;
                if (!reads_right())
                    fail_msg("the bit flipped at %zu was not found", at);
            }
            txn_begin(&t, env);
            for (int i = 0; i < 300; i += 3)
                change(&t, i);
            assert_int_equal(txn_commit(&t), 0);
            assert_sound();
            if (!reads_right())
                fail_msg("the bit flipped at %zu harmed what was written later", at);
        }
        close_file();
    }
    assert_int_equal(truncate(scratch_path(FILE_NAME), (off_t)bytes), 0);
    scratch_write(FILE_NAME, file, bytes, 0);
    open_file();
}

static void
each_flipped_bit_is_found_at_the_start_or_harms_nothing_later(void **state)
{
    int lens_before[KEYS];
    unsigned seeds_before[KEYS];
    struct txn t;
    char key[64];

    (void)state;
    open_file();
    fill_evenly(0, 400);
    fill_evenly(0, 300);
    txn_begin(&t, env);
    for (int i = 0; i < 100; i++)
        txn_delete(&t, key, key_of(i, key));
    assert_int_equal(txn_commit(&t), 0);
    memcpy(lens_before, lens, sizeof lens);
    memcpy(seeds_before, seeds, sizeof seeds);
    /* Most in the head, and at the top of either tree. */
    for (size_t n = 0; n < 300; n++) {
        flip_start_and_write_on(n < 160   ? n % 2 * SIZE + n
                                : n < 220 ? (size_t)rand() % scratch_size(FILE_NAME)
                                          : root(n % 2).number * SIZE + (size_t)rand() % SIZE);
        memcpy(lens, lens_before, sizeof lens);
        memcpy(seeds, seeds_before, sizeof seeds);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)
    const struct CMUnitTest tests[] = {
        TEST(whatever_was_put_and_deleted_is_sound),
        TEST(a_walk_goes_on_where_it_was_whatever_is_written_meanwhile),
        TEST(a_pause_between_slices_holds_no_page),
        TEST(damage_in_what_is_left_is_found_by_the_slice_that_comes_to_it),
        TEST(damage_found_in_the_background_ends_the_program_with_a_sentence),
        TEST(a_walk_in_the_background_and_who_writes_leave_each_other_alone),
        TEST(a_flipped_bit_of_a_separator_is_found),
        TEST(two_pointers_that_were_swapped_are_found),
        TEST(a_page_two_pointers_lead_to_is_found),
        TEST(a_page_as_it_was_before_the_latest_change_is_found),
        TEST(the_tree_as_it_was_before_the_latest_change_is_found),
        TEST(keys_out_of_order_are_found),
        TEST(a_flipped_bit_of_a_key_is_found),
        TEST(a_length_that_is_wrong_is_found_and_not_followed),
        TEST(a_list_of_nodes_that_lost_one_is_found),
        TEST(a_value_in_pages_of_its_own_is_looked_at),
        TEST(a_page_in_use_that_is_said_to_be_free_is_found),
        TEST(a_list_of_free_pages_that_is_none_is_found),
        TEST(fewer_records_than_there_should_be_are_found),
        TEST(a_file_that_was_cut_is_found),
        TEST(each_flipped_bit_is_found_or_changes_nothing),
        TEST(each_flipped_bit_is_found_at_the_start_or_harms_nothing_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
