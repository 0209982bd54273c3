/* settings.h -- what the operator asked for: command line over settings file. */

#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_ERROR_BYTES 1024
#define SETTINGS_MS_MAX (3650LL * 24 * 60 * 60 * 1000)
#define LISTEN_DEFAULT "tcp://127.0.0.1:7700"

struct settings {
    char *data;                 /* directory */
    char *listen;               /* ZeroMQ endpoint */
    char *policy;               /* file of the contact policy; NULL: the one built in */
    char *identifiers;          /* file that changes their table; NULL: as built in */
    int64_t segment_bytes;      /* 0: the store's default, as for all below */
    int64_t views_bytes;
    int64_t flush_events;
    int64_t flush_ms;
    int64_t grace_ms;           /* a commitment is overdue so long after it is due */
    bool check;                 /* only say whether the settings are right */
    bool help;
    bool version;
};

/* Reads `argv`, and the settings file it names.  The text lives as long as the
 * program.  Returns 0, or -1 with a sentence in `error`. */
int settings_read(struct settings *s, int argc, char **argv, char error[SETTINGS_ERROR_BYTES]);

void settings_usage(void);

/* May one listen there without keys: does nobody but this machine get in? */
bool settings_is_local(const char *endpoint);

#endif
