/* {how it is cut into pieces, a till's log} */

#include "tests/fuzz/feed.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct format_options options;

    if (size > 0)
        feed_both("poslog", &options, (struct tl_str){(const char *)data + 1, size - 1}, data[0]);
    return 0;
}
