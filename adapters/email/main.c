/* touchline-email -- what e-mail services report. */

#include "adapters/adapter.h"

static const struct adapter_path paths[] = {
    {.method = "POST", .path = "/webhooks/sendgrid", .format = "sendgrid",
     .key = "public_key_file"},
    {0},
};

static const struct adapter_file files[] = {
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
