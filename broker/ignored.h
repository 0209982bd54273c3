/* ignored.h -- what adapters heard and did not take, by source and name.
 *
 * A reporter, one run of an adapter or of an ingest, sends what came since its last
 * report, numbered from 1.  A report that was taken is not taken again, so resending
 * does no harm.  Sums are lines of `ignored` in the data directory, synced before a
 * report is confirmed: they are of the bus's working, not of a customer's history, and
 * therefore no events. */

#ifndef BROKER_IGNORED_H
#define BROKER_IGNORED_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "broker/lines.h"
#include "broker/request.h"

#define IGNORED_WORD_BYTES_MAX 128      /* a reporter, a source, a name */
#define IGNORED_REPORT_MAX 1000         /* sums of one report */
#define IGNORED_SUMS_MAX 1000           /* what is over is added to `other` of its source, */
#define IGNORED_SOURCES_MAX 1000        /* or of `other` */
#define IGNORED_REPORTERS_MAX 1000      /* remembered; the one unheard for longest goes */

struct ignored {
    struct map sums;            /* source, NUL, name -> struct sum */
    struct map reporters;       /* name -> struct reporter */
    uint64_t clock;             /* counts reports */
    size_t others;              /* of the sums, those named `other` */
    struct lines file;
};

/* Opens, or makes, the file in `dir`.  Returns 0 or an errno. */
int ignored_open(struct ignored *g, const char *dir);
void ignored_close(struct ignored *g);

/* A Report. */
void ignored_take(struct broker *b, struct asked *q);

/* All sums, by source and name.  Returns 0, TL_TOO_MANY. */
int ignored_list(const struct ignored *g, struct tl_stat *out, struct arena *arena);

#endif
