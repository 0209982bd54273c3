/* reading.h -- for formats that are read a record at a time.
 *
 * A format gives `next`, which says where a record ends, and `read`, which makes
 * events of it; feed, end and close in the table of formats are reader.h's. */

#ifndef ADAPTERS_READING_H
#define ADAPTERS_READING_H

#include "adapters/draft.h"
#include "adapters/reader.h"
#include "base/buf.h"
#include "base/zone.h"

#define READER_RECORD_BYTES_MAX (1u << 20)
#define READER_WHY_BYTES 512

struct decoder;

/* How long the first record of `have` is, with what ends it; 0: more is needed.
 * `final`: nothing more will come. */
typedef size_t reader_next(struct tl_str have, bool final);

reader_next reader_body;        /* the whole input */
reader_next reader_line;
reader_next reader_block;       /* lines up to an empty one */

struct reader_kind {
    const char *source;         /* the format's name */
    reader_next *next;
    void (*read)(struct decoder *d, struct tl_str record);
    bool by_line;               /* records are told by their line, else by their offset */
    /* Instead of next and read: all bytes, and then NULL, as they come. */
    void (*feed)(struct decoder *d, const void *bytes, size_t len);
    /* What a format remembers between the records of one input; may be NULL. */
    void *(*begin)(void);
    void (*end)(void *state);
};

struct decoder {
    const struct reader_kind *kind;
    struct format_sink sink;
    struct tl_str source, region, timezone;
    struct zone *zone;
    struct draft draft;
    void *state;
    struct buf held;
    bool skipping;              /* the rest of a record that is too long */
    uint64_t offset, line;      /* of the record being read */
};

/* As in formats.h. */
int reader_open(struct decoder **out, const struct reader_kind *kind,
                const struct format_options *o, const struct format_sink *sink, char *why);

/* For `read`: an empty event of the decoder's source and region, and what
 * becomes of it. */
struct tl_event *reader_begin(struct decoder *d);
/* An id for a record that has none of its own: what it is about, what happened,
 * and a hash of its text, so that the same record has the same id. */
void reader_set_id(struct decoder *d, struct tl_str about, struct tl_str what,
                   struct tl_str record);
void reader_emit(struct decoder *d, struct tl_str record);
void reader_reject(struct decoder *d, struct tl_str record, const char *reason);
void reader_ignore(struct decoder *d, struct tl_str name);

#endif
