/* groups.h -- where each group of batch jobs has got to.
 *
 * A group reads the log in a fixed number of shares, each by one holder at a
 * time.  Taking a share over gives the new holder a higher generation; what an
 * earlier one acknowledges after that is refused.  Positions are lines of
 * `groups` in the data directory, synced before they are confirmed. */

#ifndef BROKER_GROUPS_H
#define BROKER_GROUPS_H

#include <stdint.h>

#include "base/map.h"
#include "broker/lines.h"
#include "broker/request.h"

#define GROUP_NAME_BYTES_MAX 128
#define GROUPS_MAX 10000
#define GROUP_SHARES_MAX 1024

struct group_share;

struct groups {
    struct map by_name;         /* group, share -> struct group_share */
    uint64_t generation;        /* the highest given out */
    struct lines file;
};

/* Opens, or makes, the file in `dir`.  Returns 0 or an errno. */
int groups_open(struct groups *g, const char *dir);
void groups_close(struct groups *g);

/* Takes over share `share` of `shares` (0 of 0: all of the log).  `*at` is the
 * last number acknowledged (0: nothing was).  Returns 0, TL_BAD_REQUEST (a bad
 * name, or other shares than before), TL_TOO_MANY, TL_NO_SPACE, TL_EIO;
 * `*detail` then says. */
int groups_hold(struct groups *g, struct tl_str name, uint32_t share, uint32_t shares,
                uint64_t *generation, uint64_t *at, const char **detail);

/* A GroupCommit. */
void groups_take_commit(struct broker *b, struct asked *q);

#endif
