/* adapter.h -- what the adapters of all channels have in common: each is a table
 * of paths and of files, and this makes a daemon of it.
 *
 * HTTP -> decoder -> spool, synced -> 2xx; spool -> broker in a thread of its
 * own. */

#ifndef ADAPTERS_ADAPTER_H
#define ADAPTERS_ADAPTER_H

#include <stdbool.h>

/* A path whose bodies (of a GET: whose query) are of a format. */
struct adapter_path {
    const char *method;
    const char *path;           /* a last '*' stands for the rest */
    const char *format;
    /* The setting that names the file of the key its requests are signed with;
     * NULL: they are not signed. */
    const char *key;
    bool whole;                 /* its decoder is fed requests: it wants path or headers */
    bool pixel;                 /* answered with an image of one dot */
    bool browser;               /* called by pages of other sites: CORS */
};

enum adapter_way {
    ADAPTER_FOLLOW = 1,         /* a file that grows and is rotated */
    ADAPTER_DROP = 2,           /* a directory into which whole files are put */
    ADAPTER_POLL = 4,           /* documents on the web, asked for now and then */
    ADAPTER_TABLES = 8,         /* what is put into the directory is read by maps */
};

struct adapter_file {
    const char *format;
    int ways;
};

/* A system that listens for connections and then tells what happens. */
struct adapter_stream {
    const char *format;
    const char *login;          /* said at once; %U is the setting username, %S the secret */
    const char *refused;        /* a word in its answer when it does not let us in */
    bool frames;                /* records say how long they are: a cut one waits for its rest,
                                 * so each connection has a decoder of its own */
};

/* Each format named has a section of its name in the settings file. */
struct adapter {
    const char *program;
    const char *listen;                     /* unless told otherwise */
    const struct adapter_path *paths;       /* ended by one without a path */
    const struct adapter_file *files;       /* ended by one without a format; may be NULL */
    const struct adapter_stream *streams;   /* likewise */
};

/* Returns what the program returns. */
int adapter_main(const struct adapter *a, int argc, char **argv);

#endif
