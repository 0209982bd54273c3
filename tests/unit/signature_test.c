/* Vectors: tests/data/signature/README.md says whose they are. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapters/signature.h"
#include "base/clock.h"

struct sample {
    const char *format, *secret, *url, *file, *body;
    const char *headers[6];         /* name, value ... */
    long long at;                   /* when it was sent, seconds; 0: it does not say */
};

#define SENDGRID_KEY                                                                              \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw"  \
    "+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
#define RESEND_SECRET "whsec_dG91Y2hsaW5lLXJlc2VuZC1zZWNyZXQtMzItYnl0ZXM="

static const struct sample samples[] = {
    {"sendgrid", SENDGRID_KEY, "", "signature/sendgrid-body.json", NULL,
     {"X-Twilio-Email-Event-Webhook-Signature",
      "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM"
      "+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
      "X-Twilio-Email-Event-Webhook-Timestamp", "1600112502"},
     1600112502},
    {"mailgun", "TEST_WEBHOOK_SIGNING_KEY", "", "mailgun/delivered_event.json", NULL, {0},
     1534108637},
    {"mailgun", "TEST_WEBHOOK_SIGNING_KEY", "", "mailgun/delivered_event.form", NULL, {0},
     1461261330},
    {"mandrill", "TEST_MANDRILL_WEBHOOK_KEY", "https://hooks.example.com/mandrill",
     "mandrill/send_event.form", NULL, {"X-Mandrill-Signature", "gQoACVg0BQz1/4UO9xnbEnt4RDY="}, 0},
    {"resend", RESEND_SECRET, "", "resend/clicked_event.json", NULL,
     {"svix-id", "msg_touchline0000", "svix-timestamp", "1700000000", "svix-signature",
      "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= v2,x "
      "v1,+vi0l1R285g2AA3a0QDOtLShxMD+teA2JyVLOYOZjU0="},
     1700000000},
    {"mailersend", "touchline-mailersend-secret", "", "mailersend/clicked_event.json", NULL,
     {"Signature", "bc501827bec3aa7efdd420979475eed08220b979728d5f726a5be206fa772756"}, 0},
    {"twilio", "12345", "https://mycompany.com/myapp.php?foo=1&bar=2", NULL,
     "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&"
     "To=%2B18005551212",
     {"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, 0},
    {"square", "touchline-square-signature-key", "https://hooks.example.com/square",
     "signature/square-body.json", NULL,
     {"x-square-hmacsha256-signature", "oMJDvTacVcu8yhzP/sOswWsWkAfiwgb0rNIuV3GV3gw="}, 0},
    {"shopify", "hush-touchline-shared-secret", "", "signature/shopify-body.json", NULL,
     {"X-Shopify-Hmac-Sha256", "euOCW7cp5wMWzfmiwuxXRx0qjdh5Y2bOLkJztuUjYSg="}, 0},
    {"segment", "key", "", NULL, "The quick brown fox jumps over the lazy dog",
     {"X-Signature", "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"}, 0},
    {"woocommerce", "key", "", NULL, "The quick brown fox jumps over the lazy dog",
     {"X-WC-Webhook-Signature", "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="}, 0},
    {"mailtrap", "key", "", NULL, "The quick brown fox jumps over the lazy dog",
     {"Mailtrap-Signature", "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"}, 0},
};

#define SAMPLES (sizeof samples / sizeof samples[0])

static char body[65536];
static struct sample sent;
static struct signature_request request;

static const char *
find_header(void *arg, const char *name)
{
    const char *const *headers = arg;

    for (size_t i = 0; i < 6 && headers[i] != NULL; i += 2)
        if (strcasecmp(headers[i], name) == 0)
            return headers[i + 1];
    return NULL;
}

static void
prepare(size_t i)
{
    char path[256];
    size_t len;
    FILE *f;

    sent = samples[i];
    if (sent.file != NULL) {
        snprintf(path, sizeof path, "tests/data/%s", sent.file);
        assert_non_null(f = fopen(path, "rb"));
        len = fread(body, 1, sizeof body, f);
        fclose(f);
    } else {
        len = strlen(sent.body);
        memcpy(body, sent.body, len);
    }
    request = (struct signature_request){
        .url = sent.url, .body = {body, len}, .header = find_header, .header_arg = sent.headers,
        .now = (sent.at != 0 ? sent.at : 1700000000) * CLOCK_SECOND};
}

static void
what_was_signed_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        prepare(i);
        assert_true(signature_known(sent.format));
        assert_null(signature_secret(sent.format, sent.secret));
        if (signature_check(sent.format, sent.secret, &request) != SIGNATURE_OK)
            fail_msg("%s", sent.format);
    }
}

/* Mailgun signs no body, only its token. */
static void
one_changed_byte_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        char *at;

        prepare(i);
        at = strcmp(sent.format, "mailgun") == 0 ? strstr(body, "token") + 12
                                                 : body + request.body.len / 2;
        *at ^= 1;
        if (signature_check(sent.format, sent.secret, &request) != SIGNATURE_WRONG)
            fail_msg("%s", sent.format);
    }
}

static void
another_secret_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        prepare(i);
        if (signature_check(sent.format, "whsec_AAAA", &request) != SIGNATURE_WRONG)
            fail_msg("%s", sent.format);
        assert_int_equal(signature_check(sent.format, "", &request), SIGNATURE_WRONG);
    }
}

static void
a_request_without_headers_or_body_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        prepare(i);
        sent.headers[0] = NULL;
        if (strcmp(sent.format, "mailgun") != 0)
            assert_int_equal(signature_check(sent.format, sent.secret, &request),
                             SIGNATURE_WRONG);
        request.body.len = 0;
        assert_int_equal(signature_check(sent.format, sent.secret, &request), SIGNATURE_WRONG);
    }
}

static void
what_says_when_is_good_for_300_seconds(void **state)
{
    static const int64_t s = CLOCK_SECOND;

    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        int64_t at;

        prepare(i);
        if (sent.at == 0)
            continue;
        at = request.now;
        request.now = at + SIGNATURE_AGE_MAX_S * s;
        assert_int_equal(signature_check(sent.format, sent.secret, &request), SIGNATURE_OK);
        request.now = at + (SIGNATURE_AGE_MAX_S + 1) * s;
        assert_int_equal(signature_check(sent.format, sent.secret, &request), SIGNATURE_OLD);
        request.now = at - SIGNATURE_AGE_MAX_S * s;
        assert_int_equal(signature_check(sent.format, sent.secret, &request), SIGNATURE_OK);
        request.now = at - (SIGNATURE_AGE_MAX_S + 1) * s;
        assert_int_equal(signature_check(sent.format, sent.secret, &request), SIGNATURE_OLD);
    }
}

/* The vendor's own example of a signature that is none. */
static void
mailguns_bad_example_is_refused(void **state)
{
    static const char bad[] =
        "{\"event-data\": {\"event\": \"delivered\"}, \"signature\": {\"token\": "
        "\"1234567890abcdef1234567890abcdef\", \"timestamp\": \"1234567890\", \"signature\": "
        "\"42c47761582dcf51d81aaec6b37f4ae0f57a836fbe1e442f1775c8eb0f3e9ed0\"}}";

    (void)state;
    prepare(1);
    request.body = (struct tl_str){bad, sizeof bad - 1};
    request.now = 1234567890 * CLOCK_SECOND;
    assert_int_equal(signature_check("mailgun", "TEST_WEBHOOK_SIGNING_KEY", &request),
                     SIGNATURE_WRONG);
}

/* SHA-256 of the body; HMAC-SHA1 of the URL under `12345`. */
static void
twilio_names_a_body_that_is_no_form_by_its_hash(void **state)
{
    const char *headers[6] = {"X-Twilio-Signature", "Tl+ouIXv9QtcOAPLbLM3TdUGhro="};

    (void)state;
    request = (struct signature_request){
        .url = "https://example.com/t?bodySHA256="
               "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        .body = TL_STR("{}"), .header = find_header, .header_arg = headers};
    assert_int_equal(signature_check("twilio", "12345", &request), SIGNATURE_OK);
    request.body = TL_STR("{ }");
    assert_int_equal(signature_check("twilio", "12345", &request), SIGNATURE_WRONG);
}

static void
secrets_that_cannot_be_one_are_named(void **state)
{
    (void)state;
    assert_non_null(signature_secret("sendgrid", "not base64"));
    assert_non_null(signature_secret("sendgrid", "AAAA"));
    assert_non_null(signature_secret("resend", "whsec_?"));
    assert_non_null(signature_secret("shopify", ""));
    assert_non_null(signature_secret("brevo", "x"));
    assert_false(signature_known("brevo"));
    assert_int_equal(signature_check("brevo", "x", &request), SIGNATURE_WRONG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_signed_is_accepted),
        cmocka_unit_test(one_changed_byte_is_refused),
        cmocka_unit_test(another_secret_is_refused),
        cmocka_unit_test(a_request_without_headers_or_body_is_refused),
        cmocka_unit_test(what_says_when_is_good_for_300_seconds),
        cmocka_unit_test(mailguns_bad_example_is_refused),
        cmocka_unit_test(twilio_names_a_body_that_is_no_form_by_its_hash),
        cmocka_unit_test(secrets_that_cannot_be_one_are_named),
    };

    return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
