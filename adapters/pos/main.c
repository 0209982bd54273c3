/* touchline-pos -- what tills and shops report. */

#include "adapters/adapter.h"

static const struct adapter_path paths[] = {
    {.method = "POST", .path = "/poslog", .format = "poslog"},
    {0},
};

static const struct adapter_file files[] = {
    {"poslog", ADAPTER_DROP},
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
