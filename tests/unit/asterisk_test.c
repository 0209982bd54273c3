#include "tests/unit/decode.h"

#include "adapters/call/calls.h"
#include "adapters/reading.h"

static const struct format_options plain = {0};

static const struct {
    const char *format;
    const char *calls;          /* four calls of the recording */
    const char *events;
} files[] = {
    {"asterisk-ami", "tests/data/asterisk/calls-ami.txt", "tests/data/asterisk/calls-ami.jsonl"},
    {"asterisk-queue-log", "tests/data/asterisk/calls-queue_log",
     "tests/data/asterisk/calls-queue_log.jsonl"},
    {"asterisk-cdr", "tests/data/asterisk/calls-cdr.csv", "tests/data/asterisk/calls-cdr.jsonl"},
    {"asterisk-cel", "tests/data/asterisk/calls-cel.csv", "tests/data/asterisk/calls-cel.jsonl"},
};

#define FILES (sizeof files / sizeof files[0])

static void
four_calls_decode_to_what_was_checked_by_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        struct tl_str bytes = load(files[i].calls);
        struct decoded d;

        decode(&d, files[i].format, &plain, bytes);
        assert_expected(&d, files[i].events);
        assert_int_equal(d.rejects_count, 0);
        decoded_free(&d);
        free((char *)(uintptr_t)bytes.ptr);
    }
}

static size_t
count(const struct decoded *d, const char *what)
{
    size_t n = 0;

    for (const char *at = text_of_buf(&d->events); (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void
expect_counts(const char *format, const char *path, const char *const *what, const size_t *counts)
{
    struct tl_str bytes = load(path);
    struct decoded d;

    decode_as(&d, format, &plain, bytes, RANDOM);
    for (; *what != NULL; what++, counts++)
        if (count(&d, *what) != *counts)
            fail_msg("%s: %zu of %s, not %zu", format, count(&d, *what), *what, *counts);
    assert_int_equal(d.rejects_count, 0);
    decoded_free(&d);
    free((char *)(uintptr_t)bytes.ptr);
}

static void
the_four_logs_tell_of_the_same_calls(void **state)
{
    static const char *const types[] = {"\"type\":\"call.offered\"", "\"type\":\"call.answered\"",
                                        "\"type\":\"call.ended\"", "\"type\":\"call.abandoned\"",
                                        NULL};
    /* 49 calls: 34 came in, of which 6 were abandoned; of 15 that went out 6 were answered. */
    const size_t all[] = {49, 34, 43, 6}, queued[] = {34, 28, 28, 6}, records[] = {0, 0, 49, 0};

    (void)state;
    expect_counts("asterisk-ami", "tests/data/asterisk/ami-stream.txt.gz", types, all);
    expect_counts("asterisk-cel", "tests/data/asterisk/cel-Master.csv.gz", types, all);
    expect_counts("asterisk-queue-log", "tests/data/asterisk/queue_log", types, queued);
    expect_counts("asterisk-cdr", "tests/data/asterisk/cdr-Master.csv", types, records);
}

static void
no_length_of_a_recording_does_harm(void **state)
{
    (void)state;
    for (size_t i = 1; i < FILES; i++) {
        struct tl_str bytes = load(files[i].calls);

        decode_truncated(files[i].format, &plain,
                         (struct tl_str){bytes.ptr, bytes.len < 3000 ? bytes.len : 3000});
        free((char *)(uintptr_t)bytes.ptr);
    }
}

/* ------------------------------------------------------------- user events */

#define USER "Event: UserEvent\r\nTimestamp: 1714986000.5\r\nCustomerNumber: +12025550100\r\n"    \
             "Agent: Agent/101\r\nUserEvent: "

static void
expect_user(const char *fields, const char *event)
{
    struct decoded d;
    struct buf block = {0};

    buf_printf(&block, USER "%s\r\n\r\n", fields);
    decode(&d, "asterisk-ami", &plain, (struct tl_str){(char *)block.ptr, block.len});
    if (strstr(text_of_buf(&d.events), event) == NULL)
        fail_msg("no %s in %s%s", event, text_of_buf(&d.events), text_of_buf(&d.rejects));
    decoded_free(&d);
    buf_free(&block);
}

static void
an_agent_says_what_became_of_an_offer(void **state)
{
    (void)state;
    expect_user("OfferPresented\r\nOfferCode: SPRING10",
                "\"touchpoint\":\"agent:101\",\"identifiers\":[{\"type\":\"phone\","
                "\"value\":\"+12025550100\"}]");
    expect_user("OfferPresented\r\nOfferCode: SPRING10",
                "{\"offer\":\"SPRING10\",\"outcome\":\"presented\",\"count\":1}");
    expect_user("OfferResponse\r\nOfferCode: SPRING10\r\nResponse: accepted",
                "\"type\":\"offer.accepted\"");
    expect_user("OfferResponse\r\nOfferCode: SPRING10\r\nResponse: Later",
                "\"outcome\":\"declined\",\"reason\":\"later\"");
    expect_user("OfferResponse\r\nOfferCode: S\r\nResponse: declined\r\nReason: too dear",
                "\"outcome\":\"declined\",\"reason\":\"too dear\"");
    expect_user("OfferResponse\r\nOfferCode: S\r\nResponse: do not call",
                "\"consents\":[{\"purpose\":\"marketing\",\"channel\":\"call\","
                "\"status\":\"revoked\",");
    expect_user("OfferResponse\r\nOfferCode: S\r\nResponse: callback",
                "\"text\":\"call back about S\",\"by\":\"101\",\"state\":\"made\"");
}

static void
an_agent_notes_and_promises(void **state)
{
    (void)state;
    expect_user("Note\r\nText: asked for a smaller size", "\"type\":\"note.added\"");
    expect_user("Note\r\nText: asked for a smaller size",
                "\"message\":{\"text\":\"asked for a smaller size\"}");
    expect_user("Promise\r\nPromiseId: p1\r\nText: send the form\r\nDue: 2024-05-07T10:00:00Z",
                "\"commitments\":[{\"id\":\"p1\",\"text\":\"send the form\",\"by\":\"101\","
                "\"due\":\"2024-05-07T10:00:00Z\",\"state\":\"made\"}]");
    expect_user("PromiseKept\r\nPromiseId: p1", "\"type\":\"commitment.kept\"");
    expect_user("Callback\r\nDue: 1715076000", "\"due\":\"2024-05-07T10:00:00Z\"");
    expect_user("Disposition\r\nDisposition: wrong number", "\"disposition\":\"wrong number\"");
    expect_user("Complaint\r\nText: third call", "\"kind\":\"complaint\",\"text\":\"third call\"");
    expect_user("ScreenPop", "\"type\":\"screen.popped\"");
}

static void
expect_rejects(const char *format, const char *text_in, const char *rejects)
{
    struct decoded d;

    decode(&d, format, &plain, text(text_in));
    assert_int_equal(d.events_count, 0);
    assert_string_equal(text_of_buf(&d.rejects), rejects);
    decoded_free(&d);
}

static void
what_cannot_be_understood_goes_aside_with_a_reason(void **state)
{
    static const char note[] = "Event: UserEvent\r\nUserEvent: Note\r\n"
                               "CustomerNumber: +12025550100\r\n\r\n";

    (void)state;
    expect_rejects("asterisk-ami", note,
                   "0: a Note without its Text: Event: UserEvent\r\nUserEvent: Note\r\n"
                   "CustomerNumber: +12025550100\r\n\r\n\n");
    expect_rejects("asterisk-ami", "Event: UserEvent\r\nUserEvent: Note\r\nText: x\r\n\r\n",
                   "0: names neither a customer nor a call known here: "
                   "Event: UserEvent\r\nUserEvent: Note\r\nText: x\r\n\r\n\n");
    expect_rejects("asterisk-queue-log", "\nhello\n",
                   "2: no queue_log line: epoch|callid|queue|agent|EVENT|...: hello\n");
    expect_rejects("asterisk-queue-log", "1795291344|NONE|sales|NONE|ENTERQUEUE||+1|1\n",
                   "1: without the call's id: 1795291344|NONE|sales|NONE|ENTERQUEUE||+1|1\n");
    expect_rejects("asterisk-cdr", "a,b,c\n",
                   "1: a call detail record has 16, 17, 18 or 21 columns: a,b,c\n");
    expect_rejects("asterisk-cdr", ",,,,,,,,,,,soon,,,,\n",
                   "1: the 12th column is no end: 2024-05-07 10:00:00: ,,,,,,,,,,,soon,,,,\n");
    expect_rejects("asterisk-cel", "a,b\n",
                   "1: no channel event of 20 columns with a time and a linkedid: a,b\n");
}

static void
calls_that_go_on_are_known_from_the_list_of_channels(void **state)
{
    static const char list[] =
        "Event: CoreShowChannel\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\nContext: from-trunk\r\n"
        "CallerIDNum: +12025550100\r\nExten: 12025550199\r\nApplication: Queue\r\n\r\n"
        "Event: CoreShowChannel\r\nUniqueid: 1.2\r\nLinkedid: 1.1\r\nContext: agents\r\n"
        "CallerIDNum: 101\r\nConnectedLineNum: +12025550100\r\nApplication: AppQueue\r\n\r\n";
    static const char note[] = "Event: UserEvent\r\nUserEvent: Note\r\nText: x\r\n"
                               "Uniqueid: 1.2\r\nLinkedid: 1.1\r\n\r\n";
    struct decoded d;
    struct buf b = {0};

    (void)state;
    buf_text(&b, list);
    buf_text(&b, note);
    decode(&d, "asterisk-ami", &plain, (struct tl_str){(char *)b.ptr, b.len});
    assert_int_equal(d.events_count, 1);
    assert_non_null(strstr(text_of_buf(&d.events), "\"value\":\"+12025550100\""));
    decoded_free(&d);
    buf_free(&b);
    /* Without it the call itself is all there is to know it by. */
    decode(&d, "asterisk-ami", &plain, text(note));
    assert_non_null(strstr(text_of_buf(&d.events), "{\"type\":\"x-call\",\"value\":\"1.1\"}"));
    decoded_free(&d);
}

static void
user_events_of_other_names_are_counted(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "asterisk-ami", &plain, text(USER "Coffee\r\n\r\n"));
    assert_string_equal(text_of_buf(&d.ignored), "Coffee\n");
    decoded_free(&d);
}

/* -------------------------------------------------------------------- calls */

static void
expect_direction(const char *src, const char *dst, const char *context, const char *direction,
                 const char *customer)
{
    struct decoded d;
    struct buf row = {0};

    buf_printf(&row, ",%s,%s,%s,,SIP/101-1,,Dial,,2024-05-07 10:00:00,,2024-05-07 10:00:09,9,0,"
                     "NO ANSWER,DOCUMENTATION,1715076000.1\n", src, dst, context);
    decode(&d, "asterisk-cdr", &plain, (struct tl_str){(char *)row.ptr, row.len});
    if (strstr(text_of_buf(&d.events), direction) == NULL
        || strstr(text_of_buf(&d.events), customer) == NULL)
        fail_msg("%s %s %s: %s", src, dst, context, text_of_buf(&d.events));
    decoded_free(&d);
    buf_free(&row);
}

static void
the_customer_is_whoever_is_not_the_house(void **state)
{
    static const char a[] = "\"value\":\"+12025550100\"", b[] = "\"value\":\"12025550113\"";

    (void)state;
    expect_direction("+12025550100", "101", "from-trunk", "inbound", a);
    expect_direction("+12025550100", "12025550113", "from-trunk", "inbound", a);
    expect_direction("101", "12025550113", "anything", "outbound", b);
    expect_direction("+12025550100", "12025550113", "from-internal", "outbound", b);
    expect_direction("", "12025550113", "from-trunk", "inbound",
                     "{\"type\":\"x-call\",\"value\":\"1715076000.1\"}");
}

static void
times_without_a_zone_are_local(void **state)
{
    const struct format_options zurich = {.timezone = "Europe/Zurich", .source = "pbx-2"};
    struct decoded d;

    (void)state;
    decode(&d, "asterisk-cdr", &zurich,
           text(",101,12025550113,x,,,,Dial,,2024-05-07 10:00:00,,2024-05-07 10:00:09,9,0,BUSY,"
                "3\n"));
    assert_non_null(strstr(text_of_buf(&d.events), "\"time\":\"2024-05-07T08:00:09Z\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"timezone\":\"Europe/Zurich\""));
    assert_non_null(strstr(text_of_buf(&d.events), "\"source\":\"pbx-2\""));
    decoded_free(&d);
}

static void
bytes_that_are_no_text_do_no_harm(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "asterisk-ami", &plain,
           text("Event: QueueCallerJoin\r\nCallerIDNum: +12025550100\r\nLinkedid: 1.1\r\n"
                "CallerIDName: M\xfcller\x07\xc3\xbc\r\nQueue: a\r\n\r\n"));
    assert_non_null(strstr(text_of_buf(&d.events), "\"CallerIDName\":\"M?ller \xc3\xbc\""));
    decoded_free(&d);
}

static void
the_oldest_of_many_calls_is_forgotten(void **state)
{
    struct calls *calls = calls_new();
    char id[32];

    (void)state;
    for (int i = 0; i <= CALLS_MAX; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_non_null(calls_get(calls, text(id)));
        assert_int_equal(calls_find(calls, text("0")) != NULL, i < CALLS_MAX);
    }
    assert_non_null(calls_find(calls, text("1")));
    assert_null(calls_get(calls, text("")));
    calls_free(calls);
}

static void
a_record_of_more_than_1_mib_goes_aside_and_the_next_is_read(void **state)
{
    static const char next[] = "1|7|q|NONE|ENTERQUEUE||+12025550100|1\n";
    const size_t lens[] = {READER_RECORD_BYTES_MAX, READER_RECORD_BYTES_MAX + 1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf b = {0};
        struct decoded d;

        memset(buf_grow(&b, lens[i]), 'x', lens[i]);
        b.ptr[lens[i] - 1] = '\n';
        buf_text(&b, next);
        decode(&d, "asterisk-queue-log", &plain, (struct tl_str){(char *)b.ptr, b.len});
        assert_int_equal(d.events_count, 1);
        assert_int_equal(d.rejects_count, 1);
        assert_int_equal(strstr(text_of_buf(&d.rejects), "1: a record of more") != NULL, i == 1);
        decoded_free(&d);
        buf_free(&b);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_calls_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(the_four_logs_tell_of_the_same_calls),
        cmocka_unit_test(no_length_of_a_recording_does_harm),
        cmocka_unit_test(an_agent_says_what_became_of_an_offer),
        cmocka_unit_test(an_agent_notes_and_promises),
        cmocka_unit_test(what_cannot_be_understood_goes_aside_with_a_reason),
        cmocka_unit_test(calls_that_go_on_are_known_from_the_list_of_channels),
        cmocka_unit_test(user_events_of_other_names_are_counted),
        cmocka_unit_test(the_customer_is_whoever_is_not_the_house),
        cmocka_unit_test(times_without_a_zone_are_local),
        cmocka_unit_test(bytes_that_are_no_text_do_no_harm),
        cmocka_unit_test(the_oldest_of_many_calls_is_forgotten),
        cmocka_unit_test(a_record_of_more_than_1_mib_goes_aside_and_the_next_is_read),
    };

    return cmocka_run_group_tests_name("asterisk", tests, NULL, NULL);
}
