#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/code.h"
#include "store/txn.h"
#include "tests/unit/scratch.h"

static struct txn_env *
open_env(size_t map_bytes)
{
    struct txn_env *env;
    char why[TXN_WHY_BYTES] = "";

    assert_int_equal(txn_env_open(&env, scratch, map_bytes, why), 0);
    assert_string_equal(why, "");
    return env;
}

static void
assert_value(struct txn *reader, const char *key, const char *wanted)
{
    struct tl_str value;

    assert_true(txn_get(reader, key, strlen(key), &value));
    assert_int_equal(value.len, strlen(wanted));
    assert_memory_equal(value.ptr, wanted, value.len);
}

static void
a_reader_sees_one_moment_until_it_ends(void **state)
{
    struct txn_env *env = open_env(1 << 20);
    struct txn reader, t;
    struct tl_str value;

    (void)state;
    txn_reader_init(&reader, env);
    assert_false(txn_get(&reader, "joe", 3, &value));
    txn_begin(&t, env);
    txn_put(&t, "joe", 3, "smith", 5);
    assert_int_equal(txn_commit(&t), 0);
    assert_false(txn_get(&reader, "joe", 3, &value));
    txn_reader_end(&reader);
    assert_value(&reader, "joe", "smith");

    txn_begin(&t, env);
    txn_delete(&t, "joe", 3);
    txn_delete(&t, "nobody", 6);
    assert_int_equal(txn_commit(&t), 0);
    assert_value(&reader, "joe", "smith");
    txn_reader_end(&reader);
    assert_false(txn_get(&reader, "joe", 3, &value));
    assert_int_equal(reader.error, 0);
    txn_reader_fini(&reader);
    txn_env_close(&env);
}

static size_t
fill(struct txn *t, unsigned from, unsigned count, size_t bytes)
{
    static char value[65536];
    char key[16];

    for (unsigned i = from; i < from + count; i++) {
        snprintf(key, sizeof key, "%08u", i);
        memset(value, 'a' + (int)(i % 26), bytes);
        txn_put(t, key, strlen(key), value, bytes);
    }
    return count;
}

static void
a_full_map_undoes_the_transaction_and_the_next_fit_doubles(void **state)
{
    struct txn_env *env = open_env(128 << 10);
    struct txn reader, t;
    struct tl_str value;
    int err, tries = 0;

    (void)state;
    txn_begin(&t, env);
    txn_put(&t, "joe", 3, "smith", 5);
    assert_int_equal(txn_commit(&t), 0);
    txn_reader_init(&reader, env);
    do {
        assert_value(&reader, "joe", "smith");
        txn_reader_end(&reader);
        assert_int_equal(txn_env_fit(env, 0), 0);
        txn_begin(&t, env);
        txn_delete(&t, "joe", 3);
        fill(&t, 0, 1000, 3000);
        err = txn_commit(&t);
        assert_true(err == 0 || err == TL_NO_SPACE);
        tries++;
    } while (err != 0);
    assert_in_range(tries, 5, 8);       /* 128 KiB, and 4 to 5 MB needed */
    assert_false(txn_get(&reader, "joe", 3, &value));
    assert_true(txn_get(&reader, "00000999", 8, &value));
    assert_int_equal(value.len, 3000);
    txn_reader_fini(&reader);
    txn_env_close(&env);
}

static void
a_map_fitted_ahead_is_never_full(void **state)
{
    struct txn_env *env = open_env(128 << 10);
    struct txn reader, t;
    struct tl_str value;

    (void)state;
    txn_reader_init(&reader, env);
    assert_false(txn_get(&reader, "joe", 3, &value));
    txn_reader_end(&reader);
    assert_int_equal(txn_env_fit(env, 8 << 20), 0);
    txn_begin(&t, env);
    fill(&t, 0, 1000, 3000);
    assert_int_equal(txn_commit(&t), 0);
    assert_true(txn_get(&reader, "00000999", 8, &value));
    assert_true(txn_env_bytes(env) > 3000000 && txn_env_bytes(env) < 8 << 20);
    txn_reader_fini(&reader);
    txn_env_close(&env);
}

static void
a_cursor_goes_both_ways(void **state)
{
    struct txn_env *env = open_env(1 << 20);
    struct txn_cursor c;
    struct txn reader, t;

    (void)state;
    txn_reader_init(&reader, env);
    txn_cursor_open(&c, &reader);
    assert_false(txn_cursor_last(&c));
    assert_false(txn_cursor_seek(&c, "b", 1));
    txn_cursor_close(&c);
    txn_reader_end(&reader);
    txn_begin(&t, env);
    txn_put(&t, "a", 1, "1", 1);
    txn_put(&t, "c", 1, "3", 1);
    assert_int_equal(txn_commit(&t), 0);

    txn_cursor_open(&c, &reader);
    assert_true(txn_cursor_seek(&c, "b", 1));
    assert_memory_equal(c.key.ptr, "c", 1);
    assert_memory_equal(c.value.ptr, "3", 1);
    assert_false(txn_cursor_next(&c) || c.at);
    assert_true(txn_cursor_last(&c));
    assert_true(txn_cursor_prev(&c));
    assert_memory_equal(c.key.ptr, "a", 1);
    assert_false(txn_cursor_prev(&c) || c.at);
    txn_cursor_close(&c);
    assert_int_equal(reader.error, 0);
    txn_reader_fini(&reader);
    txn_env_close(&env);
}

static void
what_is_no_database_is_refused_with_a_sentence(void **state)
{
    struct txn_env *env;
    char why[TXN_WHY_BYTES] = "";
    FILE *f;

    (void)state;
    f = fopen(scratch_path("data.mdb"), "w");
    assert_non_null(f);
    for (int i = 0; i < 4096; i++)
        fputs("not a database\n", f);
    fclose(f);
    assert_int_equal(txn_env_open(&env, scratch, 1 << 20, why), TL_EDAMAGED);
    assert_null(env);
    assert_non_null(strstr(why, scratch));
}

static void
a_directory_that_cannot_be_made_is_refused_with_a_sentence(void **state)
{
    struct txn_env *env;
    char why[TXN_WHY_BYTES] = "";

    (void)state;
    assert_int_equal(txn_env_open(&env, "/nowhere/at/all", 1 << 20, why), TL_EIO);
    assert_string_equal(why, "/nowhere/at/all: No such file or directory");
}

static void
flip_in_file(const char *what)
{
    char bytes[65536];
    size_t len, found = 0;
    FILE *f;

    assert_non_null(f = fopen(scratch_path("data.mdb"), "r+"));
    len = fread(bytes, 1, sizeof bytes, f);
    for (size_t i = 0; i + strlen(what) <= len; i++)
        if (memcmp(bytes + i, what, strlen(what)) == 0) {
            bytes[i] ^= 1;
            found++;
        }
    assert_true(found > 0);
    rewind(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void
a_value_that_is_not_what_was_written_is_empty_and_told(void **state)
{
    struct txn_env *env = open_env(1 << 20);
    struct txn t, reader;

    (void)state;
    txn_begin(&t, env);
    txn_put(&t, "sound", 5, "as it was", 9);
    txn_put(&t, "harmed", 6, "to be flipped", 13);
    assert_int_equal(txn_commit(&t), 0);
    txn_env_close(&env);
    flip_in_file("to be flipped");

    env = open_env(1 << 20);
    txn_reader_init(&reader, env);
    assert_value(&reader, "sound", "as it was");
    assert_false(reader.damaged);
    assert_value(&reader, "harmed", "");
    assert_true(reader.damaged);
    assert_int_equal(reader.error, 0);
    txn_reader_fini(&reader);
    txn_env_close(&env);
}

static void
a_file_cut_short_is_an_error_and_kills_nobody(void **state)
{
    struct txn_env *env = open_env(1 << 20);
    struct tl_str value;
    struct txn t, reader;

    (void)state;
    txn_begin(&t, env);
    txn_put(&t, "key", 3, "value", 5);
    assert_int_equal(txn_commit(&t), 0);
    txn_env_close(&env);
    assert_int_equal(truncate(scratch_path("data.mdb"), 2 * 4096), 0);

    env = open_env(1 << 20);
    txn_reader_init(&reader, env);
    assert_false(txn_get(&reader, "key", 3, &value));
    assert_int_equal(reader.error, TL_EDAMAGED);
    txn_reader_fini(&reader);
    txn_env_close(&env);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_reader_sees_one_moment_until_it_ends),
        TEST(a_full_map_undoes_the_transaction_and_the_next_fit_doubles),
        TEST(a_map_fitted_ahead_is_never_full),
        TEST(a_cursor_goes_both_ways),
        TEST(what_is_no_database_is_refused_with_a_sentence),
        TEST(a_directory_that_cannot_be_made_is_refused_with_a_sentence),
        TEST(a_value_that_is_not_what_was_written_is_empty_and_told),
        TEST(a_file_cut_short_is_an_error_and_kills_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
