/* {how it is cut into pieces, name of a format, newline, what a system of that kind
 * emits}: one target for all of the table, so a new format needs only its inputs.
 * With FUZZ_ONLY the others are passed over. */

#include "tests/fuzz/feed.h"

#include <stdlib.h>

#define NAME_BYTES_MAX 32

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct format_options options = {.region = "US"};
    const struct format *format;
    const uint8_t *line_end;
    char name[NAME_BYTES_MAX] = "";
    size_t len;

    if (size == 0 || (line_end = memchr(data, '\n', size)) == NULL)
        return 0;
    len = line_end == data ? 0 : (size_t)(line_end - data) - 1;
    if (len >= sizeof name)
        return 0;
    memcpy(name, data + 1, len);
    if (getenv("FUZZ_ONLY") != NULL && strcmp(name, getenv("FUZZ_ONLY")) != 0)
        return 0;
    format = format_find(name);
    if (format == NULL || format->needs_map)
        return 0;
    feed_both(name, &options,
              (struct tl_str){(const char *)line_end + 1, size - (size_t)(line_end + 1 - data)},
              data[0]);
    return 0;
}
