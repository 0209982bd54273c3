#include "adapters/signature.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/form.h"
#include "adapters/parse.h"
#include "adapters/value.h"
#include "base/buf.h"
#include "base/clock.h"

#define DIGEST_BYTES_MAX EVP_MAX_MD_SIZE
#define ENCODED_BYTES_MAX (2 * DIGEST_BYTES_MAX + 1)    /* hex; base64 is shorter */
#define KEY_BYTES_MAX 4096
#define SECRET_PREFIX "whsec_"

enum encoding {
    HEX,
    BASE64,
};

struct scheme {
    const char *format;
    /* Either all of it, */
    enum signature (*check)(const char *secret, const struct signature_request *r);
    /* or what is signed with an HMAC, and where the answer is. */
    bool (*text)(struct buf *out, const struct signature_request *r);
    const char *header;
    const EVP_MD *(*digest)(void);
    enum encoding encoding;
    const char *(*secret)(const char *secret);      /* NULL: any text will do */
};

/* ------------------------------------------------------------------ pieces */

static const char *
header(const struct signature_request *r, const char *name)
{
    const char *value = r->header(r->header_arg, name);

    return value != NULL ? value : "";
}

static void
encode(char out[ENCODED_BYTES_MAX], const unsigned char *bytes, size_t len, enum encoding encoding)
{
    static const char digits[] = "0123456789abcdef";

    if (encoding == BASE64) {
        EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

/* The bytes of base64 text, or 0: no base64, or longer than `max`. */
static size_t
decode_base64(unsigned char *out, size_t max, const char *text, size_t len)
{
    size_t padding = 0;
    int got;

    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > max)
        return 0;
    got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
    return got > (int)padding ? (size_t)got - padding : 0;
}

static bool
same(const char *a, const char *b, size_t b_len)
{
    return strlen(a) == b_len && CRYPTO_memcmp(a, b, b_len) == 0;
}

static bool
hmac(char out[ENCODED_BYTES_MAX], const EVP_MD *digest, enum encoding encoding, const void *key,
     size_t key_len, const struct buf *text)
{
    unsigned char bytes[DIGEST_BYTES_MAX];
    unsigned len = 0;

    if (text->failed || key_len > INT_MAX
        || HMAC(digest, key, (int)key_len, text->len > 0 ? text->ptr : (const void *)"", text->len,
                bytes, &len)
               == NULL)
        return false;
    encode(out, bytes, len, encoding);
    return true;
}

/* Is it close enough to now? */
static enum signature
age(const char *seconds, const struct signature_request *r)
{
    char *end;
    long long then = strtoll(seconds, &end, 10), now = r->now / CLOCK_SECOND;

    if (end == seconds || *end != '\0' || then < 0 || then > LLONG_MAX / 2)
        return SIGNATURE_WRONG;
    return then + SIGNATURE_AGE_MAX_S < now || then - SIGNATURE_AGE_MAX_S > now ? SIGNATURE_OLD
                                                                                 : SIGNATURE_OK;
}

static void
put(struct buf *out, struct tl_str s)
{
    buf_append(out, s.ptr, s.len);
}

/* ---------------------------------------------------------------- sendgrid */

/* https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/
 * getting-started-event-webhook-security-features */

static EVP_PKEY *
public_key(const char *base64)
{
    unsigned char der[KEY_BYTES_MAX];
    const unsigned char *at = der;
    size_t len = decode_base64(der, sizeof der, base64, strlen(base64));
    EVP_PKEY *key = len > 0 ? d2i_PUBKEY(NULL, &at, (long)len) : NULL;

    if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static const char *
secret_sendgrid(const char *secret)
{
    EVP_PKEY *key = public_key(secret);

    EVP_PKEY_free(key);
    return key == NULL ? "SendGrid's verification key is base64 of an elliptic-curve public key"
                       : NULL;
}

static bool
verify(EVP_PKEY *key, const char *signature, const struct buf *text)
{
    unsigned char bytes[256];
    size_t len = decode_base64(bytes, sizeof bytes, signature, strlen(signature));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && len > 0
              && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1
              && EVP_DigestVerify(ctx, bytes, len, text->ptr, text->len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static enum signature
check_sendgrid(const char *secret, const struct signature_request *r)
{
    const char *time = header(r, "X-Twilio-Email-Event-Webhook-Timestamp");
    EVP_PKEY *key = public_key(secret);
    struct buf text = {0};
    bool ok;

    buf_text(&text, time);
    put(&text, r->body);
    ok = key != NULL && !text.failed && text.len > 0
         && verify(key, header(r, "X-Twilio-Email-Event-Webhook-Signature"), &text);
    EVP_PKEY_free(key);
    buf_free(&text);
    return ok ? age(time, r) : SIGNATURE_WRONG;
}

/* ----------------------------------------------------------------- mailgun */

/* https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks */

struct mailgun {
    const char *timestamp, *token, *signature;
};

static enum signature
check_mailgun_parts(const char *secret, const struct signature_request *r,
                    const struct mailgun *m)
{
    char want[ENCODED_BYTES_MAX];
    struct buf text = {0};
    bool ok;

    if (m->timestamp == NULL || m->token == NULL || m->signature == NULL)
        return SIGNATURE_WRONG;
    buf_text(&text, m->timestamp);
    buf_text(&text, m->token);
    ok = hmac(want, EVP_sha256(), HEX, secret, strlen(secret), &text)
         && same(want, m->signature, strlen(m->signature));
    buf_free(&text);
    return ok ? age(m->timestamp, r) : SIGNATURE_WRONG;
}

static enum signature
check_mailgun_json(const char *secret, const struct signature_request *r, const struct value *body)
{
    const struct value *signature = value_get(body, "signature");
    const struct mailgun m = {
        .timestamp = value_text(value_get(signature, "timestamp")),
        .token = value_text(value_get(signature, "token")),
        .signature = value_text(value_get(signature, "signature")),
    };

    return check_mailgun_parts(secret, r, &m);
}

/* A field as text of its own; free it. */
static char *
field(const struct form *form, const char *name)
{
    const struct form_field *f = form_find(form, name);

    return f != NULL ? strndup(f->value.ptr, f->value.len) : NULL;
}

/* The older, form-encoded webhooks. */
static enum signature
check_mailgun_form(const char *secret, const struct signature_request *r)
{
    enum signature answer = SIGNATURE_WRONG;
    struct form form;

    if (form_read(&form, r->body) == 0) {
        char *timestamp = field(&form, "timestamp"), *token = field(&form, "token");
        char *signature = field(&form, "signature");
        const struct mailgun m = {timestamp, token, signature};

        answer = check_mailgun_parts(secret, r, &m);
        free(timestamp);
        free(token);
        free(signature);
    }
    form_free(&form);
    return answer;
}

static enum signature
check_mailgun(const char *secret, const struct signature_request *r)
{
    struct values json;
    const struct value *body;
    enum signature answer;

    values_init(&json);
    body = parse_json(&json, r->body, NULL);
    answer = body != NULL ? check_mailgun_json(secret, r, body) : check_mailgun_form(secret, r);
    values_fini(&json);
    return answer;
}

/* ------------------------------------------------------------------ resend */

/* https://docs.svix.com/receiving/verifying-payloads/how-manual */

static size_t
svix_key(unsigned char out[KEY_BYTES_MAX], const char *secret)
{
    size_t prefix = strlen(SECRET_PREFIX);

    if (strncmp(secret, SECRET_PREFIX, prefix) == 0)
        secret += prefix;
    return decode_base64(out, KEY_BYTES_MAX, secret, strlen(secret));
}

static const char *
secret_svix(const char *secret)
{
    unsigned char key[KEY_BYTES_MAX];

    return svix_key(key, secret) == 0 ? "a signing secret is whsec_ and base64" : NULL;
}

/* `v1,SIGNATURE` and others, with blanks between them; while a secret is being
 * changed there is one of each. */
static bool
any_v1(const char *list, const char *want)
{
    while (*list != '\0') {
        size_t len = strcspn(list, " ");

        if (len > 3 && strncmp(list, "v1,", 3) == 0 && same(want, list + 3, len - 3))
            return true;
        list += len + (list[len] == ' ');
    }
    return false;
}

static enum signature
check_svix(const char *secret, const struct signature_request *r)
{
    const char *time = header(r, "svix-timestamp");
    unsigned char key[KEY_BYTES_MAX];
    size_t key_len = svix_key(key, secret);
    char want[ENCODED_BYTES_MAX];
    struct buf text = {0};
    bool ok;

    buf_printf(&text, "%s.%s.", header(r, "svix-id"), time);
    put(&text, r->body);
    ok = key_len > 0 && hmac(want, EVP_sha256(), BASE64, key, key_len, &text)
         && any_v1(header(r, "svix-signature"), want);
    buf_free(&text);
    return ok ? age(time, r) : SIGNATURE_WRONG;
}

/* -------------------------------------------------------- what others sign */

static bool
text_body(struct buf *out, const struct signature_request *r)
{
    put(out, r->body);
    return true;
}

static bool
text_url_body(struct buf *out, const struct signature_request *r)
{
    buf_text(out, r->url);
    put(out, r->body);
    return true;
}

static bool
text_url_fields(struct buf *out, const struct signature_request *r)
{
    struct form form;
    bool ok = form_read(&form, r->body) == 0;

    buf_text(out, r->url);
    form_sort(&form);
    for (size_t i = 0; ok && i < form.count; i++) {
        put(out, form.fields[i].name);
        put(out, form.fields[i].value);
    }
    form_free(&form);
    return ok;
}

static bool
body_is(const struct signature_request *r, const char *sha256)
{
    unsigned char bytes[DIGEST_BYTES_MAX];
    char want[ENCODED_BYTES_MAX];
    unsigned len = 0;

    if (EVP_Digest(r->body.len > 0 ? r->body.ptr : "", r->body.len, bytes, &len, EVP_sha256(), NULL)
        != 1)
        return false;
    encode(want, bytes, len, HEX);
    return same(want, sha256, strcspn(sha256, "&"));
}

/* https://www.twilio.com/docs/usage/security: a body that is no form is named by
 * its hash in the URL. */
static bool
text_twilio(struct buf *out, const struct signature_request *r)
{
    static const char name[] = "bodySHA256=";
    const char *query = strchr(r->url, '?'), *hash = query != NULL ? strstr(query, name) : NULL;

    if (hash == NULL)
        return text_url_fields(out, r);
    buf_text(out, r->url);
    return body_is(r, hash + strlen(name));
}

/* https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/
 * https://developers.mailersend.com/general.html (webhooks)
 * https://github.com/mailtrap/mailtrap-ruby/pull/110
 * https://developer.squareup.com/docs/webhooks/step3validate
 * https://shopify.dev/docs/apps/build/webhooks/subscribe/https
 * https://developer.woocommerce.com/docs/apis/rest-api/ (webhooks)
 * https://segment.com/docs/connections/destinations/catalog/webhooks/ */
static const struct scheme schemes[] = {
    {"sendgrid", check_sendgrid, NULL, NULL, NULL, HEX, secret_sendgrid},
    {"mailgun", check_mailgun, NULL, NULL, NULL, HEX, NULL},
    {"resend", check_svix, NULL, NULL, NULL, HEX, secret_svix},
    {"mandrill", NULL, text_url_fields, "X-Mandrill-Signature", EVP_sha1, BASE64, NULL},
    {"mailersend", NULL, text_body, "Signature", EVP_sha256, HEX, NULL},
    {"mailtrap", NULL, text_body, "Mailtrap-Signature", EVP_sha256, HEX, NULL},
    {"twilio", NULL, text_twilio, "X-Twilio-Signature", EVP_sha1, BASE64, NULL},
    {"square", NULL, text_url_body, "x-square-hmacsha256-signature", EVP_sha256, BASE64, NULL},
    {"shopify", NULL, text_body, "X-Shopify-Hmac-Sha256", EVP_sha256, BASE64, NULL},
    {"woocommerce", NULL, text_body, "X-WC-Webhook-Signature", EVP_sha256, BASE64, NULL},
    {"segment", NULL, text_body, "X-Signature", EVP_sha1, HEX, NULL},
};

/* --------------------------------------------------------------- the check */

static const struct scheme *
find(const char *format)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strcmp(schemes[i].format, format) == 0)
            return &schemes[i];
    return NULL;
}

bool
signature_known(const char *format)
{
    return find(format) != NULL;
}

const char *
signature_secret(const char *format, const char *secret)
{
    const struct scheme *s = find(format);

    if (s == NULL)
        return "requests of this format carry no signature that can be checked";
    if (secret[0] == '\0')
        return "the secret is empty";
    return s->secret != NULL ? s->secret(secret) : NULL;
}

enum signature
signature_check(const char *format, const char *secret, const struct signature_request *r)
{
    const struct scheme *s = find(format);
    char want[ENCODED_BYTES_MAX];
    struct buf text = {0};
    const char *got;
    bool ok;

    if (s == NULL || secret[0] == '\0')
        return SIGNATURE_WRONG;
    if (s->check != NULL)
        return s->check(secret, r);
    got = header(r, s->header);
    ok = s->text(&text, r) && hmac(want, s->digest(), s->encoding, secret, strlen(secret), &text)
         && same(want, got, strlen(got));
    buf_free(&text);
    return ok ? SIGNATURE_OK : SIGNATURE_WRONG;
}
