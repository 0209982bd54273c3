#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/code.h"
#include "proto/json.h"
#include "proto/valid.h"

#define CODE_FIRST TL_OK
#define CODE_LAST TL_STALE_GROUP
#define ERROR_LAST TL_ECLOSED

static bool
has_line(const char *path, const char *line)
{
    FILE *f = fopen(path, "r");
    char at[1000];
    bool found = false;

    if (f == NULL)
        fail_msg("%s cannot be read", path);
    while (!found && fgets(at, sizeof at, f) != NULL) {
        at[strcspn(at, "\n")] = '\0';
        found = strcmp(at, line) == 0;
    }
    fclose(f);
    return found;
}

static size_t
count_lines(const char *path, bool (*counts)(const char *line))
{
    FILE *f = fopen(path, "r");
    char at[1000];
    size_t count = 0;

    assert_non_null(f);
    while (fgets(at, sizeof at, f) != NULL)
        count += counts(at);
    fclose(f);
    return count;
}

static bool
is_row_of_a_code(const char *line)
{
    return line[0] == '|' && line[1] == ' ' && isdigit((unsigned char)line[2]);
}

static bool
is_row_of_a_limit(const char *line)
{
    return strncmp(line, "| `", 3) == 0 && strstr(line, "_MAX` |") != NULL;
}

static void
every_code_has_a_name_and_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int code = ERROR_LAST; code <= CODE_LAST; code++) {
        assert_string_not_equal(tl_code_name(code), "UNKNOWN");
        assert_true(strlen(tl_code_sentence(code)) >= 4);
        assert_true(tl_code_sentence(code)[strlen(tl_code_sentence(code)) - 1] != '.');
        for (int other = ERROR_LAST; other < code; other++) {
            assert_string_not_equal(tl_code_name(code), tl_code_name(other));
            assert_string_not_equal(tl_code_sentence(code), tl_code_sentence(other));
        }
    }
}

static void
a_code_nobody_knows_has_a_name_too(void **state)
{
    (void)state;
    assert_string_equal(tl_code_name(CODE_LAST + 1), "UNKNOWN");
    assert_string_equal(tl_code_name(ERROR_LAST - 1), "UNKNOWN");
    assert_true(strlen(tl_code_sentence(1000)) > 0);
}

/* The schema's names are what JSON shows. */
static void
codes_are_named_as_in_the_schema(void **state)
{
    (void)state;
    codec_init();
    for (int code = CODE_FIRST + 1; code <= CODE_LAST + 1; code++) {
        struct wire_refusal refusal = {.code = (uint32_t)code};
        struct wire_reply reply = {.refusal = &refusal};
        struct buf bytes = {0}, json = {0};
        char expected[100];

        snprintf(expected, sizeof expected, "{\"refusal\":{\"code\":\"%s\"}}", tl_code_name(code));
        if (code > CODE_LAST)
            snprintf(expected, sizeof expected, "{\"refusal\":{\"code\":%d}}", code);
        codec_encode(CODEC_REPLY, &reply, &bytes);
        assert_int_equal(json_from_bytes(CODEC_REPLY, (struct tl_str){(char *)bytes.ptr, bytes.len},
                                         false, &json), 0);
        buf_byte(&json, '\0');
        assert_string_equal((char *)json.ptr, expected);
        buf_free(&json);
        buf_free(&bytes);
    }
}

static void
the_protocols_document_shows_this_table(void **state)
{
    (void)state;
    for (int code = CODE_FIRST; code <= CODE_LAST; code++) {
        char row[400];

        snprintf(row, sizeof row, "| %d | `%s` | %s |", code, tl_code_name(code),
                 tl_code_sentence(code));
        if (!has_line("proto/PROTOCOL.md", row))
            fail_msg("PROTOCOL.md lacks: %s", row);
    }
    assert_int_equal(count_lines("proto/PROTOCOL.md", is_row_of_a_code), CODE_LAST + 1);
}

static void
the_protocols_document_shows_the_limits(void **state)
{
    static const struct { const char *name; unsigned value; } limits[] = {
#define LIMIT(name) {#name, name}
        LIMIT(EVENT_BYTES_MAX), LIMIT(BATCH_BYTES_MAX), LIMIT(BATCH_EVENTS_MAX),
        LIMIT(MESSAGE_BYTES_MAX), LIMIT(ATTRIBUTES_MAX), LIMIT(IDENTIFIERS_MAX),
        LIMIT(IDENTIFIER_TYPE_BYTES_MAX), LIMIT(IDENTIFIER_BYTES_MAX), LIMIT(OFFERS_MAX),
        LIMIT(NAME_BYTES_MAX), LIMIT(ID_BYTES_MAX), LIMIT(TYPE_BYTES_MAX),
        LIMIT(CHANNEL_BYTES_MAX), LIMIT(COMMITMENTS_MAX), LIMIT(CONSENTS_MAX),
        LIMIT(SALE_LINES_MAX),
    };
    struct buf page = {0};
    FILE *f = fopen("proto/PROTOCOL.md", "r");
    int c;

    (void)state;
    assert_non_null(f);
    while ((c = fgetc(f)) != EOF)
        buf_byte(&page, (unsigned char)c);
    fclose(f);
    buf_byte(&page, '\0');
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char row[100];

        snprintf(row, sizeof row, "\n| `%s` | %u | ", limits[i].name, limits[i].value);
        if (strstr((char *)page.ptr, row) == NULL)
            fail_msg("PROTOCOL.md lacks: %s", row);
    }
    buf_free(&page);
    assert_int_equal(count_lines("proto/PROTOCOL.md", is_row_of_a_limit),
                     sizeof limits / sizeof *limits);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_and_a_sentence_of_its_own),
        cmocka_unit_test(a_code_nobody_knows_has_a_name_too),
        cmocka_unit_test(codes_are_named_as_in_the_schema),
        cmocka_unit_test(the_protocols_document_shows_this_table),
        cmocka_unit_test(the_protocols_document_shows_the_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
