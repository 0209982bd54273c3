/* source_state.h -- a source from inside: source.c has what both ways need, follow.c
 * reads a file that grows, dropped.c a directory of whole ones. */

#ifndef ADAPTERS_SOURCE_STATE_H
#define ADAPTERS_SOURCE_STATE_H

#include "adapters/gather.h"
#include "adapters/source.h"
#include "adapters/tables.h"
#include "base/clock.h"

#define SOURCE_PATH_BYTES 4096
#define SOURCE_MEND_NS (60 * CLOCK_SECOND)

/* A place in a file that can be found again under another name. */
struct position {
    uint64_t device, inode;
    uint64_t offset;
    uint32_t head_bytes, head_crc;
};

struct source {
    const struct setup_input *input;
    enum adapter_way way;
    struct source_place place;
    const char *path;               /* the file followed, or the directory */
    char file[SOURCE_PATH_BYTES];   /* being read */
    int fd;                         /* -1: none */
    bool decoding;                  /* the decoder is open */
    struct gather gather;
    struct tables tables;           /* of a dropped table */
    struct position durable;        /* as remembered */
    uint64_t read_to;               /* in this file */
    bool quiet;                     /* up to durable.offset it was read before */
    bool ended;                     /* a dropped file: its end was read */
    bool in_commit;                 /* something of ours is in the next commit */
    uint64_t events, rejects;       /* of a dropped file */
    int64_t done_at;                /* when what we read before was last written; 0: see path */
    int64_t replaced_at;            /* clock_monotonic, when we saw it and read on since; 0: not */
    int64_t told_at;                /* clock_monotonic: that a table has to wait; 0: not yet */
    int64_t wait_until;             /* clock_monotonic: something has to be mended first */
    char *piece;
};

void source_complain(const struct source *s, const char *path, const char *what);

/* Says it once a minute, and tries again. */
void source_wait_for_help(struct source *s, const char *path, const char *what);

void source_begin_decoding(struct source *s);
void source_stop_decoding(struct source *s);
void source_shut(struct source *s);

/* What the decoder came to goes to the spool. */
void source_keep(struct source *s);

bool source_has_ending(const char *name, const char *ending);

/* Where it was read to before, and a next piece, as source_turn. */
void follow_open(struct source *s);
bool follow_turn(struct source *s);

/* All that was read is durable. */
void follow_remember(struct source *s);

bool dropped_turn(struct source *s);

/* All of the file is durable: it moves away. */
void dropped_finish(struct source *s);

#endif
