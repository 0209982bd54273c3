#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/code.h"
#include "proto/json.h"

static char why[256];

static int
set_up(void **state)
{
    (void)state;
    codec_init();
    return 0;
}

static struct tl_str
contents(const struct buf *b)
{
    return (struct tl_str){(const char *)b->ptr, b->len};
}

static int
read_bytes(enum codec_message what, const char *json, size_t len, struct buf *out)
{
    /* A copy without a NUL behind it. */
    char *copy = malloc(len + (len == 0));
    int err;

    assert_non_null(copy);
    memcpy(copy, json, len);
    err = json_to_bytes(what, (struct tl_str){copy, len}, out, why, sizeof why);
    free(copy);
    assert_true((err == 0) == (why[0] == '\0'));
    return err;
}

static int
read_event(const char *json)
{
    struct buf b = {0};
    int err = read_bytes(CODEC_EVENT, json, strlen(json), &b);

    assert_true(err == 0 || b.len == 0);
    buf_free(&b);
    return err;
}

/* JSON to bytes and back gives `expected`. */
static void
check(enum codec_message what, const char *json, bool whole, const char *expected)
{
    struct buf bytes = {0}, text = {0};

    assert_int_equal(read_bytes(what, json, strlen(json), &bytes), 0);
    assert_int_equal(json_from_bytes(what, contents(&bytes), whole, &text), 0);
    buf_byte(&text, '\0');
    assert_string_equal((char *)text.ptr, expected);
    buf_free(&text);
    buf_free(&bytes);
}

static void
check_same(const char *json)
{
    check(CODEC_EVENT, json, false, json);
}

/* --------------------------------------------------------------- both ways */

static void
an_event_survives_the_way_through_protobuf(void **state)
{
    (void)state;
    check_same("{}");
    check_same("{\"id\":\"1\",\"source\":\"till-4\",\"type\":\"sale.completed\","
               "\"time\":\"2017-06-02T10:00:00Z\",\"recorded_time\":\"2017-06-02T10:00:00.500Z\","
               "\"channel\":\"pos\",\"identifiers\":[{\"type\":\"loyalty\",\"value\":\"718\"},"
               "{\"type\":\"email\",\"value\":\"joe@example.com\"}],\"revision\":\"3\","
               "\"attributes\":{\"b\":\"2\",\"a\":\"\",\"\":\"1\"},\"replayed\":true,"
               "\"offers\":[{\"offer\":\"o\",\"price_minor\":\"-5\",\"count\":2},{}],"
               "\"message\":{},\"sale\":{\"lines\":[{\"amount_minor\":\"199\"}],"
               "\"total_minor\":\"199\",\"currency\":\"USD\"}}");
}

static void
text_comes_back_as_it_was(void **state)
{
    (void)state;
    check_same("{\"id\":\"\\\"\\\\\\n\\t /\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x80\xa8\x7f\"}");
    check(CODEC_EVENT, "{\"id\":\"\\u0041\\ud83d\\ude00\\/\\u20ac\"}", false,
          "{\"id\":\"A\xf0\x9f\x98\x80/\xe2\x82\xac\"}");
}

static void
integers_are_numbers_or_strings(void **state)
{
    (void)state;
    check(CODEC_EVENT, "{\"revision\":7}", false, "{\"revision\":\"7\"}");
    check(CODEC_EVENT, "{\"revision\":7.0}", false, "{\"revision\":\"7\"}");
    check(CODEC_EVENT, "{\"revision\":3e2}", false, "{\"revision\":\"300\"}");
    check_same("{\"revision\":\"18446744073709551615\"}");
    check_same("{\"call\":{\"wait_ms\":\"-9223372036854775808\","
               "\"talk_ms\":\"9223372036854775807\"}}");
    check(CODEC_EVENT, "{\"sale\":{\"lines_more\":\"4294967295\"}}", false,
          "{\"sale\":{\"lines_more\":4294967295}}");
    assert_int_equal(read_event("{\"sale\":{\"lines_more\":4294967296}}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"revision\":\"18446744073709551616\"}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"revision\":-1}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"revision\":1.5}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"revision\":1e30}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"revision\":\"7 \"}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"revision\":\"\"}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"revision\":true}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"call\":{\"wait_ms\":\"9223372036854775808\"}}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"call\":{\"wait_ms\":\"-9223372036854775809\"}}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"call\":{\"wait_ms\":\"-\"}}"), TL_MALFORMED);
}

static void
names_are_taken_in_both_spellings(void **state)
{
    (void)state;
    check(CODEC_EVENT, "{\"recordedTime\":\"2017-06-02T10:00:00Z\",\"causationId\":\"c\"}", false,
          "{\"recorded_time\":\"2017-06-02T10:00:00Z\",\"causation_id\":\"c\"}");
    assert_int_equal(read_event("{\"RecordedTime\":\"2017-06-02T10:00:00Z\"}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"causation_id\":\"c\",\"causationId\":\"c\"}"), TL_MALFORMED);
}

static void
null_is_not_given(void **state)
{
    (void)state;
    check(CODEC_EVENT, "{\"id\":null,\"time\":null,\"identifiers\":null,\"message\":null,"
          "\"attributes\":null,\"replayed\":null}", false, "{}");
    assert_int_equal(read_event("{\"identifiers\":[null]}"), TL_MALFORMED);
    assert_int_equal(read_event("{\"attributes\":{\"a\":null}}"), TL_MALFORMED);
}

static void
times_are_rfc_3339(void **state)
{
    (void)state;
    check(CODEC_EVENT, "{\"time\":\"2017-06-02T12:00:00.000000001+02:00\"}", false,
          "{\"time\":\"2017-06-02T10:00:00.000000001Z\"}");
    check(CODEC_EVENT, "{\"time\":\"1970-01-01T00:00:00Z\"}", false,
          "{\"time\":\"1970-01-01T00:00:00.000000001Z\"}");
    assert_int_equal(read_event("{\"time\":\"2017-06-02T10:00:00.0000000001Z\"}"), TL_BAD_TIME);
    assert_int_equal(read_event("{\"time\":\"2017-06-02T10:00:00\"}"), TL_BAD_TIME);
    assert_int_equal(read_event("{\"time\":\"0000-01-01T00:00:00Z\"}"), TL_BAD_TIME);
    assert_int_equal(read_event("{\"time\":\"9999-12-31T23:59:59Z\"}"), TL_BAD_TIME);
    assert_int_equal(read_event("{\"time\":\"2017-13-02T10:00:00Z\"}"), TL_BAD_TIME);
    assert_int_equal(read_event("{\"time\":\"\"}"), TL_BAD_TIME);
    assert_int_equal(read_event("{\"time\":1496397600}"), TL_MALFORMED);
}

static void
bytes_are_base64(void **state)
{
    static const char *const same[] = {"", "AA==", "AAA=", "AAAA", "//79", "AP8="};

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char json[100];

        snprintf(json, sizeof json, "{\"publish\":{\"events\":[\"%s\"]}}", same[i]);
        check(CODEC_REQUEST, json, false, json);
    }
    check(CODEC_REQUEST, "{\"publish\":{\"events\":[\"__79\",\"AP8\"]}}", false,
          "{\"publish\":{\"events\":[\"//79\",\"AP8=\"]}}");
}

static void
anything_else_is_no_base64(void **state)
{
    static const char *const wrong[] = {"A",    "AAAAA", "A===",       "====",
                                        "AA=A", "A A=",  "AAA\xc3\xab"};
    struct buf b = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char json[100];
        int len = snprintf(json, sizeof json, "{\"publish\":{\"events\":[\"%s\"]}}", wrong[i]);

        assert_int_equal(read_bytes(CODEC_REQUEST, json, (size_t)len, &b), TL_MALFORMED);
    }
    buf_free(&b);
}

static void
a_code_of_a_newer_program_survives_as_a_number(void **state)
{
    static const char *const too_far[] = {"-2147483649", "2147483648"};

    (void)state;
    check(CODEC_REPLY, "{\"refusal\":{\"code\":-1}}", false, "{\"refusal\":{\"code\":-1}}");
    check(CODEC_REPLY, "{\"refusal\":{\"code\":-2147483648}}", false,
          "{\"refusal\":{\"code\":-2147483648}}");
    check(CODEC_REPLY, "{\"refusal\":{\"code\":2147483647}}", false,
          "{\"refusal\":{\"code\":2147483647}}");
    for (size_t i = 0; i < 2; i++) {
        struct buf b = {0};
        char json[64];
        int len = snprintf(json, sizeof json, "{\"refusal\":{\"code\":%s}}", too_far[i]);

        assert_int_equal(read_bytes(CODEC_REPLY, json, (size_t)len, &b), TL_MALFORMED);
        buf_free(&b);
    }
}

static void
codes_are_names(void **state)
{
    struct buf b = {0};

    (void)state;
    check(CODEC_REPLY, "{\"refusal\":{\"code\":\"NO_SESSION\",\"retry_after_ms\":5}}", false,
          "{\"refusal\":{\"code\":\"NO_SESSION\",\"retry_after_ms\":5}}");
    check(CODEC_REPLY, "{\"refusal\":{\"code\":15}}", false, "{\"refusal\":{\"code\":\"BUSY\"}}");
    check(CODEC_REPLY, "{\"refusal\":{\"code\":99}}", false, "{\"refusal\":{\"code\":99}}");
    assert_int_equal(read_bytes(CODEC_REPLY, "{\"refusal\":{\"code\":\"LATE\"}}", 27, &b),
                     TL_MALFORMED);
    assert_string_equal(why, "refusal.code: must be one of its names");
    buf_free(&b);
}

static void
a_request_has_one_body(void **state)
{
    struct buf b = {0};
    static const char two[] = "{\"stat\":{},\"verify\":{}}";

    (void)state;
    check(CODEC_REQUEST, "{\"id\":4,\"stat\":{},\"verify\":null}", false,
          "{\"id\":\"4\",\"stat\":{}}");
    assert_int_equal(read_bytes(CODEC_REQUEST, two, strlen(two), &b), TL_MALFORMED);
    buf_free(&b);
}

static void
a_key_of_a_map_sent_twice_is_written_once(void **state)
{
    static const char bytes[] = "\x9a\x01\x06\x0a\x01k\x12\x01" "1"
                                "\x9a\x01\x06\x0a\x01j\x12\x01" "2"
                                "\x9a\x01\x06\x0a\x01k\x12\x01" "3";
    struct buf b = {0};

    (void)state;
    assert_int_equal(json_from_bytes(CODEC_EVENT, (struct tl_str){bytes, sizeof bytes - 1}, false,
                                     &b), 0);
    buf_byte(&b, '\0');
    assert_string_equal((char *)b.ptr, "{\"attributes\":{\"j\":\"2\",\"k\":\"3\"}}");
    buf_free(&b);
}

/* ------------------------------------------------------------ golden bytes */

static void
read_file(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "rb");
    size_t len;

    if (f == NULL)
        fail_msg("%s cannot be read", path);
    do {
        unsigned char piece[4096];

        len = fread(piece, 1, sizeof piece, f);
        buf_append(b, piece, len);
    } while (len > 0);
    fclose(f);
}

static enum codec_message
kind_of(const char *name)
{
    if (strncmp(name, "event-", 6) == 0)
        return CODEC_EVENT;
    return strncmp(name, "request-", 8) == 0 ? CODEC_REQUEST : CODEC_REPLY;
}

/* NAME.bin was written by Google's library: both ways must agree with it. */
static void
check_golden(const char *name)
{
    struct buf json = {0}, bytes = {0}, out = {0};
    char path[300];

    snprintf(path, sizeof path, "tests/data/wire/%.200s.json", name);
    read_file(path, &json);
    snprintf(path, sizeof path, "tests/data/wire/%.200s.bin", name);
    read_file(path, &bytes);
    assert_int_equal(read_bytes(kind_of(name), (const char *)json.ptr, json.len, &out), 0);
    assert_int_equal(out.len, bytes.len);
    if (out.len > 0)
        assert_memory_equal(out.ptr, bytes.ptr, out.len);
    buf_clear(&out);
    assert_int_equal(json_from_bytes(kind_of(name), contents(&bytes), false, &out), 0);
    buf_byte(&out, '\n');
    assert_int_equal(out.len, json.len);
    assert_memory_equal(out.ptr, json.ptr, out.len);
    buf_free(&out);
    buf_free(&bytes);
    buf_free(&json);
}

static void
golden_bytes_and_json_say_the_same(void **state)
{
    DIR *dir = opendir("tests/data/wire");
    struct dirent *entry;
    int count = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char *suffix = strstr(entry->d_name, ".json");

        if (suffix == NULL)
            continue;
        *suffix = '\0';
        check_golden(entry->d_name);
        count++;
    }
    closedir(dir);
    assert_true(count >= 18);
}

/* ------------------------------------------------------------------- whole */

static void
whole_shows_every_field_but_times_and_messages_not_given(void **state)
{
    (void)state;
    check(CODEC_OFFERS, "{\"offers\":[{\"offer\":\"o\",\"made\":\"2017-06-02T10:00:00Z\"}]}", true,
          "{\"customer\":\"\",\"position\":\"\",\"offers\":[{\"offer\":\"o\",\"campaign\":\"\","
          "\"treatment\":\"\",\"instance\":\"\",\"channel\":\"\",\"state\":\"\",\"reason\":\"\","
          "\"terms\":\"\",\"made\":\"2017-06-02T10:00:00Z\",\"outcomes\":[],\"live\":false,"
          "\"orphan\":false,\"disputed\":false,\"conflict\":\"\",\"price_minor\":\"0\","
          "\"currency\":\"\",\"title\":\"\",\"exclusivity_group\":\"\","
          "\"of_catalogue\":[]}],\"offers_more\":\"\"}");
    check(CODEC_CONTEXT, "{\"who\":{}}", true,
          "{\"customer\":\"\",\"position\":\"\",\"who\":{\"identifiers\":[],"
          "\"identifiers_more\":\"\",\"attributes\":{},\"profiles\":0,\"conflicts\":[],"
          "\"candidates\":[],\"households\":[]},\"reasons\":[],\"offers\":[],\"offers_more\":\"\","
          "\"commitments\":[],\"commitments_more\":\"\",\"may_contact\":[],\"consents\":[],"
          "\"feedback\":[],\"conversations\":[],\"household\":[],\"recent\":[],"
          "\"recent_more\":\"\",\"freshness\":[],\"omitted\":[],"
          "\"household_more\":\"\"}");
}

/* ----------------------------------------------------------------- refusals */

static void
what_is_no_json_object_is_malformed(void **state)
{
    static const char *const wrong[] = {
        "", " ", "null", "7", "\"id\"", "[]", "{", "{\"id\":\"1\"", "{\"id\":\"1\"}}", "{'id':1}",
        "{\"id\":\"1\",}", "{\"id\":\"1\",\"id\":\"1\"}", "{\"id\":\"\\ud800\"}",
        "{\"id\":\"a\nb\"}", "{\"revision\":99999999999999999999}", "{\"revision\":01}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(read_event(wrong[i]), TL_MALFORMED);
}

static void
wrong_kinds_of_value_are_malformed(void **state)
{
    static const char *const wrong[] = {
        "{\"id\":1}", "{\"id\":[]}", "{\"id\":true}", "{\"identifiers\":{}}",
        "{\"identifiers\":\"email:joe\"}", "{\"identifiers\":[\"email:joe\"]}",
        "{\"attributes\":[]}", "{\"attributes\":{\"a\":1}}", "{\"replayed\":\"true\"}",
        "{\"replayed\":1}", "{\"message\":[]}", "{\"message\":\"hello\"}", "{\"sale\":1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(read_event(wrong[i]), TL_MALFORMED);
}

static void
text_that_is_none_is_refused(void **state)
{
    struct buf b = {0};

    (void)state;
    assert_int_equal(read_event("{\"id\":\"a\\u0000b\"}"), TL_BAD_UTF8);
    assert_int_equal(read_event("{\"id\":\"a\\u0001b\"}"), TL_BAD_UTF8);
    assert_int_equal(read_event("{\"id\":\"\xff\"}"), TL_BAD_UTF8);
    assert_int_equal(read_event("{\"id\":\"\xed\xa0\x80\"}"), TL_BAD_UTF8);
    assert_int_equal(read_event("{\"attributes\":{\"\\u0000\":\"v\"}}"), TL_BAD_UTF8);
    assert_int_equal(read_event("{\"attributes\":{\"\\u001f\":\"v\"}}"), TL_BAD_UTF8);
    assert_int_equal(read_event("{\"attributes\":{\"k\":\"\\u001f\"}}"), TL_BAD_UTF8);
    assert_int_not_equal(read_bytes(CODEC_EVENT, "{\"id\":\"a\0b\"}", 12, &b), 0);
    assert_int_equal(json_from_bytes(CODEC_EVENT, (struct tl_str){"\x0a\x01\0", 3}, false, &b),
                     TL_BAD_UTF8);
    assert_int_equal(json_from_bytes(CODEC_EVENT, (struct tl_str){"\x0a\x02x", 3}, false, &b),
                     TL_MALFORMED);
    buf_free(&b);
}

static void
the_field_at_fault_is_named(void **state)
{
    (void)state;
    read_event("{\"offers\":[{},{\"price_minor\":\"x\"}]}");
    assert_string_equal(why, "offers[1].price_minor: must be an integer");
    read_event("{\"link\":{\"a\":{\"kind\":\"email\"}}}");
    assert_string_equal(why, "link.a.kind: no such field");
    read_event("{\"attributes\":{\"n\xc3\xab\":7}}");
    assert_string_equal(why, "attributes.n??: must be a string");
    read_event("[]");
    assert_string_equal(why, "must be an object");
    read_event("{\n\"id\":\n}");
    assert_memory_equal(why, "line 3: ", 8);
}

static void
a_short_why_is_cut_and_none_is_fine(void **state)
{
    static const char json[] = "{\"offers\":[{\"price_minor\":\"x\"}]}";
    struct buf b = {0};
    char few[8];

    (void)state;
    assert_int_equal(json_to_bytes(CODEC_EVENT, (struct tl_str){json, sizeof json - 1}, &b, few,
                                   sizeof few), TL_MALFORMED);
    assert_string_equal(few, "offers[");
    assert_int_equal(json_to_bytes(CODEC_EVENT, (struct tl_str){json, sizeof json - 1}, &b, NULL,
                                   0), TL_MALFORMED);
    buf_free(&b);
}

static void
depth_and_size_are_bounded(void **state)
{
    size_t len = 3000000;
    char *json = malloc(len);
    struct buf b = {0}, many = {0};

    (void)state;
    assert_non_null(json);
    memset(json, '[', len);
    assert_int_equal(json_to_bytes(CODEC_EVENT, (struct tl_str){json, len}, &b, why, sizeof why),
                     TL_MALFORMED);
    buf_text(&many, "{\"identifiers\":[{}");
    while (many.len < len)
        buf_text(&many, ",{}");
    buf_text(&many, "]}");
    assert_int_equal(json_to_bytes(CODEC_EVENT, contents(&many), &b, why, sizeof why),
                     TL_TOO_MANY);
    buf_free(&many);
    buf_free(&b);
    free(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_survives_the_way_through_protobuf),
        cmocka_unit_test(text_comes_back_as_it_was),
        cmocka_unit_test(integers_are_numbers_or_strings),
        cmocka_unit_test(names_are_taken_in_both_spellings),
        cmocka_unit_test(null_is_not_given),
        cmocka_unit_test(times_are_rfc_3339),
        cmocka_unit_test(bytes_are_base64),
        cmocka_unit_test(anything_else_is_no_base64),
        cmocka_unit_test(a_code_of_a_newer_program_survives_as_a_number),
        cmocka_unit_test(codes_are_names),
        cmocka_unit_test(a_request_has_one_body),
        cmocka_unit_test(a_key_of_a_map_sent_twice_is_written_once),
        cmocka_unit_test(golden_bytes_and_json_say_the_same),
        cmocka_unit_test(whole_shows_every_field_but_times_and_messages_not_given),
        cmocka_unit_test(what_is_no_json_object_is_malformed),
        cmocka_unit_test(wrong_kinds_of_value_are_malformed),
        cmocka_unit_test(text_that_is_none_is_refused),
        cmocka_unit_test(the_field_at_fault_is_named),
        cmocka_unit_test(a_short_why_is_cut_and_none_is_fine),
        cmocka_unit_test(depth_and_size_are_bounded),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
