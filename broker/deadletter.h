/* deadletter.h -- what was refused and must not be lost sight of: one JSON line
 * each in DIR/deadletters.jsonl.
 *
 * Best effort: the sender was told, and still has it. */

#ifndef DEADLETTER_H
#define DEADLETTER_H

#include "store/store.h"

#define DEADLETTERS_BYTES_MAX (256u << 20)  /* the file; over it they are only counted */

struct deadletters {
    int fd;
    uint64_t count;
    uint64_t bytes;
    bool failing;
};

/* Opens the file and counts what is there.  Returns 0 or errno. */
int deadletter_open(struct deadletters *d, const char *dir);
void deadletter_close(struct deadletters *d);

void deadletter_add(struct deadletters *d, const struct store_event *event, const char *reason);

#endif
