/* A settings file, read into settings of every kind. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memfile.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = NULL, *listen = NULL, error[CONF_ERROR_BYTES];
    int64_t number = 0, bytes = 0, duration = 0;
    bool flag = false;
    const struct conf_setting settings[] = {
        {"broker", "data", CONF_TEXT, &text, 0, 0},
        {"broker", "listen", CONF_TEXT, &listen, 0, 0},
        {"store", "segment_size", CONF_BYTES, &bytes, 0, 0},
        {"store", "flush_events", CONF_NUMBER, &number, 0, 0},
        {"store", "flush_interval", CONF_DURATION_MS, &duration, 0, 0},
        {"store", "sync", CONF_FLAG, &flag, 0, 0},
    };
    int err = conf_read(memfile_put(data, size), settings, sizeof settings / sizeof settings[0],
                        error);

    must(memchr(error, '\0', sizeof error) != NULL);
    must((err == 0) == (error[0] == '\0'));
    must(number >= 0 && bytes >= 0 && duration >= 0);
    free(text);
    free(listen);
    return 0;
}
