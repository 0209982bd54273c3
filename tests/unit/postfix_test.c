#include "tests/unit/decode.h"

#include "adapters/email/postfix.h"
#include "base/clock.h"

/* 2026-11-22T00:00:00Z */
static const struct format_options written = {.written = 1795305600LL * CLOCK_SECOND};

static size_t
count(const struct decoded *d, const char *what)
{
    const char *at = text_of_buf(&d->events);
    size_t n = 0;

    while ((at = strstr(at, what)) != NULL) {
        at += strlen(what);
        n++;
    }
    return n;
}

static void
a_log_decodes_to_what_was_counted_in_it(void **state)
{
    struct tl_str log = load("tests/data/postfix/mail.log.gz");
    struct decoded d;

    (void)state;
    decode(&d, "postfix", &written, log);
    assert_expected(&d, "tests/data/postfix/events.jsonl");
    assert_int_equal(count(&d, "\"type\":\"email.delivered\""), 160);
    assert_int_equal(count(&d, "\"type\":\"email.deferred\""), 84);
    assert_int_equal(count(&d, "\"type\":\"email.bounced\""), 27);
    assert_int_equal(count(&d, "\"type\":\"email.dropped\""), 21);
    assert_int_equal(d.rejects_count, 0);
    decoded_free(&d);
    free((char *)(uintptr_t)log.ptr);
}

#define AT "Nov 21 20:13:50 mx postfix/smtp[1]: "

/* Messages of other versions, each behind a beginning of our own. */
static void
no_message_of_another_version_is_refused(void **state)
{
    struct tl_str table = load("tests/data/postfix/log-bodies.tsv");
    struct buf log = {0};
    struct decoded d;
    char *save = NULL;
    size_t lines = 0;

    (void)state;
    strtok_r((char *)(uintptr_t)table.ptr, "\n", &save);
    for (char *row; (row = strtok_r(NULL, "\n", &save)) != NULL; lines++)
        buf_printf(&log, AT "%s\n", strrchr(row, '\t') + 1);
    must(!log.failed);
    decode(&d, "postfix", &written, (struct tl_str){(char *)log.ptr, log.len});
    assert_int_equal(lines, 128);
    assert_int_equal(d.rejects_count, 0);
    assert_int_equal(count(&d, "email.delivered"), 10);
    assert_int_equal(count(&d, "email.bounced"), 3);
    assert_int_equal(count(&d, "email.deferred"), 1);
    decoded_free(&d);
    buf_free(&log);
    free((char *)(uintptr_t)table.ptr);
}

static void
expect(const char *log, size_t events, const char *part)
{
    struct decoded d;

    decode(&d, "postfix", &written, text(log));
    if (d.events_count != events || strstr(text_of_buf(&d.events), part) == NULL)
        fail_msg("%zu events, not %zu with %s:\n%s%s", d.events_count, events, part,
                 text_of_buf(&d.events), text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
a_queue_id_ends_when_it_is_removed(void **state)
{
    (void)state;
    expect(AT "1A2B3C4D5E6: from=<bounce+c.1.x@s>, size=1\n" AT "1A2B3C4D5E6: to=<a@b>, dsn=2.0.0, "
           "status=sent (ok)\n", 1, "\"campaign\":\"c\"");
    expect(AT "1A2B3C4D5E6: from=<bounce+c.1.x@s>, size=1\n" AT "1A2B3C4D5E6: removed\n"
           AT "1A2B3C4D5E6: to=<a@b>, dsn=2.0.0, status=sent (ok)\n", 1,
           "\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b\"}],\"attributes\"");
}

static void
who_waits_when_a_message_expires_is_dropped(void **state)
{
    (void)state;
    expect(AT "1A2B3C4D5E6: to=<a@b>, dsn=4.0.0, status=deferred (later)\n"
           AT "1A2B3C4D5E6: to=<c@d>, dsn=4.0.0, status=deferred (later)\n"
           AT "1A2B3C4D5E6: to=<a@b>, dsn=2.0.0, status=sent (ok)\n"
           AT "1A2B3C4D5E6: from=<x@y>, status=expired, returned to sender\n", 4,
           "\"type\":\"email.dropped\",\"time\":\"2026-11-21T20:13:50Z\",\"channel\":\"email\","
           "\"direction\":\"outbound\",\"identifiers\":[{\"type\":\"email\",\"value\":\"c@d\"}]");
}

static void
an_alias_is_whom_it_was_sent_to(void **state)
{
    (void)state;
    expect(AT "1A2B3C4D5E6: to=<local@mx>, orig_to=<a@b>, relay=local, dsn=5.1.1, "
           "status=bounced (unknown user: \"local\")\n", 1,
           "\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b\"}]");
    expect(AT "4g5XYz1abcz2Qw: to=<a@b>, dsn=2.0.0, status=sent (ok)\n", 1, "4g5XYz1abcz2Qw");
}

static void
times_are_read_as_every_syslog_writes_them(void **state)
{
    static const char rest[] = " 1A2B3C4D5E6: to=<a@b>, dsn=2.0.0, status=sent (ok)";
    static const struct {
        const char *begin, *time;
    } lines[] = {
        {"Nov 21 20:13:50 mx postfix/smtp[1]:", "2026-11-21T20:13:50Z"},
        {"<22>Nov  1 00:00:00 mx postfix/smtp:", "2026-11-01T00:00:00Z"},
        {"Nov 23 00:00:00 mx postfix/smtp[1]:", "2026-11-23T00:00:00Z"},
        {"Nov 23 00:00:01 mx postfix/smtp[1]:", "2025-11-23T00:00:01Z"},
        {"Feb 29 12:00:00 mx postfix/smtp[1]:", "2024-02-29T12:00:00Z"},
        {"2026-11-21T20:13:50.25+01:00 mx postfix/smtp[1]:", "2026-11-21T19:13:50.250Z"},
        {"<22>1 2026-11-21T20:13:50Z mx postfix/smtp 1 - -", "2026-11-21T20:13:50Z"},
    };
    char line[256], time[64];

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(line, sizeof line, "%s%s", lines[i].begin, rest);
        snprintf(time, sizeof time, "\"time\":\"%s\"", lines[i].time);
        expect(line, 1, time);
    }
}

static void
without_a_year_to_go_by_the_time_is_kept_as_written(void **state)
{
    static const struct format_options plain = {0};
    struct decoded d;

    (void)state;
    decode(&d, "postfix", &plain, text(AT "1A2B3C4D5E6: to=<a@b>, dsn=2.0.0, status=sent (ok)"));
    assert_null(strstr(text_of_buf(&d.events), "\"time\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"logged\":\"Nov 21 20:13:50\""));
    decoded_free(&d);
}

static void
what_is_no_syslog_goes_aside_and_other_programs_are_counted(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "postfix", &written,
           text("hello\n\nNov 31 20:13:50 mx a: b\nFoo 21 20:13:50 mx a: b\n"
                "Nov 21 24:00:00 mx a: b\nNov 21 20:13:50 mx dovecot[7]: login\n"
                AT "connect to x\n"
                AT "1A2B3C4D5E6: to=<>, dsn=5.0.0, status=bounced (x)\n"));
    assert_int_equal(d.events_count, 0);
    assert_string_equal(text_of_buf(&d.ignored), "dovecot\npostfix/smtp\n");
    assert_string_equal(text_of_buf(&d.rejects),
                        "1: no line of a syslog: hello\n"
                        "3: no line of a syslog: Nov 31 20:13:50 mx a: b\n"
                        "4: no line of a syslog: Foo 21 20:13:50 mx a: b\n"
                        "5: no line of a syslog: Nov 21 24:00:00 mx a: b\n"
                        "8: a delivery to nobody: "
                        AT "1A2B3C4D5E6: to=<>, dsn=5.0.0, status=bounced (x)\n");
    decoded_free(&d);
}

static void
a_line_has_at_most_64_kib(void **state)
{
    static const char begin[] = AT "1A2B3C4D5E6: to=<a@b>, dsn=2.0.0, status=sent (";
    struct decoded d;
    char *line = malloc(POSTFIX_LINE_BYTES_MAX + 2);

    (void)state;
    assert_non_null(line);
    for (size_t more = 0; more < 2; more++) {
        size_t len = POSTFIX_LINE_BYTES_MAX + more;

        memset(line, 'x', len);
        memcpy(line, begin, sizeof begin - 1);
        line[len - 1] = ')';
        line[len] = '\n';
        decode(&d, "postfix", &written, (struct tl_str){line, len + 1});
        assert_int_equal(d.events_count, !more);
        assert_int_equal(d.rejects_count, more);
        decoded_free(&d);
    }
    free(line);
}

static void
messages_under_way_are_forgotten_beyond_a_hundred_thousand(void **state)
{
    struct buf log = {0};
    struct decoded d;

    (void)state;
    for (int i = 0; i <= POSTFIX_QUEUE_MAX; i++)
        buf_printf(&log, AT "0%010X: from=<bounce+c.1.x@s>, size=1\n", (unsigned)i);
    buf_printf(&log, AT "0%010X: to=<a@b>, dsn=2.0.0, status=sent (ok)\n", 0u);
    buf_printf(&log, AT "0%010X: to=<c@d>, dsn=2.0.0, status=sent (ok)\n",
               (unsigned)POSTFIX_QUEUE_MAX);
    must(!log.failed);
    decode_as(&d, "postfix", &written, (struct tl_str){(char *)log.ptr, log.len}, WHOLE);
    assert_int_equal(d.events_count, 2);
    assert_int_equal(count(&d, "\"campaign\":\"c\",\"attributes\""), 1);
    decoded_free(&d);
    buf_free(&log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_decodes_to_what_was_counted_in_it),
        cmocka_unit_test(no_message_of_another_version_is_refused),
        cmocka_unit_test(a_queue_id_ends_when_it_is_removed),
        cmocka_unit_test(who_waits_when_a_message_expires_is_dropped),
        cmocka_unit_test(an_alias_is_whom_it_was_sent_to),
        cmocka_unit_test(times_are_read_as_every_syslog_writes_them),
        cmocka_unit_test(without_a_year_to_go_by_the_time_is_kept_as_written),
        cmocka_unit_test(what_is_no_syslog_goes_aside_and_other_programs_are_counted),
        cmocka_unit_test(a_line_has_at_most_64_kib),
        cmocka_unit_test(messages_under_way_are_forgotten_beyond_a_hundred_thousand),
    };

    return cmocka_run_group_tests_name("postfix", tests, NULL, NULL);
}
