/* sandbox.h -- a broker of one's own: the touchlined beside this program, on a
 * temporary directory and a free port of the loopback. */

#ifndef TOOLS_SANDBOX_H
#define TOOLS_SANDBOX_H

#include <sys/types.h>

#define SANDBOX_WHY_BYTES 512

struct sandbox {
    char dir[256];
    char endpoint[64];
    pid_t keeper;       /* a process that stops the broker and cleans up when we are gone */
    int lifeline;       /* closed when we are, however that comes */
};

/* Makes the directory in `parent` (NULL: $TMPDIR, else /var/tmp, which is on a
 * disk where /tmp may be memory), starts the broker and waits until it answers.
 * Call before there are threads.  Neither broker nor directory outlive this
 * process, even if it is killed.
 * Returns 0, or -1 with a sentence, and nothing is left behind. */
int sandbox_start(struct sandbox *s, const char *parent, char why[SANDBOX_WHY_BYTES]);

/* Stops the broker and removes the directory.  Returns 0, or -1 when the broker
 * did not end well. */
int sandbox_stop(struct sandbox *s);

#endif
