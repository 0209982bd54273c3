/* What simdjson takes is what jansson takes, and comes to the same. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/parse.h"

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

static void
assert_same_value(const json_t *ours, const json_t *theirs)
{
    char *a = ours != NULL ? json_dumps(ours, 0) : NULL;
    char *b = theirs != NULL ? json_dumps(theirs, 0) : NULL;

    if (a == NULL || b == NULL)
        assert_ptr_equal(a, b);
    else
        assert_string_equal(a, b);
    free(a);
    free(b);
}

static void
assert_as_jansson(const char *text, size_t len)
{
    json_error_t our_error = {0}, their_error = {0};
    json_t *ours = parse_json(text, len, NULL, &our_error);
    json_t *theirs = json_loadb(text, len, FLAGS, &their_error);

    if (theirs == NULL)
        assert_string_equal(our_error.text, their_error.text);
    assert_same_value(ours, theirs);
    json_decref(ours);
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

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_as_jansson(texts[i], strlen(texts[i]));
    assert_as_jansson("[1]\0", 4);
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
a_text_longer_than_simdjson_gets_is_read_too(void **state)
{
    char *text = malloc(PARSE_BYTES_MAX + 1);

    (void)state;
    assert_non_null(text);
    for (size_t len = PARSE_BYTES_MAX; len <= PARSE_BYTES_MAX + 1; len++) {
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
        json_t *ours = parse_json(cases[i].text, strlen(cases[i].text), &taken, NULL);
        json_t *theirs = json_loadb(cases[i].text, strlen(cases[i].text),
                                    FLAGS | JSON_DISABLE_EOF_CHECK, &error);

        assert_non_null(ours);
        assert_same_value(ours, theirs);
        assert_int_equal(taken, cases[i].taken);
        assert_int_equal(taken, error.position);
        json_decref(ours);
        json_decref(theirs);
    }
    taken = 77;
    assert_null(parse_json("]", 1, &taken, NULL));
    assert_null(parse_json("{\"a\"", 4, &taken, NULL));
    assert_null(parse_json(NULL, 0, &taken, NULL));
    assert_int_equal(taken, 77);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_bodies_read_as_jansson_reads_them),
        cmocka_unit_test(what_is_wrong_or_strange_is_what_jansson_says),
        cmocka_unit_test(depth_ends_where_jansson_ends_it),
        cmocka_unit_test(a_text_longer_than_simdjson_gets_is_read_too),
        cmocka_unit_test(a_value_ends_where_the_next_begins),
    };

    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
