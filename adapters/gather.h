/* gather.h -- bytes of a format through its decoder, as far as the spool.
 *
 * Gathers what a body or a piece of a file came to; nothing is in the spool
 * until gather_keep. */

#ifndef ADAPTERS_GATHER_H
#define ADAPTERS_GATHER_H

#include "adapters/counts.h"
#include "adapters/formats.h"
#include "adapters/letter.h"
#include "adapters/spool.h"

#define GATHER_WHY_BYTES 512

struct gather_reject {
    uint64_t at;
    char reason[256];
    struct buf record;
    struct gather_reject *next;
};

struct gather {
    const struct format *format;
    struct format_options options;
    struct counts *counts;
    struct decoder *decoder;
    int64_t now;
    struct buf events;              /* u32 length and bytes of each */
    size_t events_count;
    size_t ignored;
    struct gather_reject *rejects, **rejects_end;
    size_t rejects_count;
};

/* `live`: what is fed arrives just now.  Returns 0 or -1 with a sentence about the
 * options. */
int gather_open(struct gather *in, const struct format *format,
                const struct format_options *options, bool live, struct counts *counts,
                char why[GATHER_WHY_BYTES]);
void gather_feed(struct gather *in, const void *bytes, size_t len);
void gather_end(struct gather *in);         /* the input is complete */

/* The input begins anew: what the decoder had of a record is dropped, what was
 * gathered stays. */
void gather_restart(struct gather *in);
void gather_close(struct gather *in);

/* Adds what was gathered to the spool, and counts it; durable after the commit. */
void gather_keep(struct gather *in, struct spool *spool);

/* What was rejected becomes dead letters, of the records alone.  Returns 0 or
 * the first failure's code. */
int gather_keep_rejects(struct gather *in, struct letters *letters, const char *adapter,
                        const char *where);

/* Forgets what was gathered; the decoder goes on. */
void gather_forget(struct gather *in);

/* A letter with the options' names in it. */
struct letter gather_letter(const struct gather *in, const char *adapter, const char *where,
                            const char *reason);

#endif
