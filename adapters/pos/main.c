/* touchline-pos -- what tills and shops report. */

#include <stddef.h>

#include "adapters/adapter.h"

static const struct adapter_path paths[] = {
    {"POST", "/poslog", "poslog", .key = NULL},
    {"POST", "/webhooks/square", "square", .key = "signature_key_file"},
    {"POST", "/webhooks/shopify", "shopify", .key = "shared_secret_file"},
    {"POST", "/webhooks/woocommerce", "woocommerce", .key = "shared_secret_file"},
    {0},
};

static const struct adapter_file files[] = {
    {"poslog", ADAPTER_DROP},
    {"square", ADAPTER_DROP},
    {"shopify", ADAPTER_DROP},
    {"woocommerce", ADAPTER_DROP},
    /* What a shop's system writes every night. */
    {"csv", ADAPTER_DROP | ADAPTER_TABLES},
    {0},
};

int
main(int argc, char **argv)
{
    const struct adapter pos = {
        .program = "touchline-pos",
        .listen = "127.0.0.1:7713",
        .paths = paths,
        .files = files,
    };

    return adapter_main(&pos, argc, argv);
}
