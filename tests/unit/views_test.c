#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/code.h"
#include "store/txn.h"
#include "store/views.h"
#include "tests/unit/scratch.h"

static atomic_int flushes_done;

static struct views *
open_views(void)
{
    struct views *v;
    char why[VIEWS_WHY_BYTES] = "";

    assert_int_equal(views_open(&v, scratch, 1 << 30, why), 0);
    assert_string_equal(why, "");
    return v;
}

static void
done(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void
freeze(struct views *v, uint64_t number)
{
    views_freeze(v, number, done, &flushes_done);
}

static void
flush(struct views *v, uint64_t number)
{
    freeze(v, number);
    assert_int_equal(views_settle(v), 0);
    assert_int_equal(views_checkpoint(v), number);
}

/* ------------------------------------------------------------------- keys */

struct key {
    size_t len;
    char bytes[512];
};

static struct key
profile_key(uint64_t profile, char section, const char *rest)
{
    struct key k = {10, "P"};

    for (int i = 0; i < 8; i++)
        k.bytes[1 + i] = (char)(profile >> (56 - 8 * i));
    k.bytes[9] = section;
    memcpy(k.bytes + 10, rest, strlen(rest));
    k.len += strlen(rest);
    return k;
}

static struct key
text_key(const char *text)
{
    struct key k = {strlen(text), ""};

    memcpy(k.bytes, text, k.len);
    return k;
}

static void
put(struct views *v, struct key k, const char *value)
{
    views_put(v, k.bytes, k.len, value, strlen(value));
}

static void
assert_value(struct views *v, struct key k, const char *wanted)
{
    struct tl_str value;

    assert_true(views_get(v, k.bytes, k.len, &value));
    assert_int_equal(value.len, strlen(wanted));
    assert_memory_equal(value.ptr, wanted, value.len);
}

static void
assert_absent(struct views *v, struct key k)
{
    struct tl_str value;

    assert_false(views_get(v, k.bytes, k.len, &value));
    assert_int_equal(views_error(v), 0);
}

/* The values of a walk, one after the other. */
static void
assert_walk(struct views *v, struct key prefix, struct key from, bool backward, const char *wanted)
{
    struct views_walk w;
    char seen[256] = "";
    bool more = views_first(&w, v, prefix.bytes, prefix.len, from.bytes, from.len, backward);

    for (; more; more = views_next(&w))
        strncat(seen, w.value.ptr, w.value.len);
    assert_false(views_next(&w));
    views_end(&w);
    views_end(&w);
    assert_string_equal(seen, wanted);
}

/* ----------------------------------------------------------------- records */

static void
new_views_hold_nothing_and_say_so_again(void **state)
{
    struct views *v = open_views();

    (void)state;
    assert_int_equal(views_checkpoint(v), 0);
    assert_absent(v, text_key("I"));
    assert_int_equal(views_dirty_records(v), 0);
    assert_true(views_idle(v));
    assert_int_equal(views_release(v), 0);
    views_close(&v);
    assert_null(v);
    views_close(&v);
    v = open_views();
    assert_int_equal(views_checkpoint(v), 0);
    views_close(&v);
}

static void
a_record_is_what_was_put_last(void **state)
{
    struct views *v = open_views();
    struct key k = profile_key(7, 0, "");
    struct tl_str value;

    (void)state;
    put(v, k, "short");
    assert_value(v, k, "short");
    put(v, k, "a value that is quite a bit longer than the first one");
    assert_value(v, k, "a value that is quite a bit longer than the first one");
    put(v, k, "");
    assert_value(v, k, "");
    put(v, k, "again");
    assert_int_equal(views_dirty_records(v), 1);

    /* A value may be put from itself. */
    assert_true(views_get(v, k.bytes, k.len, &value));
    views_put(v, k.bytes, k.len, value.ptr + 2, value.len - 2);
    assert_value(v, k, "ain");
    views_delete(v, k.bytes, k.len);
    assert_absent(v, k);
    put(v, k, "back");
    assert_value(v, k, "back");
    views_close(&v);
}

static void
a_flushed_record_outlives_the_process_a_dirty_one_does_not(void **state)
{
    struct views *v = open_views();
    struct key a = profile_key(1, 'o', "a"), b = text_key("Iemail"), c = text_key("Gn");

    (void)state;
    put(v, a, "1");
    put(v, b, "2");
    put(v, c, "3");
    flush(v, 42);
    put(v, a, "lost");
    views_delete(v, b.bytes, b.len);
    views_close(&v);

    v = open_views();
    assert_int_equal(views_checkpoint(v), 42);
    assert_value(v, a, "1");
    assert_value(v, b, "2");
    assert_value(v, c, "3");
    views_delete(v, b.bytes, b.len);
    flush(v, 43);
    assert_absent(v, b);
    flush(v, 44);       /* nothing but the number */
    views_close(&v);
    v = open_views();
    assert_int_equal(views_checkpoint(v), 44);
    assert_absent(v, b);
    views_close(&v);
}

static void
the_newest_layer_decides(void **state)
{
    struct views *v = open_views();
    struct key a = profile_key(1, 'o', "a"), b = profile_key(1, 'o', "b"),
               c = profile_key(1, 'o', "c"), d = profile_key(1, 'o', "d"),
               all = profile_key(1, 'o', ""), none = text_key("");

    (void)state;
    put(v, a, "a1");
    put(v, b, "b1");
    put(v, c, "c1");
    flush(v, 1);
    put(v, b, "b2");
    views_delete(v, c.bytes, c.len);
    put(v, d, "d2");
    freeze(v, 2);
    assert_false(views_idle(v));
    put(v, c, "c3");
    views_delete(v, d.bytes, d.len);
    assert_value(v, a, "a1");
    assert_value(v, b, "b2");
    assert_value(v, c, "c3");
    assert_absent(v, d);
    assert_walk(v, all, none, false, "a1b2c3");
    assert_walk(v, all, none, true, "c3b2a1");
    assert_int_equal(views_settle(v), 0);
    assert_true(views_idle(v));
    assert_walk(v, all, none, true, "c3b2a1");
    views_end_read(v);
    assert_absent(v, d);
    flush(v, 3);
    assert_walk(v, all, none, false, "a1b2c3");
    views_close(&v);
}

static void
a_walk_keeps_to_its_prefix_and_begins_where_it_is_told(void **state)
{
    struct views *v = open_views();
    struct key all = profile_key(UINT64_MAX, (char)0xff, ""), none = text_key("");

    (void)state;
    put(v, profile_key(UINT64_MAX, 'z', "x"), "no");
    put(v, profile_key(UINT64_MAX, (char)0xff, ""), "0");
    put(v, profile_key(UINT64_MAX, (char)0xff, "b"), "1");
    put(v, profile_key(UINT64_MAX, (char)0xff, "bb"), "2");
    put(v, profile_key(UINT64_MAX, (char)0xff, "\xff\xff"), "3");
    put(v, profile_key(0, 'o', ""), "no");
    for (int flushed = 0; flushed < 2; flushed++) {
        assert_walk(v, all, none, false, "0123");
        assert_walk(v, all, none, true, "3210");
        assert_walk(v, all, profile_key(UINT64_MAX, (char)0xff, "b"), false, "123");
        assert_walk(v, all, profile_key(UINT64_MAX, (char)0xff, "b"), true, "10");
        assert_walk(v, all, profile_key(UINT64_MAX, (char)0xff, "ba"), false, "23");
        assert_walk(v, all, profile_key(UINT64_MAX, (char)0xff, "ba"), true, "10");
        assert_walk(v, all, profile_key(UINT64_MAX, 'a', ""), false, "0123");
        assert_walk(v, all, profile_key(UINT64_MAX, 'a', ""), true, "");
        assert_walk(v, all, text_key("Q"), false, "");
        assert_walk(v, all, text_key("Q"), true, "3210");
        assert_walk(v, profile_key(3, 'o', ""), none, false, "");
        assert_walk(v, text_key("G"), none, true, "");
        flush(v, 1);
    }
    assert_walk(v, text_key("P"), none, false, "nono0123");
    views_close(&v);
}

static void
keys_and_values_at_their_limits_are_kept(void **state)
{
    static char value[200000];
    struct views *v = open_views();
    struct key k = profile_key(1, 't', "");
    size_t lens[] = {0, 1, 2000, 65536, sizeof value};
    struct tl_str got;

    (void)state;
    memset(k.bytes + k.len, 'k', 511 - k.len);
    k.len = 511;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        memset(value, 'a' + (int)i, lens[i]);
        views_put(v, k.bytes, k.len, value, lens[i]);
        for (int flushed = 0; flushed < 2; flushed++) {
            assert_true(views_get(v, k.bytes, k.len, &got));
            assert_int_equal(got.len, lens[i]);
            assert_memory_equal(got.ptr, value, lens[i]);
            flush(v, i + 1);
        }
    }
    views_close(&v);
}

static void
views_of_another_format_are_refused_with_a_sentence(void **state)
{
    struct views *v = open_views();
    char why[VIEWS_WHY_BYTES], ours[32], theirs[32], meta[12] = {VIEWS_FORMAT + 1};
    struct txn_env *env;
    struct txn t;

    (void)state;
    snprintf(ours, sizeof ours, "format %d", VIEWS_FORMAT);
    snprintf(theirs, sizeof theirs, "format %d", VIEWS_FORMAT + 1);
    views_close(&v);
    assert_int_equal(txn_env_open(&env, scratch, 1 << 20, why), 0);
    txn_begin(&t, env);
    txn_put(&t, "", 1, meta, sizeof meta);
    assert_int_equal(txn_commit(&t), 0);
    txn_env_close(&env);
    assert_int_equal(views_open(&v, scratch, 1 << 30, why), TL_EFORMAT);
    assert_null(v);
    assert_non_null(strstr(why, theirs));
    assert_non_null(strstr(why, ours));
}

static void
records_without_a_format_are_refused_as_damage(void **state)
{
    char why[VIEWS_WHY_BYTES];
    struct txn_env *env;
    struct views *v;
    struct txn t;

    (void)state;
    assert_int_equal(txn_env_open(&env, scratch, 1 << 20, why), 0);
    txn_begin(&t, env);
    txn_put(&t, "joe", 3, "smith", 5);
    assert_int_equal(txn_commit(&t), 0);
    txn_env_close(&env);
    assert_int_equal(views_open(&v, scratch, 1 << 30, why), TL_EDAMAGED);
    assert_non_null(strstr(why, "do not say their format"));
}

/* -------------------------------------------------------------- many of them */

static void
memory_is_counted_and_given_back(void **state)
{
    static char value[300];
    struct views *v = open_views();
    size_t empty = views_dirty_bytes(v), before;

    (void)state;
    for (uint64_t i = 0; i < 60000; i++) {
        struct key k = profile_key(i, 0, "");

        views_put(v, k.bytes, k.len, value, sizeof value);
    }
    /* Key, value, their places in two tables and one order; not much more. */
    assert_in_range(views_dirty_bytes(v) - empty, 60000 * 400, 60000 * 560);
    before = views_dirty_bytes(v);
    for (uint64_t i = 0; i < 60000; i++) {
        struct key k = profile_key(i, 0, "");

        views_put(v, k.bytes, k.len, value, 1 + i % sizeof value);
    }
    assert_int_equal(views_dirty_bytes(v), before);
    assert_int_equal(views_dirty_records(v), 60000);
    assert_false(views_full(v));

    flush(v, 1);
    assert_int_equal(views_dirty_records(v), 0);
    assert_true(views_dirty_bytes(v) < before / 4);
    assert_true(views_bytes(v) > 60000 * 100);
    views_close(&v);
}

static struct key
numbered_identifier(uint64_t number)
{
    struct key k;

    k.len = (size_t)snprintf((char *)k.bytes, sizeof k.bytes, "Icookie:%llu",
                             (unsigned long long)number * 7919);
    return k;
}

static void
put_identifier(struct views *v, uint64_t number)
{
    struct key k = numbered_identifier(number);

    views_put(v, k.bytes, k.len, &number, sizeof number);
}

static void
assert_identifiers_are_found(struct views *v, uint64_t count)
{
    struct tl_str value;
    uint64_t step = count / 5000 + 1;

    for (uint64_t i = 0; i < count; i += i + step < count ? step : 1) {
        struct key k = numbered_identifier(i);

        assert_true(views_get(v, k.bytes, k.len, &value));
        assert_memory_equal(value.ptr, &i, sizeof i);
    }
    for (uint64_t i = count; i < count + 1000; i++) {
        struct key k = numbered_identifier(i);

        assert_false(views_get(v, k.bytes, k.len, &value));
    }
}

/* After a start nobody knows which there are, then the first million, then all. */
static void
identifiers_are_found_however_many_of_them_have_been_learned(void **state)
{
    uint64_t count = 1000001;
    struct views *v = open_views();

    (void)state;
    for (uint64_t i = 0; i < count; i++)
        put_identifier(v, i);
    flush(v, 1);
    assert_identifiers_are_found(v, count);
    views_close(&v);
    v = open_views();
    for (uint64_t round = 2; round < 6; round++) {
        assert_identifiers_are_found(v, count);
        put_identifier(v, count++);
        put_identifier(v, 7 * round);
        flush(v, round);
    }
    assert_identifiers_are_found(v, count);
    views_close(&v);
}

/* Several rests long, and nobody hurries it. */
static void
a_patient_flush_ends_by_itself_and_all_is_there(void **state)
{
    static char value[1900];
    struct views *v = open_views();
    int before = atomic_load(&flushes_done);
    struct tl_str found;

    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        struct key k = profile_key(i, 0, "");

        memcpy(value, &i, sizeof i);
        views_put(v, k.bytes, k.len, value, sizeof value);
    }
    views_freeze(v, 7, done, &flushes_done);
    while (atomic_load(&flushes_done) == before)
        usleep(1000);
    assert_int_equal(views_release(v), 0);
    views_close(&v);
    v = open_views();
    assert_int_equal(views_checkpoint(v), 7);
    for (uint64_t i = 0; i < 3000; i++) {
        struct key k = profile_key(i, 0, "");

        assert_true(views_get(v, k.bytes, k.len, &found));
        assert_memory_equal(found.ptr, &i, sizeof i);
    }
    views_close(&v);
}

static void
the_map_grows_before_it_is_full_and_reads_go_on(void **state)
{
    static char value[1900];
    struct views *v = open_views();
    uint64_t bytes = 0;

    (void)state;
    for (uint64_t number = 1; bytes < 200 << 20; number++) {
        for (uint64_t i = 0; i < 30000; i++) {
            struct key k = profile_key(i * 997 + number, 0, "");

            snprintf(value, sizeof value, "%u", (unsigned)i);
            views_put(v, k.bytes, k.len, value, sizeof value);
        }
        freeze(v, number);
        for (uint64_t i = 0; i < 30000; i += 7) {
            assert_absent(v, profile_key(i * 997, 0, ""));
            snprintf(value, sizeof value, "%u", (unsigned)i);
            for (uint64_t n = 1; n <= number; n++) {
                struct key k = profile_key(i * 997 + n, 0, "");
                struct tl_str got;

                assert_true(views_get(v, k.bytes, k.len, &got));
                assert_string_equal(got.ptr, value);
            }
        }
        assert_int_equal(views_settle(v), 0);
        bytes = views_bytes(v);
    }
    views_close(&v);
}

static void
fill(struct views *v, uint64_t first, uint64_t count, char with)
{
    static char value[1000];

    memset(value, with, sizeof value);
    for (uint64_t i = first; i < first + count; i++) {
        struct key k = profile_key(i, 0, "");

        views_put(v, k.bytes, k.len, value, sizeof value);
    }
}

static char
first_byte(struct views *v, uint64_t i)
{
    struct key k = profile_key(i, 0, "");
    struct tl_str value;

    assert_true(views_get(v, k.bytes, k.len, &value));
    return value.ptr[0];
}

/* The newest of what was flushed says what there is, whichever of it is still in
 * memory. */
static void
what_was_flushed_is_kept_while_there_is_memory(void **state)
{
    char why[VIEWS_WHY_BYTES];
    size_t most = 4 << 20, kept = 0;
    struct views *v;

    (void)state;
    assert_int_equal(views_open(&v, scratch, most, why), 0);
    for (uint64_t round = 0; round < 12; round++) {
        fill(v, round * 400, 500, (char)('a' + round));
        assert_in_range(views_dirty_bytes(v) + views_kept_bytes(v), 500000, most);
        flush(v, round + 1);
        assert_in_range(views_dirty_bytes(v) + views_kept_bytes(v), 500000, most);
        kept = views_kept_bytes(v) > kept ? views_kept_bytes(v) : kept;
        for (uint64_t i = 0; i < round * 400 + 500; i += 50)
            assert_int_equal(first_byte(v, i), 'a' + (i / 400 < round ? i / 400 : round));
    }
    assert_true(kept > 2 << 20);
    fill(v, 0, 2400, 'z');
    assert_in_range(views_dirty_bytes(v) + views_kept_bytes(v), 2400 * 1000, most);
    assert_int_equal(first_byte(v, 2399), 'z');
    assert_int_equal(first_byte(v, 2400), 'g');
    views_close(&v);
}

static void
less_memory_than_the_least_is_refused_with_a_sentence(void **state)
{
    char why[VIEWS_WHY_BYTES];
    struct views *v;

    (void)state;
    assert_int_equal(views_open(&v, scratch, VIEWS_MEMORY_MIN - 1, why), TL_EARGUMENT);
    assert_string_equal(why, "views take 1048576 bytes of memory or more, not 1048575");
    assert_int_equal(views_open(&v, scratch, VIEWS_MEMORY_MIN, why), 0);
    fill(v, 0, 500, 'a');
    flush(v, 1);
    fill(v, 500, 500, 'b');
    assert_int_equal(first_byte(v, 499), 'a');
    assert_int_equal(first_byte(v, 999), 'b');
    views_close(&v);
}

static void
more_memory_than_there_is_is_refused_with_a_sentence(void **state)
{
    char why[VIEWS_WHY_BYTES];
    struct views *v;

    (void)state;
    assert_int_equal(views_open(&v, scratch, (size_t)1 << 60, why), TL_EARGUMENT);
    assert_string_equal(why, "views shall take 1152921504606846976 bytes of memory, which this "
                             "machine does not have");
}

static void
views_are_full_at_their_memory(void **state)
{
    static char value[1000];
    struct views *v;
    char why[VIEWS_WHY_BYTES];
    uint64_t i = 0;

    (void)state;
    assert_int_equal(views_open(&v, scratch, 2 << 20, why), 0);
    for (; !views_full(v); i++) {
        struct key k = profile_key(i, 0, "");

        views_put(v, k.bytes, k.len, value, sizeof value);
    }
    assert_in_range(i, 1200, 2100);
    freeze(v, 1);
    assert_true(views_full(v));
    assert_int_equal(views_settle(v), 0);
    assert_false(views_full(v));
    views_close(&v);
}

static void
one_profile_with_very_many_records_stays_whole(void **state)
{
    struct views *v = open_views();
    struct views_walk w;
    uint32_t n = 0;
    char rest[16];
    bool more;

    (void)state;
    for (uint32_t i = 0; i < 30000; i++) {
        snprintf(rest, sizeof rest, "%08u", (uint32_t)((uint64_t)i * 7919 % 30000));
        put(v, profile_key(5, 't', rest), rest);
        put(v, profile_key(i, 'o', ""), "other");
    }
    flush(v, 1);
    for (uint32_t i = 0; i < 30000; i += 3) {
        snprintf(rest, sizeof rest, "%08u", i);
        put(v, profile_key(5, 't', rest), "again");
    }
    for (more = views_first(&w, v, profile_key(5, 't', "").bytes, 10, NULL, 0, false); more;
         more = views_next(&w), n++) {
        snprintf(rest, sizeof rest, "%08u", n);
        assert_memory_equal(w.key.ptr + 10, rest, 8);
        assert_memory_equal(w.value.ptr, n % 3 == 0 ? "again" : rest, w.value.len);
    }
    views_end(&w);
    assert_int_equal(n, 30000);
    views_close(&v);
}

/* -------------------------------------------------- against a naive model */

enum { MODEL_KEYS = 420, MODEL_VALUE_MAX = 3000 };

struct model_record {
    struct key key;
    bool there;
    uint32_t seed;      /* of its value */
    size_t len;
};

struct model {
    struct model_record records[MODEL_KEYS];    /* in the order of their keys */
    size_t count;
    uint64_t random;
};

static uint32_t
draw(struct model *m, uint32_t below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->random >> 33) % below;
}

static int
compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int
compare_records(const void *a, const void *b)
{
    const struct key *x = &((const struct model_record *)a)->key,
                     *y = &((const struct model_record *)b)->key;

    return compare_bytes(x->bytes, x->len, y->bytes, y->len);
}

static void
model_init(struct model *m, uint64_t seed)
{
    static const uint64_t profiles[] = {0, 1, 0xff, 0x100, 0xffffff, UINT64_MAX - 1, UINT64_MAX};
    static const char sections[] = {0, 'o', (char)0xff};
    char rest[9] = "";

    *m = (struct model){.random = seed};
    for (size_t p = 0; p < 7; p++)
        for (size_t s = 0; s < 3; s++)
            for (int i = 0; i < 17; i++) {
                memset(rest, i % 2 ? 0xff : 'a', 8);
                rest[i / 2 % 7] = 0;
                if (i >= 14)
                    rest[0] = (char)i;
                m->records[m->count++].key = profile_key(profiles[p], sections[s], rest);
            }
    for (int i = 0; i < 30; i++) {
        snprintf(rest, sizeof rest, "%c%d", i % 2 ? 'G' : 'I', i);
        m->records[m->count++].key = text_key(rest);
    }
    qsort(m->records, m->count, sizeof m->records[0], compare_records);
    for (size_t i = 0, to = 0, n = m->count; i < n; i++)    /* some came out the same */
        if (to == 0 || compare_records(&m->records[i], &m->records[to - 1]) != 0)
            m->records[m->count = ++to, to - 1] = m->records[i];
}

static void
fill_value(char *out, const struct model_record *r)
{
    for (size_t i = 0; i < r->len; i++)
        out[i] = (char)(r->seed + i * 31);
}

static void
assert_same(const struct model_record *r, struct tl_str value)
{
    static char wanted[MODEL_VALUE_MAX];

    fill_value(wanted, r);
    assert_int_equal(value.len, r->len);
    assert_memory_equal(value.ptr, wanted, r->len);
}

static void
change_one(struct model *m, struct views *v)
{
    static char value[MODEL_VALUE_MAX];
    struct model_record *r = &m->records[draw(m, (uint32_t)m->count)];

    if (draw(m, 3) == 0) {
        r->there = false;
        views_delete(v, r->key.bytes, r->key.len);
        return;
    }
    r->there = true;
    r->seed = draw(m, 1000);
    r->len = draw(m, draw(m, 20) == 0 ? MODEL_VALUE_MAX : 60);
    fill_value(value, r);
    views_put(v, r->key.bytes, r->key.len, value, r->len);
}

static void
check_one(struct model *m, struct views *v)
{
    const struct model_record *r = &m->records[draw(m, (uint32_t)m->count)];
    struct tl_str value;
    bool there = views_get(v, r->key.bytes, r->key.len, &value);

    assert_int_equal(there, r->there);
    if (there)
        assert_same(r, value);
}

static bool
in_walk(const struct model_record *r, struct key prefix, struct key from, bool backward)
{
    int order = compare_bytes(r->key.bytes, r->key.len, from.bytes, from.len);

    return r->there && r->key.len >= prefix.len &&
           memcmp(r->key.bytes, prefix.bytes, prefix.len) == 0 &&
           (from.len == 0 || (backward ? order <= 0 : order >= 0));
}

static void
check_walk(struct model *m, struct views *v, bool settled)
{
    struct key prefix = m->records[draw(m, (uint32_t)m->count)].key, from = {0};
    bool backward = draw(m, 2) == 0, more;
    struct views_walk w;
    uint32_t stop_after = draw(m, 3) == 0 ? draw(m, 5) : UINT32_MAX;

    if (prefix.bytes[0] == 'G' || settled)
        prefix.len = 1 + draw(m, (uint32_t)prefix.len);
    else if (prefix.bytes[0] == 'P')
        prefix.len = 9 + draw(m, (uint32_t)prefix.len - 8);
    else
        return;
    if (draw(m, 4) > 0) {
        from = m->records[draw(m, (uint32_t)m->count)].key;
        if (draw(m, 2) == 0)
            memcpy(from.bytes, prefix.bytes, prefix.len < from.len ? prefix.len : from.len);
        from.len = draw(m, (uint32_t)from.len + 1);
    }
    more = views_first(&w, v, prefix.bytes, prefix.len, from.bytes, from.len, backward);
    for (size_t i = 0; i < m->count && stop_after > 0; i++) {
        const struct model_record *r = &m->records[backward ? m->count - 1 - i : i];

        if (!in_walk(r, prefix, from, backward))
            continue;
        assert_true(more);
        assert_int_equal(w.key.len, r->key.len);
        assert_memory_equal(w.key.ptr, r->key.bytes, r->key.len);
        assert_same(r, w.value);
        more = views_next(&w);
        stop_after--;
    }
    if (stop_after > 0)
        assert_false(more);
    views_end(&w);
}

static void
random_operations_agree_with_a_naive_model(void **state)
{
    static struct model m;

    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct views *v = open_views();
        uint64_t number = views_checkpoint(v);
        bool settled = false;

        model_init(&m, seed);
        for (size_t i = 0; i < m.count; i++)
            views_delete(v, m.records[i].key.bytes, m.records[i].key.len);
        for (int step = 0; step < 6000; step++) {
            uint32_t what = draw(&m, 400);

            if (what == 0 && views_idle(v)) {
                freeze(v, ++number);
            } else if (what == 1) {
                assert_int_equal(views_settle(v), 0);
            } else if (what == 2) {
                views_end_read(v);
            } else if (what == 3) {
                assert_int_equal(views_settle(v), 0);
                flush(v, ++number);
                settled = true;
            } else if (what == 4 && settled) {
                views_close(&v);
                v = open_views();
                assert_int_equal(views_checkpoint(v), number);
            } else if (what < 130 && !(settled && what > 8)) {
                change_one(&m, v);
                settled = false;
            } else if (what < 300) {
                check_one(&m, v);
            } else {
                check_walk(&m, v, settled);
            }
        }
        views_close(&v);
    }
}

/* ------------------------------------------------------- when things go wrong */

static void
a_full_disk_loses_nothing_and_the_next_freeze_tries_again(void **state)
{
    struct views *v = open_views();
    struct key all = profile_key(3, 'o', ""), none = text_key("");

    (void)state;
    put(v, profile_key(3, 'o', "a"), "a1");
    put(v, profile_key(3, 'o', "b"), "b1");
    flush(v, 1);
    scratch_limit(views_bytes(v) + (1 << 20));
    for (uint64_t i = 100; i < 20100; i++)
        put(v, profile_key(i, 'o', "x"), "a value of a hundred bytes would be longer than this");
    put(v, profile_key(3, 'o', "b"), "b2");
    put(v, profile_key(3, 'o', "c"), "c2");
    put(v, text_key("Gn"), "2");
    for (uint64_t tries = 2; tries < 5; tries++) {
        char text[32];

        freeze(v, tries);
        assert_int_equal(views_settle(v), TL_NO_SPACE);
        assert_true(views_idle(v));
        assert_int_equal(views_release(v), 0);
        assert_int_equal(views_checkpoint(v), 1);
        assert_walk(v, all, none, false, tries == 2 ? "a1b2c2" : "b2d3");
        if (tries > 2)
            assert_value(v, profile_key(100 + tries - 1, 'o', "x"), tries == 3 ? "2" : "3");
        snprintf(text, sizeof text, "%u", (unsigned)tries);
        put(v, profile_key(100 + tries, 'o', "x"), text);
        put(v, text_key("Gn"), text);
        views_delete(v, profile_key(3, 'o', "a").bytes, 11);
        views_delete(v, profile_key(3, 'o', "c").bytes, 11);
        put(v, profile_key(3, 'o', "d"), "d3");
        assert_walk(v, all, none, true, "d3b2");
        assert_value(v, profile_key(20099, 'o', "x"),
                     "a value of a hundred bytes would be longer than this");
    }
    /* More that is new than what waits: merged the other way round. */
    for (uint64_t i = 100; i < 40100; i++)
        put(v, profile_key(i, 'p', "x"), "p");
    freeze(v, 5);
    assert_int_equal(views_settle(v), TL_NO_SPACE);
    assert_value(v, profile_key(103, 'o', "x"), "3");
    assert_value(v, profile_key(40099, 'p', "x"), "p");
    scratch_limit(0);
    flush(v, 6);
    assert_int_equal(views_dirty_records(v), 0);
    views_close(&v);

    v = open_views();
    assert_int_equal(views_checkpoint(v), 6);
    assert_walk(v, all, none, true, "d3b2");
    assert_value(v, profile_key(103, 'o', "x"), "3");
    assert_value(v, profile_key(40099, 'p', "x"), "p");
    assert_value(v, text_key("Gn"), "4");
    views_close(&v);
}

enum { KILL_PROFILES = 6000 };

/* Each round writes its number into two or three records of each profile and a
 * sum, so that transactions end within a profile if nobody takes care. */
static void
write_rounds(int tell)
{
    char text[32], why[VIEWS_WHY_BYTES];
    struct views *v;

    if (views_open(&v, scratch, 1 << 30, why) != 0)
        _exit(1);
    for (uint64_t round = views_checkpoint(v) + 1;; round++) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)round);
        for (uint64_t p = 0; p < KILL_PROFILES; p++) {
            put(v, profile_key(p, 0, ""), text);
            put(v, profile_key(p, 'o', "x"), text);
            if (p % 2 == 0)
                put(v, profile_key(p, 't', "y"), text);
        }
        put(v, text_key("Gn"), text);
        freeze(v, round);
        if (write(tell, "f", 1) != 1 || views_settle(v) != 0 || write(tell, "s", 1) != 1)
            _exit(1);
    }
}

static uint64_t
read_number(struct views *v, struct key k)
{
    struct tl_str value;
    char text[32] = "";

    if (views_get(v, k.bytes, k.len, &value))
        memcpy(text, value.ptr, value.len);
    return strtoull(text, NULL, 10);
}

/* Returns how many profiles are ahead of the checkpoint. */
static size_t
check_rounds(void)
{
    struct views *v = open_views();
    uint64_t at = views_checkpoint(v);
    size_t ahead = 0;

    assert_int_equal(read_number(v, text_key("Gn")), at);
    for (uint64_t p = 0; p < KILL_PROFILES; p++) {
        uint64_t number = read_number(v, profile_key(p, 0, ""));

        assert_in_range(number, at, at + 1);
        assert_int_equal(read_number(v, profile_key(p, 'o', "x")), number);
        if (p % 2 == 0)
            assert_int_equal(read_number(v, profile_key(p, 't', "y")), number);
        ahead += number > at;
    }
    views_close(&v);
    return ahead;
}

static void
await(int told, char wanted)
{
    char byte;

    assert_int_equal(read(told, &byte, 1), 1);
    assert_int_equal(byte, wanted);
}

/* Lets one flush pass, to see how long it takes, and kills after `part` of
 * `parts` of the next. */
static void
kill_while_flushing(int told, pid_t child, long part, long parts)
{
    struct timespec wait = {0};
    int64_t start, took;

    await(told, 'f');
    start = clock_monotonic();
    await(told, 's');
    took = clock_monotonic() - start;
    await(told, 'f');
    wait.tv_nsec = (long)((took < CLOCK_SECOND ? took : CLOCK_SECOND - 1) / parts) * part;
    nanosleep(&wait, NULL);
    kill(child, SIGKILL);
}

static void
a_killed_flush_leaves_each_profile_old_or_new_as_a_whole(void **state)
{
    enum { ROUNDS = 20 };
    size_t torn = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int pipes[2], status;
        pid_t child;

        assert_int_equal(pipe(pipes), 0);
        child = fork();
        if (child == 0)
            write_rounds(pipes[1]);
        close(pipes[1]);
        kill_while_flushing(pipes[0], child, round, ROUNDS);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        close(pipes[0]);
        torn += check_rounds() > 0;
    }
    assert_true(torn > 0);      /* else this has tested nothing */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(new_views_hold_nothing_and_say_so_again),
        TEST(a_record_is_what_was_put_last),
        TEST(a_flushed_record_outlives_the_process_a_dirty_one_does_not),
        TEST(the_newest_layer_decides),
        TEST(a_walk_keeps_to_its_prefix_and_begins_where_it_is_told),
        TEST(keys_and_values_at_their_limits_are_kept),
        TEST(views_of_another_format_are_refused_with_a_sentence),
        TEST(records_without_a_format_are_refused_as_damage),
        TEST(memory_is_counted_and_given_back),
        TEST(a_patient_flush_ends_by_itself_and_all_is_there),
        TEST(identifiers_are_found_however_many_of_them_have_been_learned),
        TEST(the_map_grows_before_it_is_full_and_reads_go_on),
        TEST(what_was_flushed_is_kept_while_there_is_memory),
        TEST(less_memory_than_the_least_is_refused_with_a_sentence),
        TEST(more_memory_than_there_is_is_refused_with_a_sentence),
        TEST(views_are_full_at_their_memory),
        TEST(one_profile_with_very_many_records_stays_whole),
        TEST(random_operations_agree_with_a_naive_model),
        TEST(a_full_disk_loses_nothing_and_the_next_freeze_tries_again),
        TEST(a_killed_flush_leaves_each_profile_old_or_new_as_a_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
