/* What simdjson takes is what jansson takes, and comes to the same. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/parse.h"
#include "adapters/text.h"
#include "tests/unit/own_values.h"

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

static void
assert_written_alike(const struct value *ours, const json_t *theirs, enum value_order order,
                     size_t flags)
{
    char *text = json_dumps(theirs, JSON_COMPACT | JSON_ENCODE_ANY | flags);
    struct buf written = {0};

    assert_non_null(text);
    value_write(&written, ours, order);
    buf_byte(&written, '\0');
    assert_false(written.failed);
    assert_string_equal(written.ptr, text);
    buf_free(&written);
    free(text);
}

static void
assert_same_value(const struct value *ours, const json_t *theirs)
{
    if (ours == NULL || theirs == NULL) {
        assert_null(ours);
        assert_null(theirs);
        return;
    }
    assert_written_alike(ours, theirs, VALUE_AS_IT_IS, 0);
    assert_written_alike(ours, theirs, VALUE_SORTED, JSON_SORT_KEYS);
}

static void
assert_as_jansson(const char *text, size_t len)
{
    json_error_t their_error = {0};
    struct parse_error our_error = {.line = 0};
    const struct value *ours;
    json_t *theirs = json_loadb(text, len, FLAGS, &their_error);

    values_clear(&values);
    ours = parse_json(&values, (struct tl_str){text, len}, &our_error);
    if (theirs == NULL) {
        assert_string_equal(our_error.text, their_error.text);
        assert_int_equal(our_error.line, their_error.line);
    }
    assert_same_value(ours, theirs);
    json_decref(theirs);
}

static char *
load(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(1u << 20);

    assert_non_null(file);
    assert_non_null(text);
    *len = fread(text, 1, 1u << 20, file);
    assert_true(*len < 1u << 20);
    fclose(file);
    return text;
}

static void
recorded_bodies_read_as_jansson_reads_them(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob("tests/data/*/*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 200);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        size_t len;
        char *text = load(found.gl_pathv[i], &len);

        assert_as_jansson(text, len);
        free(text);
    }
    globfree(&found);
}

static void
what_is_wrong_or_strange_is_what_jansson_says(void **state)
{
    static const char *const texts[] = {
        "", " ", "nul", "1", "\"x\"", "[", "[1] x", "[1,]", "[01]", "[1.]", "[+1]", "[nan]",
        "{\"a\"}", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"c\":2,\"b\":1}}", "{\"\":1}",
        "{\"\":1,\"\":2}",
        "{\"a\\u0000\":1}", "{\"\\u0061\":1,\"a\":2}",
        "[9223372036854775807,-9223372036854775808]", "[9223372036854775808]",
        "[-9223372036854775809]", "[18446744073709551616]", "[0.1,1e22,1.7976931348623157e308]",
        "[4.9e-324,1e-400,-0,-0.0,0e0]", "[1e400]", "[-1e400]",
        "[0.30000000000000004,123456789012345678901234567890.5]",
        "[\"\\u0000\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\"]", "[\"\\ud83d\"]", "[\"\\ude00\"]",
        "[\"\\ud83d\\u0041\"]", "[\"\\x\"]", "[\"\t\"]", "[\"\x01\"]", "[\"\x7f\"]", "[\"\xff\"]",
        "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xef\xbf\xbf\"]",
        "\xef\xbb\xbf[1]", "[1]\f", " \t\r\n[ true , false,null ] \n", "[]", "{}", "[[],{}]",
        "[1]\n[2]",
    };

    struct parse_error error = {.line = 0};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_as_jansson(texts[i], strlen(texts[i]));
    assert_as_jansson("[1]\0", 4);
    /* The one text that jansson takes and we do not. */
    assert_null(parse_json(&values, (struct tl_str){"[1\0]", 4}, &error));
    assert_true(error.text[0] != '\0');
    assert_as_jansson("[\"a\0b\"]", 7);
}

static void
depth_ends_where_jansson_ends_it(void **state)
{
    static const size_t depths[] = {1023, 1024, 1025, 2047, 2048, 2049, 100000};
    char *text = malloc(200000);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        memset(text, '[', depths[i]);
        memset(text + depths[i], ']', depths[i]);
        assert_as_jansson(text, 2 * depths[i]);
    }
    free(text);
}

static void
a_text_longer_than_is_kept_room_for_is_read_too(void **state)
{
    char *text = malloc(PARSE_BYTES_KEPT + 1);

    (void)state;
    assert_non_null(text);
    for (size_t len = PARSE_BYTES_KEPT; len <= PARSE_BYTES_KEPT + 1; len++) {
        memset(text, 'x', len);
        memcpy(text, "[\"", 2);
        memcpy(text + len - 2, "\"]", 2);
        assert_as_jansson(text, len);
    }
    free(text);
}

static void
a_value_ends_where_the_next_begins(void **state)
{
    static const struct {
        const char *text;
        size_t taken;
    } cases[] = {
        {"{\"a\":\"}\\\"]{\"}{\"b\":2}", 13}, {"[1] [2]", 3}, {"[[1],[2]]", 9}, {"[1]]", 3},
        {"{\"a\":1} nonsense", 7}, {"{}", 2},
    };
    size_t taken = 77;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_error_t error;
        const struct value *ours =
            parse_json_first(&values, text_of(cases[i].text), &taken, NULL);
        json_t *theirs = json_loadb(cases[i].text, strlen(cases[i].text),
                                    FLAGS | JSON_DISABLE_EOF_CHECK, &error);

        assert_non_null(ours);
        assert_same_value(ours, theirs);
        assert_int_equal(taken, cases[i].taken);
        assert_int_equal(taken, error.position);
        json_decref(theirs);
    }
    taken = 77;
    assert_null(parse_json_first(&values, TL_STR("]"), &taken, NULL));
    assert_null(parse_json_first(&values, TL_STR("{\"a\""), &taken, NULL));
    assert_null(parse_json_first(&values, (struct tl_str){0}, &taken, NULL));
    assert_int_equal(taken, 77);
}

/* A name among very many, and among few, is found when it comes again. */
static void
a_name_said_twice_is_found_among_however_many(void **state)
{
    static const size_t counts[] = {2, 3, 63, 64, 65, 66, 1000};
    struct buf text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (int twice = 0; twice < 2; twice++) {
            buf_clear(&text);
            buf_byte(&text, '{');
            for (size_t n = 0; n < counts[i]; n++)
                buf_printf(&text, "%s\"a_name_of_%zu\":%zu", n > 0 ? "," : "",
                           twice == 1 && n == counts[i] - 1 ? counts[i] / 2 - 1 : n, n);
            buf_byte(&text, '}');
            assert_false(text.failed);
            assert_as_jansson((const char *)text.ptr, text.len);
            values_clear(&values);
            assert_int_equal(parse_json(&values, (struct tl_str){(char *)text.ptr, text.len},
                                        NULL) == NULL, twice);
        }
    buf_free(&text);
}

/* What begins a body of broken lines must not be looked for through all of it, again
 * and again. */
static void
looking_for_an_end_stops_where_there_can_be_none(void **state)
{
    static const char *const lines[] = {"{\"\n", "x\n", "\"\n", "{\"a\n\"", "}\n"};
    struct buf text = {0};
    size_t taken;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        buf_clear(&text);
        while (text.len < 1u << 20)
            buf_text(&text, lines[i]);
        assert_false(text.failed);
        for (size_t at = 0; at < text.len; at += strlen(lines[i]))
            assert_null(parse_json_first(&values, (struct tl_str){(char *)text.ptr + at,
                                                                  text.len - at}, &taken, NULL));
    }
    buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, values_set_up, values_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recorded_bodies_read_as_jansson_reads_them),
        TEST(what_is_wrong_or_strange_is_what_jansson_says),
        TEST(depth_ends_where_jansson_ends_it),
        TEST(a_text_longer_than_is_kept_room_for_is_read_too),
        TEST(a_value_ends_where_the_next_begins),
        TEST(a_name_said_twice_is_found_among_however_many),
        TEST(looking_for_an_end_stops_where_there_can_be_none),
    };

    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
