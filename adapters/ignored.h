/* ignored.h -- what was heard and not taken, until the broker has been told of it.
 *
 * Two threads: one adds, one takes.  What was not yet told when the program is killed
 * is lost; /metrics counts the same. */

#ifndef ADAPTERS_IGNORED_H
#define ADAPTERS_IGNORED_H

#include <pthread.h>

#include "base/map.h"
#include "client/touchline.h"

#define IGNORED_KEPT_MAX 1000           /* as many as a report may have */
#define IGNORED_WORD_BYTES_MAX 128      /* of a source, a name */
#define IGNORED_REPORTER_BYTES 64

struct ignored_sum;

struct ignored {
    pthread_mutex_t lock;
    struct map sums;                    /* source, newline, name */
    /* The taker's: */
    char reporter[IGNORED_REPORTER_BYTES];
    uint64_t sequence;                  /* of the report being told */
    struct ignored_sum *told;
    struct tl_ignored *report;          /* of told */
    size_t report_count;
};

void ignored_init(struct ignored *g, const char *program);
void ignored_fini(struct ignored *g);

/* Words that no report may hold, and names past the limit, count as `other`. */
void ignored_add(struct ignored *g, const char *source, const char *name);

/* Tells the broker, if there is something to tell; waits as `client` waits.  Returns
 * 0 or a code of tl_report; after TL_EAWAY, TL_BUSY and TL_NO_SPACE the same is told
 * the next time, after others it is given up. */
int ignored_tell(struct ignored *g, struct tl_client *client);

#endif
