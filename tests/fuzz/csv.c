/* {which of the maps, how it is cut into pieces, a table} */

#include "tests/fuzz/feed.h"

#define MAPS 3

static struct tl_str joined;

static const char *
give_table(void *arg, const char *name, size_t *len)
{
    (void)arg;
    (void)name;
    *len = joined.len;
    return joined.ptr;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[MAPS] = {
        "adapters/csv/maps/completejourney-campaigns.map",
        "adapters/csv/maps/completejourney-redemptions.map",
        "adapters/csv/maps/completejourney-transactions.map",
    };
    static struct tl_str maps[MAPS];
    struct format_options options = {.table = give_table};

    if (joined.ptr == NULL) {
        joined = load("tests/data/completejourney/campaign_descriptions.csv");
        for (size_t i = 0; i < MAPS; i++)
            maps[i] = load(paths[i]);
    }
    if (size < 2)
        return 0;
    options.map_name = paths[data[0] % MAPS];
    options.map_text = maps[data[0] % MAPS].ptr;
    feed_both("csv", &options, (struct tl_str){(const char *)data + 2, size - 2}, data[1]);
    return 0;
}
