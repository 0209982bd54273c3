#include "tests/unit/golden.h"

static const struct format_options plain = {0};

#define CE(more)                                                                                  \
    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"note.added\","            \
    "\"time\":\"2020-01-01T00:00:00Z\"" more "}"

static void
data_that_is_an_event_is_that_event(void **state)
{
    (void)state;
    expect_said("cloudevents", &plain,
                CE(",\"data\":{\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b.ch\"}],"
                   "\"channel\":\"call\",\"message\":{\"text\":\"hello\"}}"),
                "{\"id\":\"1\",\"source\":\"/s\",\"type\":\"note.added\","
                "\"time\":\"2020-01-01T00:00:00Z\",\"channel\":\"call\","
                "\"identifiers\":[{\"type\":\"email\",\"value\":\"a@b.ch\"}],"
                "\"message\":{\"text\":\"hello\"}}",
                true);
    expect_said("cloudevents", &plain,
                CE(",\"data\":{\"id\":\"9\",\"source\":\"desk\",\"type\":\"offer.declined\","
                   "\"identifiers\":[{\"type\":\"user\",\"value\":\"7\"}],\"offers\":["
                   "{\"offer\":\"P\"}]}"),
                "{\"id\":\"9\",\"source\":\"desk\",\"type\":\"offer.declined\"", true);
    expect_rejected("cloudevents", &plain, CE(",\"data\":{\"identifiers\":[],\"offer\":1}"),
                    "data that is no event");
}

static void
foreign_data_is_kept_whole_under_its_subject(void **state)
{
    (void)state;
    expect_said("cloudevents", &plain,
                CE(",\"subject\":\"customer/17\",\"data\":{\"a\":[1,{\"b\":null}]},\"ext\":5"),
                "\"identifiers\":[{\"type\":\"crm\",\"value\":\"17\"}],\"attributes\":{"
                "\"data\":\"{\\\"a\\\":[1,{\\\"b\\\":null}]}\",\"ext\":\"5\"}",
                true);
    expect_said("cloudevents", &plain, CE(",\"subject\":\"email:a@b.ch\",\"data\":\"text\""),
                "{\"type\":\"email\",\"value\":\"a@b.ch\"}", true);
    expect_rejected("cloudevents", &plain, CE(",\"subject\":\"123\",\"data\":1"), "no customer");
    expect_rejected("cloudevents", &plain, CE(",\"data\":1"), "no customer");
}

static void
a_sequence_of_digits_is_the_sources_own_count(void **state)
{
    static const char *const others[] = {"-7", "", "1x", "9999999999999999999"};
    const struct format_options named = {.source = "shop"};

    (void)state;
    expect_said("cloudevents", &plain,
                CE(",\"subject\":\"user:1\",\"sequence\":\"0012\",\"sequencetype\":\"Integer\""),
                "\"sequence\":\"12\"}", true);
    expect_said("cloudevents", &plain,
                CE(",\"sequence\":\"3\",\"data\":{\"identifiers\":[{\"type\":\"user\","
                   "\"value\":\"7\"}]}"),
                "\"sequence\":\"3\"}", true);
    expect_said("cloudevents", &plain,
                CE(",\"sequence\":\"3\",\"data\":{\"source\":\"desk\",\"identifiers\":[{\"type\":"
                   "\"user\",\"value\":\"7\"}]}"),
                "sequence", false);
    expect_said("cloudevents", &named, CE(",\"subject\":\"user:1\",\"sequence\":\"3\""),
                "\"attributes\":{\"source\":\"/s\",\"sequence\":\"3\"}", true);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char body[256];

        snprintf(body, sizeof body,
                 "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"a.b\","
                 "\"subject\":\"user:1\",\"sequence\":\"%s\"}",
                 others[i]);
        expect_said("cloudevents", &plain, body, "\"}],\"sequence\"", false);
    }
}

static void
a_foreign_type_that_cannot_be_ours_is_kept_beside(void **state)
{
    static const char *const types[] = {"com.Acme.Made", "offer.made", "a..b", "x.", ""};

    (void)state;
    for (size_t i = 0; types[i][0] != '\0'; i++) {
        char body[256];

        snprintf(body, sizeof body,
                 "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"%s\","
                 "\"subject\":\"user:1\"}",
                 types[i]);
        expect_said("cloudevents", &plain, body, "\"type\":\"cloudevent.received\"", true);
        expect_said("cloudevents", &plain, body, types[i], true);
    }
}

static void
binary_mode_is_the_same_as_structured(void **state)
{
    struct decoded a, b;

    (void)state;
    decode(&a, "cloudevents", &plain,
           text("POST /v1/events HTTP/1.1\r\nce-specversion: 1.0\r\nCe-Id: 1\r\nce-source: %2Fs\r\n"
                "ce-type: note.added\r\nce-time: 2020-01-01T00:00:00Z\r\n"
                "ce-subject: user:Z%C3%BC\r\n"
                "content-type: application/json\r\ncontent-length: 7\r\n\r\n{\"a\":1}"));
    decode(&b, "cloudevents", &plain,
           text("[" CE(",\"subject\":\"user:Z\\u00fc\",\"datacontenttype\":\"application/json\","
                       "\"data\":{\"a\":1}") "]"));
    assert_same_decoded(&a, &b);
    assert_int_equal(a.events_count, 1);
    decoded_free(&a);
    decoded_free(&b);
}

static void
protobuf_samples_decode_to_what_was_checked_by_reading(void **state)
{
    static const char *const endings[] = {".pb", NULL};

    (void)state;
    expect_golden("cloudevents", &plain, "tests/data/cloudevents/protobuf", endings, 0);
}

/* id 1, source s, specversion 1.0, type t.u, and proto_data of our own. */
static void
our_own_message_in_protobuf_is_that_event(void **state)
{
    struct tl_identifier user = {TL_STR("user"), TL_STR("7")};
    const struct tl_event ev = {.type = TL_STR("note.added"), .identifiers = &user,
                                .identifiers_count = 1};
    static const char type[] = "type.googleapis.com/touchline.v1.Event";
    struct buf body = {0};
    char *bytes;
    size_t len;

    (void)state;
    assert_int_equal(tl_event_encode(&ev, &bytes, &len), 0);
    buf_text(&body, "\x0a\x01" "1" "\x12\x01s" "\x1a\x03" "1.0" "\x22\x03t.u");
    buf_byte(&body, 0x42);
    buf_varint(&body, 4 + strlen(type) + len);
    buf_byte(&body, 0x0a);
    buf_varint(&body, strlen(type));
    buf_text(&body, type);
    buf_byte(&body, 0x12);
    buf_varint(&body, len);
    buf_append(&body, bytes, len);
    buf_byte(&body, 0);
    expect_said("cloudevents", &plain, (const char *)body.ptr,
                "{\"id\":\"1\",\"source\":\"s\",\"type\":\"note.added\",\"identifiers\":[{"
                "\"type\":\"user\",\"value\":\"7\"}]}",
                true);
    free(bytes);
    buf_free(&body);
}

static void
protobuf_that_is_no_cloudevent_goes_aside(void **state)
{
    (void)state;
    expect_rejected("cloudevents", &plain,
                    "POST /v1/events HTTP/1.1\r\ncontent-type: application/cloudevents+protobuf\r\n"
                    "content-length: 2\r\n\r\n{}",
                    "no CloudEvent in protobuf");
    expect_rejected("cloudevents", &plain, "\x0a\x7fshort", "no CloudEvent in protobuf");
    expect_rejected("cloudevents", &plain, "\x0a\x01" "1" "\x12\x01s", "`specversion`");
}

static void
the_source_is_the_envelopes_unless_one_is_given(void **state)
{
    const struct format_options given = {.source = "shop"};

    (void)state;
    expect_said("cloudevents", &given, CE(",\"subject\":\"user:1\""), "\"source\":\"shop\"", true);
    expect_said("cloudevents", &plain, CE(",\"subject\":\"user:1\""), "\"source\":\"/s\"", true);
}

static void
what_is_no_cloudevent_goes_aside(void **state)
{
    (void)state;
    expect_rejected("cloudevents", &plain, "{\"id\":\"1\"}", "`specversion`");
    expect_rejected("cloudevents", &plain, "[7]", "no object");
    expect_rejected("cloudevents", &plain,
                    "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\"}",
                    "1 to 256 bytes");
    expect_rejected("cloudevents", &plain,
                    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
                    "\"time\":\"now\"}",
                    "`time`");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_that_is_an_event_is_that_event),
        cmocka_unit_test(foreign_data_is_kept_whole_under_its_subject),
        cmocka_unit_test(a_sequence_of_digits_is_the_sources_own_count),
        cmocka_unit_test(a_foreign_type_that_cannot_be_ours_is_kept_beside),
        cmocka_unit_test(binary_mode_is_the_same_as_structured),
        cmocka_unit_test(protobuf_samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(our_own_message_in_protobuf_is_that_event),
        cmocka_unit_test(protobuf_that_is_no_cloudevent_goes_aside),
        cmocka_unit_test(the_source_is_the_envelopes_unless_one_is_given),
        cmocka_unit_test(what_is_no_cloudevent_goes_aside),
    };

    return cmocka_run_group_tests_name("cloudevents", tests, NULL, NULL);
}
