/* signature.h -- was this request sent by who says so?
 *
 * Pure: a secret, the request as it came, and the time.  Over the raw bytes, so
 * check before anything is parsed or re-written.  OpenSSL's libcrypto lives here.
 *
 *   sendgrid     ECDSA P-256 over timestamp + body; the secret is the public key, base64
 *   mailgun      HMAC-SHA256 over timestamp + token, which are in the body
 *   mandrill     HMAC-SHA1 over URL + sorted fields
 *   resend       HMAC-SHA256 over id.timestamp.body (Standard Webhooks, Svix): whsec_...
 *   mailersend   HMAC-SHA256 over the body; so have mailtrap, woocommerce, shopify
 *   square       HMAC-SHA256 over URL + body
 *   twilio       HMAC-SHA1 over URL + sorted fields, or over a URL with bodySHA256=
 *   segment      HMAC-SHA1 over the body
 *
 * Each vendor's page is named beside its function. */

#ifndef ADAPTERS_SIGNATURE_H
#define ADAPTERS_SIGNATURE_H

#include <stdbool.h>

#include "client/touchline.h"

#define SIGNATURE_AGE_MAX_S 300     /* of those that say when; as far ahead, too */

enum signature {
    SIGNATURE_OK,
    SIGNATURE_WRONG,            /* or none there */
    SIGNATURE_OLD,
};

struct signature_request {
    const char *url;            /* whole, as the vendor was told it, with its query */
    struct tl_str body;         /* raw */
    /* A header's value, NULL when it is not there; names in any case. */
    const char *(*header)(void *arg, const char *name);
    void *header_arg;
    int64_t now;                /* ns since 1970 */
};

/* Do requests of that format carry a signature we can check? */
bool signature_known(const char *format);

/* `format`: one that signature_known.  A secret that cannot be one (no key, no
 * base64) makes every signature wrong; signature_secret says so at start. */
enum signature signature_check(const char *format, const char *secret,
                               const struct signature_request *r);

/* What is wrong with that secret for that format, or NULL. */
const char *signature_secret(const char *format, const char *secret);

#endif
