/* A settings file, read into settings of every kind. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

/* A file that is nowhere, by a name that opens it anew. */
static const char *
put(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        must((fd = memfd_create("settings", MFD_CLOEXEC)) >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    must(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = NULL, *listen = NULL, error[CONF_ERROR_BYTES];
    int64_t number = 0, bytes = 0, duration = 0;
    bool flag = false;
    const struct conf_setting settings[] = {
        {"broker", "data", CONF_TEXT, &text},
        {"broker", "listen", CONF_TEXT, &listen},
        {"store", "segment_size", CONF_BYTES, &bytes},
        {"store", "flush_events", CONF_NUMBER, &number},
        {"store", "flush_interval", CONF_DURATION_MS, &duration},
        {"store", "sync", CONF_FLAG, &flag},
    };
    int err = conf_read(put(data, size), settings, sizeof settings / sizeof settings[0], error);

    must(memchr(error, '\0', sizeof error) != NULL);
    must((err == 0) == (error[0] == '\0'));
    must(number >= 0 && bytes >= 0 && duration >= 0);
    free(text);
    free(listen);
    return 0;
}
