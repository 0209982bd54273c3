/* sandbox.h -- a broker of one's own: the touchlined beside this program, on a
 * temporary directory and a free port of the loopback. */

#ifndef TOOLS_SANDBOX_H
#define TOOLS_SANDBOX_H

#include <stdint.h>

#include "tools/keeper.h"

#define SANDBOX_WHY_BYTES KEEPER_WHY_BYTES

struct sandbox {
    struct keeper keeper;
    char endpoint[64];
    char data[280];
};

/* Makes the directory in `parent` (keeper.h says where without one), starts the
 * broker and waits until it answers.  Call before there are threads.  Neither
 * broker nor directory outlive this process, even if it is killed.
 * Returns 0, or -1 with a sentence, and nothing is left behind. */
int sandbox_start(struct sandbox *s, const char *parent, char why[SANDBOX_WHY_BYTES]);

/* Ends the broker and starts it again on its data.  `ready_ns` is what it took
 * from its end until it answered.  Returns 0, or -1 with a sentence. */
int sandbox_again(struct sandbox *s, enum keeper_end how, int64_t *ready_ns,
                  char why[SANDBOX_WHY_BYTES]);

/* How much memory the views may take from the next start on.  0 or -1. */
int sandbox_views_memory(const struct sandbox *s, uint64_t bytes);

/* Stops the broker and removes the directory.  Returns 0, or -1 when the broker
 * did not end well. */
int sandbox_stop(struct sandbox *s);

/* The path of what lies beside this program.  Returns 0, or -1 with a sentence:
 * it cannot be run. */
int sandbox_beside(const char *name, char *out, size_t size, char why[SANDBOX_WHY_BYTES]);

#endif
