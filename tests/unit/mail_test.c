/* The formats that are mail: a blast as it was sent, what came back, complaints. */

#include "tests/unit/decode.h"

#include <dirent.h>
#include <strings.h>

#include "adapters/email/mailbox.h"
#include "adapters/email/report.h"

static const struct format_options plain = {0};

static const struct folder {
    const char *format, *path;
    size_t events, rejects;
} folders[] = {
    {"dsn", "dsn/standard", 220, 0},
    {"dsn", "dsn/nonstandard", 172, 5},
    {"dsn", "dsn/returned", 48, 0},
    {"dsn", "dsn", 1, 1},
    {"arf", "arf", 17, 1},
    {"blast", "blast", 43, 0},
};

#define FOLDERS (sizeof folders / sizeof folders[0])

static int
is_message(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".eml") == 0;
}

static void
each_message(const struct folder *f,
             void (*call)(const struct folder *f, const char *name, struct tl_str bytes, void *arg),
             void *arg)
{
    char path[512];
    struct dirent **files;
    int count;

    snprintf(path, sizeof path, "tests/data/%s", f->path);
    assert_true((count = scandir(path, &files, is_message, alphasort)) > 0);
    for (int i = 0; i < count; i++) {
        struct tl_str bytes;

        snprintf(path, sizeof path, "tests/data/%s/%s", f->path, files[i]->d_name);
        bytes = load(path);
        call(f, files[i]->d_name, bytes, arg);
        free((char *)(uintptr_t)bytes.ptr);
        free(files[i]);
    }
    free(files);
}

static void
add_message(const struct folder *f, const char *name, struct tl_str bytes, void *arg)
{
    struct decoded *all = arg, d, pieces;

    (void)name;
    decode_as(&d, f->format, &plain, bytes, WHOLE);
    decode_as(&pieces, f->format, &plain, bytes, RANDOM);
    assert_same_decoded(&d, &pieces);
    decoded_free(&pieces);
    buf_text(&all->events, text_of_buf(&d.events));
    all->events_count += d.events_count;
    all->rejects_count += d.rejects_count;
    decoded_free(&d);
}

static void
samples_decode_to_what_was_checked_by_reading(void **state)
{
    char path[256];

    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        struct decoded all = {0};

        each_message(&folders[i], add_message, &all);
        buf_byte(&all.events, 0);
        snprintf(path, sizeof path, "tests/data/%s/events.jsonl", folders[i].path);
        assert_expected(&all, path);
        if (all.events_count != folders[i].events || all.rejects_count != folders[i].rejects)
            fail_msg("%s: %zu %zu", folders[i].path, all.events_count, all.rejects_count);
        decoded_free(&all);
    }
}

struct tally {
    size_t messages, with_events, class[6];
};

/* Does the file have a line `Status: c`? */
static bool
has_status(struct tl_str bytes, char class)
{
    for (size_t i = 0; i + 9 < bytes.len; i++)
        if ((i == 0 || bytes.ptr[i - 1] == '\n') && strncasecmp(bytes.ptr + i, "Status: ", 8) == 0
            && bytes.ptr[i + 8] == class && bytes.ptr[i + 9] == '.')
            return true;
    return false;
}

static void
tally_message(const struct folder *f, const char *name, struct tl_str bytes, void *arg)
{
    struct tally *t = arg;
    struct decoded d;

    decode_as(&d, f->format, &plain, bytes, WHOLE);
    t->messages++;
    t->with_events += d.events_count > 0;
    for (char c = '2'; c <= '5'; c++) {
        char want[] = "\"status\":\"?.";

        want[10] = c;
        if (!has_status(bytes, c))
            continue;
        if (strstr(text_of_buf(&d.events), want) == NULL)
            fail_msg("%s: no event of status %c", name, c);
        t->class[c - '0']++;
    }
    decoded_free(&d);
}

/* As counted from the files by other means. */
static void
reports_tally(void **state)
{
    struct tally t = {0};

    (void)state;
    each_message(&folders[0], tally_message, &t);
    assert_int_equal(t.messages, 212);
    assert_int_equal(t.with_events, 212);
    assert_int_equal(t.class[2], 1);
    assert_int_equal(t.class[4], 37);
    assert_int_equal(t.class[5], 170);
}

static void
truncate_message(const struct folder *f, const char *name, struct tl_str bytes, void *arg)
{
    size_t *done = arg;
    struct decoded d;

    (void)name;
    if (*done >= 4 || bytes.len > 4000)
        return;
    (*done)++;
    for (size_t len = 0; len < bytes.len; len++) {
        decode_as(&d, f->format, &plain, (struct tl_str){bytes.ptr, len}, WHOLE);
        decoded_free(&d);
    }
}

static void
no_length_of_a_sample_does_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        size_t done = 0;

        each_message(&folders[i], truncate_message, &done);
    }
}

#define LETTER(n)                                                                                 \
    "From: offers@shop.example\nTo: a" n "@example.com\nMessage-ID: <" n "@shop>\n"               \
    "X-Campaign-ID: c\nSubject: s\nDate: Sat, 21 Nov 2026 20:13:50 +0000\n\nwords " n "\n"

static void
an_mbox_is_many_messages(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "blast", &plain,
           text("From x Sat Nov 21 20:13:50 2026\n" LETTER("1") "\nFrom y Sat Nov 21 2026\n"
                LETTER("2") "\nFrom z\n\nFrom z\n" LETTER("3")));
    assert_int_equal(d.events_count, 3);
    assert_int_equal(d.rejects_count, 0);
    assert_non_null(strstr(text_of_buf(&d.events), "\"value\":\"a3@example.com\"}"));
    decoded_free(&d);
}

static void
a_message_to_nobody_goes_aside_where_it_began(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "blast", &plain, text("From x\n" LETTER("1") "From y\nSubject: s\n\nwords\n"));
    assert_int_equal(d.events_count, 1);
    assert_string_equal(text_of_buf(&d.rejects),
                        "148: a message to nobody: no To, Cc or Bcc, and no envelope noted: "
                        "Subject: s\n\nwords\n\n");
    decoded_free(&d);
}

static void
a_message_of_more_than_32_mib_goes_aside_and_the_next_is_read(void **state)
{
    struct buf mbox = {0};
    struct decoded d;
    char line[1024];

    (void)state;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    buf_text(&mbox, "From x\n" LETTER("1"));
    while (mbox.len <= MAILBOX_MESSAGE_BYTES_MAX)
        buf_append(&mbox, line, sizeof line);
    buf_text(&mbox, "From y\n" LETTER("2"));
    must(!mbox.failed);
    decode_as(&d, "blast", &plain, (struct tl_str){(char *)mbox.ptr, mbox.len}, RANDOM);
    assert_int_equal(d.events_count, 1);
    assert_int_equal(d.rejects_count, 1);
    assert_non_null(strstr(text_of_buf(&d.rejects), "more than 32 MiB"));
    assert_non_null(strstr(text_of_buf(&d.events), "words 2"));
    decoded_free(&d);
    buf_free(&mbox);
}

static void
assert_text(struct tl_str s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    if (s.len > 0)
        assert_memory_equal(s.ptr, want, s.len);
}

static void
addresses_are_found_in_any_manner_they_are_written(void **state)
{
    (void)state;
    assert_text(report_address(text("rfc822; joe@example.com")), "joe@example.com");
    assert_text(report_address(text("RFC822;<joe@example.com>")), "joe@example.com");
    assert_text(report_address(text(" <joe@example.com> (Joe)")), "joe@example.com");
    assert_text(report_address(text("rfc822; joe")), "");
    assert_text(report_address(text("rfc822; @example.com")), "");
    assert_text(report_address(text("rfc822; joe@")), "");
    assert_text(report_address(text("rfc822; redacted@example.com")), "");
    assert_text(report_address(text("")), "");
}

static void
codes_are_told_from_versions_and_addresses(void **state)
{
    (void)state;
    assert_text(report_code(text("smtp; 550 5.1.1 unknown")), "5.1.1");
    assert_text(report_code(text("(#5.7.1)")), "5.7.1");
    assert_text(report_code(text("4.4.7")), "4.4.7");
    assert_text(report_code(text("from 5.1.1.1 by 25.2.3.4 at 15.1.1")), "");
    assert_text(report_code(text("5.1234.1 5.1.1234 5..1 5.1.")), "");
    assert_text(report_code(text("")), "");
}

static void
fields_are_read_over_lines_and_groups(void **state)
{
    struct tl_str rest = text("\n\nA: 1\n  2\nno field\nb:3\r\n\r\n\nC:\n");
    struct report_group g;

    (void)state;
    assert_true(report_next(&g, &rest));
    assert_int_equal(g.count, 2);
    assert_text(report_value(&g, "a"), "1\n  2");
    assert_text(report_value(&g, "B"), "3");
    assert_true(report_next(&g, &rest));
    assert_text(report_value(&g, "c"), "");
    assert_int_equal(g.count, 1);
    assert_false(report_next(&g, &rest));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(reports_tally),
        cmocka_unit_test(no_length_of_a_sample_does_harm),
        cmocka_unit_test(an_mbox_is_many_messages),
        cmocka_unit_test(a_message_to_nobody_goes_aside_where_it_began),
        cmocka_unit_test(a_message_of_more_than_32_mib_goes_aside_and_the_next_is_read),
        cmocka_unit_test(addresses_are_found_in_any_manner_they_are_written),
        cmocka_unit_test(codes_are_told_from_versions_and_addresses),
        cmocka_unit_test(fields_are_read_over_lines_and_groups),
    };

    return cmocka_run_group_tests_name("mail", tests, NULL, NULL);
}
