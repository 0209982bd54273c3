/* The e-mail services but SendGrid, which has a test of its own: their real bodies,
 * and what each of them does in its own way. */

#include "adapters/text.h"
#include "tests/unit/decode.h"

#include <dirent.h>

#include "adapters/email/webhook.h"

static const struct format_options plain = {0};

static const struct service {
    const char *name;
    size_t events, rejects, ignored;        /* of tests/data/NAME */
} services[] = {
    {"mailgun", 11, 5, 0},   {"ses", 14, 1, 2},    {"postmark", 5, 1, 0},
    {"sparkpost", 8, 3, 1},  {"mandrill", 3, 0, 0}, {"mailjet", 6, 0, 0},
    {"brevo", 11, 0, 0},     {"resend", 7, 0, 0},  {"mailersend", 6, 0, 0},
    {"mailtrap", 6, 0, 0},
};

#define SERVICES (sizeof services / sizeof services[0])

static int
is_body(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && (strcmp(dot, ".json") == 0 || strcmp(dot, ".form") == 0);
}

static void
each_body(const char *name, void (*call)(const char *name, struct tl_str body, void *arg),
          void *arg)
{
    char path[512];
    struct dirent **files;
    int count;

    snprintf(path, sizeof path, "tests/data/%s", name);
    assert_true((count = scandir(path, &files, is_body, alphasort)) > 0);
    for (int i = 0; i < count; i++) {
        struct tl_str body;

        snprintf(path, sizeof path, "tests/data/%s/%s", name, files[i]->d_name);
        body = load(path);
        call(name, body, arg);
        free((char *)(uintptr_t)body.ptr);
        free(files[i]);
    }
    free(files);
}

static void
add_body(const char *name, struct tl_str body, void *arg)
{
    struct decoded *all = arg, d;

    decode(&d, name, &plain, body);
    buf_text(&all->events, text_of_buf(&d.events));
    all->events_count += d.events_count;
    all->rejects_count += d.rejects_count;
    all->ignored_count += d.ignored_count;
    decoded_free(&d);
}

static void
samples_decode_to_what_was_checked_by_reading(void **state)
{
    char path[256];

    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        struct decoded all = {0};

        each_body(services[i].name, add_body, &all);
        buf_byte(&all.events, 0);
        snprintf(path, sizeof path, "tests/data/%s/events.jsonl", services[i].name);
        assert_expected(&all, path);
        if (all.events_count != services[i].events || all.rejects_count != services[i].rejects
            || all.ignored_count != services[i].ignored)
            fail_msg("%s: %zu %zu %zu", services[i].name, all.events_count, all.rejects_count,
                     all.ignored_count);
        decoded_free(&all);
    }
}

static void
truncate_body(const char *name, struct tl_str body, void *arg)
{
    (void)arg;
    if (body.len < 1500)
        decode_truncated(name, &plain, body);
}

static void
no_length_of_a_sample_does_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICES; i++)
        each_body(services[i].name, truncate_body, NULL);
}

/* ------------------------------------------------------------- one by one */

static void
expect(const char *format, const char *body, size_t events, const char *part)
{
    struct decoded d;

    decode(&d, format, &plain, text(body));
    if (d.events_count != events || strstr(text_of_buf(&d.events), part) == NULL)
        fail_msg("%zu events, not %zu with %s:\n%s%s", d.events_count, events, part,
                 text_of_buf(&d.events), text_of_buf(&d.rejects));
    decoded_free(&d);
}

static void
expect_reject(const char *format, const char *body, const char *part)
{
    struct decoded d;

    decode(&d, format, &plain, text(body));
    assert_int_equal(d.events_count, 0);
    assert_int_equal(d.rejects_count, 1);
    if (strstr(text_of_buf(&d.rejects), part) == NULL)
        fail_msg("not %s: %s", part, text_of_buf(&d.rejects));
    decoded_free(&d);
}

#define MAILGUN(more) "{\"signature\":{},\"event-data\":{\"event\":\"opened\",\"timestamp\":1,"   \
                      "\"recipient\":\"a@b\"" more "}}"

static void
custom_arguments_say_campaign_offer_and_customer(void **state)
{
    (void)state;
    expect("mailgun",
           MAILGUN(",\"user-variables\":{\"campaign_id\":\"c\",\"offer_id\":7,\"offer_terms\":"
                   "\"10%\",\"treatment\":\"b\",\"customer_id\":\"k1\"}"),
           1,
           "{\"type\":\"crm\",\"value\":\"k1\"}],\"campaign\":\"c\"");
    expect("mailgun", MAILGUN(",\"user-variables\":{\"campaign_id\":\"c\",\"offer_id\":7,"
                              "\"offer_terms\":\"10%\",\"treatment\":\"b\"}"),
           1,
           "\"offers\":[{\"offer\":\"7\",\"campaign\":\"c\",\"treatment\":\"b\","
           "\"outcome\":\"presented\",\"terms\":\"10%\",\"count\":1}]");
    expect("brevo", "{\"event\":\"opened\",\"email\":\"a@b\",\"X-Mailin-custom\":"
                    "\"{\\\"campaign\\\":\\\"c\\\"}\"}", 1, "\"offer\":\"c\"");
    expect("mailjet", "{\"event\":\"open\",\"time\":1,\"email\":\"a@b\",\"Payload\":"
                      "\"{\\\"offer\\\":\\\"o\\\"}\",\"mj_campaign_id\":5}", 1,
           "\"offer\":\"o\",\"campaign\":\"5\"");
    expect("sparkpost", "[{\"msys\":{\"track_event\":{\"type\":\"open\",\"rcpt_to\":\"a@b\","
                        "\"campaign_id\":\"s\",\"rcpt_meta\":{\"user_id\":\"u\"}}}}]", 1,
           "{\"type\":\"user\",\"value\":\"u\"}],\"campaign\":\"s\"");
}

static void
a_machines_open_shows_the_offer_to_nobody(void **state)
{
    struct decoded d;

    (void)state;
    decode(&d, "mailgun", &plain,
           text(MAILGUN(",\"tags\":[\"t\"],\"client-info\":{\"bot\":\"apple\"}")));
    assert_non_null(strstr(text_of_buf(&d.events), "\"campaign\":\"t\""));
    assert_null(strstr(text_of_buf(&d.events), "\"offers\""));
    decoded_free(&d);
    expect("mailgun", MAILGUN(",\"tags\":[\"t\"],\"client-info\":{\"bot\":\"\"}"), 1,
           "\"offer\":\"t\"");
}

#define SES_BOUNCE                                                                                \
    "{\"eventType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":["   \
    "{\"emailAddress\":\"a@b\"},{\"emailAddress\":\"Bee <c@d>\"}],"                                \
    "\"timestamp\":\"2020-01-01T00:00:00Z\"},\"mail\":{\"destination\":[\"a@b\",\"c@d\",\"e@f\"]," \
    "\"tags\":{\"campaign_id\":[\"spring\"]}}}"

/* JSON text in JSON text. */
static char *
quoted(const char *json)
{
    struct values values;
    struct buf out = {0};

    values_init(&values);
    value_write(&out, values_string(&values, text_of(json)), VALUE_AS_IT_IS);
    buf_byte(&out, '\0');
    must(!out.failed);
    values_fini(&values);
    return (char *)out.ptr;
}

static void
expect_same(const struct decoded *raw, const char *body)
{
    struct decoded d;

    decode(&d, "ses", &plain, text(body));
    assert_string_equal(text_of_buf(&d.events), text_of_buf(&raw->events));
    decoded_free(&d);
}

static void
amazons_wrappers_change_nothing_of_an_event(void **state)
{
    struct decoded raw;
    char body[8192], *message = quoted(SES_BOUNCE), *twice;

    (void)state;
    decode(&raw, "ses", &plain, text(SES_BOUNCE));
    assert_int_equal(raw.events_count, 2);
    assert_non_null(strstr(text_of_buf(&raw.events), "/a@b\",\"source\":\"ses\""));
    assert_non_null(strstr(text_of_buf(&raw.events), "/c@d\",\"source\":\"ses\""));
    assert_non_null(strstr(text_of_buf(&raw.events), "\"outcome\":\"undelivered\""));
    snprintf(body, sizeof body, "{\"Type\":\"Notification\",\"Message\":%s}", message);
    expect_same(&raw, body);
    twice = quoted(body);
    snprintf(body, sizeof body, "{\"Records\":[{\"body\":%s}]}", twice);
    expect_same(&raw, body);
    snprintf(body, sizeof body, "{\"Records\":[{\"body\":%s}]}", message);
    expect_same(&raw, body);
    snprintf(body, sizeof body, "{\"Records\":[{\"EventSource\":\"aws:sns\",\"Sns\":{\"Type\":"
                                "\"Notification\",\"Message\":%s}}]}", message);
    expect_same(&raw, body);
    snprintf(body, sizeof body, "{\"source\":\"aws.ses\",\"detail\":%s}", SES_BOUNCE);
    expect_same(&raw, body);
    decoded_free(&raw);
    free(twice);
    free(message);
}

static void
amazon_does_not_say_who_of_several_opened(void **state)
{
    (void)state;
    expect_reject("ses", "{\"eventType\":\"Open\",\"open\":{\"timestamp\":\"2020-01-01T00:00:00Z\""
                         "},\"mail\":{\"destination\":[\"a@b\",\"c@d\"]}}",
                  "who of several recipients");
}

static void
subscriptions_are_consent(void **state)
{
    (void)state;
    expect("ses", "{\"eventType\":\"Subscription\",\"mail\":{\"destination\":[\"a@b\"]},"
                  "\"subscription\":{\"timestamp\":\"2020-01-01T00:00:00Z\","
                  "\"newTopicPreferences\":{\"unsubscribeAll\":true}}}",
           1, "\"status\":\"revoked\"");
    expect("ses", "{\"eventType\":\"Subscription\",\"mail\":{\"destination\":[\"a@b\"]},"
                  "\"subscription\":{\"timestamp\":\"2020-01-01T00:00:00Z\","
                  "\"newTopicPreferences\":{\"unsubscribeAll\":false},"
                  "\"oldTopicPreferences\":{\"unsubscribeAll\":true}}}",
           1, "\"status\":\"granted\"");
    expect("ses", "{\"eventType\":\"Subscription\",\"mail\":{\"destination\":[\"a@b\"]},"
                  "\"subscription\":{\"timestamp\":\"2020-01-01T00:00:00Z\"}}",
           1, "email.preferences_set");
    expect("postmark", "{\"RecordType\":\"SubscriptionChange\",\"Recipient\":\"a@b\","
                       "\"ChangedAt\":\"2020-02-01T10:53:34.416071Z\",\"SuppressSending\":true,"
                       "\"SuppressionReason\":\"ManualSuppression\"}",
           1, "\"evidence\":\"postmark Unsubscribe, ManualSuppression\"");
    expect("postmark", "{\"RecordType\":\"SubscriptionChange\",\"Recipient\":\"a@b\","
                       "\"ChangedAt\":\"2020-02-01T10:53:34.416071Z\",\"SuppressSending\":false}",
           1, "\"status\":\"granted\"");
}

static void
a_bounce_that_is_none_is_what_it_is(void **state)
{
    (void)state;
    expect("postmark", "{\"RecordType\":\"Bounce\",\"Type\":\"Transient\",\"Email\":\"a@b\"}", 1,
           "email.deferred");
    expect("postmark", "{\"RecordType\":\"Bounce\",\"Type\":\"AutoResponder\",\"Email\":\"a@b\"}",
           1, "email.replied");
    expect("postmark", "{\"RecordType\":\"Bounce\",\"Type\":\"AutoResponder\",\"Email\":\"a@b\"}",
           1, "\"Auto-Submitted\":\"auto-replied\"");
    expect("sparkpost", "{\"msys\":{\"message_event\":{\"type\":\"bounce\",\"bounce_class\":\"90\","
                        "\"rcpt_to\":\"a@b\"}}}",
           1, "\"status\":\"revoked\"");
    expect("mailgun", MAILGUN(",\"severity\":\"temporary\""), 1, "email.opened");
}

static void
what_the_transactional_stream_sends_is_no_offer(void **state)
{
    (void)state;
    expect("mailtrap", "{\"events\":[{\"event\":\"open\",\"timestamp\":1,\"email\":\"a@b\","
                       "\"category\":\"spring\",\"sending_stream\":\"bulk\"}]}",
           1, "\"offer\":\"spring\"");
}

static void
a_repeated_call_with_another_token_is_the_same_event(void **state)
{
    struct decoded a, b;

    (void)state;
    decode(&a, "mailgun", &plain,
           text("event=opened&recipient=a%40b&timestamp=1&token=x&signature=y&tag=1&tag=2&tag=3"));
    decode(&b, "mailgun", &plain,
           text("event=opened&recipient=a%40b&timestamp=1&tag=1&tag=2&tag=3&token=z&signature=q"));
    assert_int_equal(a.events_count, 1);
    assert_string_equal(text_of_buf(&a.events), text_of_buf(&b.events));
    decoded_free(&a);
    decoded_free(&b);
}

static void
what_is_no_form_and_no_json_goes_aside(void **state)
{
    (void)state;
    expect_reject("mandrill", "mandrill_event=1", "neither JSON nor a form of Mandrill's webhooks");
    expect_reject("mandrill", "mandrill_events=%5B", "neither JSON nor a form");
    expect_reject("mailgun", "event=opened&timestamp=1&recipient=%ff", "neither JSON nor a form");
    expect_reject("brevo", "event=opened", "not JSON");
    expect_reject("sparkpost", "[{}]", "no `msys`");
    expect_reject("ses", "{}", "no `eventType` or `notificationType`");
    expect_reject("mailtrap", "{\"events\":[{\"event\":\"open\",\"email\":\"a@b\"}]}",
                  "no `timestamp` between 1970 and 2100: {\"event\":\"open\",\"email\":\"a@b\"}");
    expect_reject("resend", "{\"type\":\"email.sent\",\"created_at\":\"yesterday\",\"data\":"
                            "{\"to\":[\"a@b\"]}}", "no `created_at` between 1970 and 2100");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_decode_to_what_was_checked_by_reading),
        cmocka_unit_test(no_length_of_a_sample_does_harm),
        cmocka_unit_test(custom_arguments_say_campaign_offer_and_customer),
        cmocka_unit_test(a_machines_open_shows_the_offer_to_nobody),
        cmocka_unit_test(amazons_wrappers_change_nothing_of_an_event),
        cmocka_unit_test(amazon_does_not_say_who_of_several_opened),
        cmocka_unit_test(subscriptions_are_consent),
        cmocka_unit_test(a_bounce_that_is_none_is_what_it_is),
        cmocka_unit_test(what_the_transactional_stream_sends_is_no_offer),
        cmocka_unit_test(a_repeated_call_with_another_token_is_the_same_event),
        cmocka_unit_test(what_is_no_form_and_no_json_goes_aside),
    };

    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
