/* touchline-email -- what e-mail services report. */

#include <stddef.h>

#include "adapters/adapter.h"

static const struct adapter_path paths[] = {
    {"POST", "/webhooks/sendgrid", "sendgrid", .key = "public_key_file"},
    {"POST", "/webhooks/mailgun", "mailgun", .key = "signing_key_file"},
    {"POST", "/webhooks/ses", "ses", .key = NULL},
    {"POST", "/webhooks/postmark", "postmark", .key = NULL},
    {"POST", "/webhooks/sparkpost", "sparkpost", .key = NULL},
    {"POST", "/webhooks/mandrill", "mandrill", .key = "webhook_key_file"},
    {"POST", "/webhooks/mailjet", "mailjet", .key = NULL},
    {"POST", "/webhooks/brevo", "brevo", .key = NULL},
    {"POST", "/webhooks/resend", "resend", .key = "signing_secret_file"},
    {"POST", "/webhooks/mailersend", "mailersend", .key = "signing_secret_file"},
    {"POST", "/webhooks/mailtrap", "mailtrap", .key = "signing_secret_file"},
    {"POST", "/unsubscribe/*", "one-click", .key = NULL, .whole = true},
    {"POST", "/u/*", "one-click", .key = NULL, .whole = true},
    {0},
};

static const struct adapter_file files[] = {
    {"postfix", ADAPTER_FOLLOW},
    {"blast", ADAPTER_DROP},
    {"dsn", ADAPTER_DROP},
    {"arf", ADAPTER_DROP},
    {0},
};

int
main(int argc, char **argv)
{
    const struct adapter email = {
        .program = "touchline-email",
        .listen = "127.0.0.1:7711",
        .paths = paths,
        .files = files,
    };

    return adapter_main(&email, argc, argv);
}
