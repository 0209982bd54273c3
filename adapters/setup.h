/* setup.h -- what the operator asked an adapter for: command line over settings
 * file. */

#ifndef ADAPTERS_SETUP_H
#define ADAPTERS_SETUP_H

#include <stdint.h>

#include "adapters/adapter.h"
#include "adapters/formats.h"
#include "adapters/http.h"

#define SETUP_WHY_BYTES 1024
#define SETUP_INPUTS_MAX 64

/* A format this adapter reads, as its section says. */
struct setup_input {
    const struct format *format;
    const struct adapter_path *signed_path;     /* NULL: its requests are not signed */
    int ways;                                   /* enum adapter_way */
    const struct adapter_stream *stream;        /* NULL: it is not connected to */
    char *source, *region, *timezone;
    char *key_file, *public_url;
    char *follow, *directory, *maps, *urls;
    int64_t interval_ms;                        /* of asking for the urls again */
    char *connect, *username, *secret_file;
    char *key, *secret;                         /* what is in the files */
    struct format_options options;
};

struct setup {
    char *broker, *listen, *data;
    const char *config;
    int64_t spool_bytes, segment_bytes;
    struct http_address address;
    struct setup_input inputs[SETUP_INPUTS_MAX];
    size_t inputs_count;
    bool check, help, version;
};

/* Reads the command line and the settings file it names, and what that names in
 * turn.  The text lives as long as the program.  Returns 0 or -1 with a sentence. */
int setup_read(struct setup *s, const struct adapter *a, int argc, char **argv,
               char why[SETUP_WHY_BYTES]);

void setup_usage(const struct adapter *a);

/* NULL: this adapter has none of that format. */
const struct setup_input *setup_input(const struct setup *s, const char *format);

#endif
