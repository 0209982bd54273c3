/* recover.h -- what a start finds in a segment, and what it does about it.
 *
 * All return 0, TL_EDAMAGED, TL_EIO or TL_NO_SPACE, and then `why` has a
 * sentence with file and offset. */

#ifndef STORE_RECOVER_H
#define STORE_RECOVER_H

#include "store/log.h"
#include "store/segment.h"

struct recover {
    int dir;
    const char *path;                   /* of dir, for sentences */
    struct segment_mark mark;
    char *why;                          /* LOG_WHY_BYTES */
};

/* A segment others follow, the next one beginning with number `next`: nothing
 * in it can be torn.  Its table comes from disk, or is made by walking the
 * frames' headers. */
int recover_sealed(const struct recover *r, struct segment *s, uint64_t next);

/* The last segment: every batch is checked.  A torn last one is copied aside
 * and zeroed, which `why` then says. */
int recover_open(const struct recover *r, struct segment *s);

#endif
