/* formats.h -- the formats real systems emit, decoded: bytes in, events out.
 *
 * A decoder is pure: it opens no file and no socket, knows no clock, and gives
 * the same events for the same bytes, so a file and its webhook dedupe each
 * other.  (The one file it reads is the time zone's, when it is opened.)  Bytes
 * may be fed in pieces of any size. */

#ifndef ADAPTERS_FORMATS_H
#define ADAPTERS_FORMATS_H

#include "client/touchline.h"

struct format_sink {
    /* An event.  Borrowed for the call. */
    void (*event)(void *arg, const struct tl_event *ev);
    /* A record that cannot be understood, whole, where it began (line for text
     * lines, else byte offset), and a sentence. */
    void (*reject)(void *arg, struct tl_str record, uint64_t at, const char *reason);
    /* A record understood and of no interest to a customer's timeline, by name. */
    void (*ignored)(void *arg, const char *name);
    void *arg;
};

/* All text is borrowed until the decoder is closed. */
struct format_options {
    const char *source;             /* NULL: the format's or map's own name */
    const char *region;             /* default for phone numbers, ISO 3166-1; NULL: none */
    /* For times without a zone: an IANA name or +02:00; NULL: the map's, else UTC. */
    const char *timezone;
    /* When what is fed was received, ns since 1970: corrects the clocks of those
     * who say when they sent it; 0: not known, as with a file. */
    int64_t received;
    /* When a file that is fed was last written, ns since 1970: the year of dates
     * that have none; 0: not known. */
    int64_t written;
    const char *map_text;           /* csv: the map file's text and name */
    const char *map_name;
    /* csv: gives the text of a joined table, or NULL when it is not there;
     * borrowed until the decoder is closed.  `name` is as the map says it, a file
     * name without `.csv` and `.gz`: `campaign_descriptions`. */
    const char *(*table)(void *arg, const char *name, size_t *len);
    void *table_arg;
};

struct decoder;

struct format {
    const char *name;
    const char *what;               /* one line, for `touchline formats` */
    const char *channel;
    bool needs_map;
    /* Returns 0 or TL_EARGUMENT with a sentence in `why` (512 bytes). */
    int (*open)(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);
    void (*feed)(struct decoder *d, const void *bytes, size_t len);
    void (*end)(struct decoder *d);     /* the input is complete */
    void (*close)(struct decoder **d);
};

/* The table, ended by a format without a name. */
extern const struct format formats[];

const struct format *format_find(const char *name);

#define FORMAT_WHY_BYTES 512

/* Are source, region and timezone such, whatever a format makes of them?
 * Returns 0, or -1 with a sentence. */
int format_options_check(const struct format_options *options, char why[FORMAT_WHY_BYTES]);

#endif
