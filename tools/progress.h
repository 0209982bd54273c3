/* progress.h -- one line on a terminal: how far, how fast, how long still. */

#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_BYTES 96

struct progress {
    bool shown;             /* stderr is a terminal */
    int64_t began, drawn;
    const char *unit;       /* of `count`: "events" */
};

void progress_begin(struct progress *p, const char *unit);

/* Draws at most some times a second.  `total` of 0 is not known. */
void progress_at(struct progress *p, uint64_t done, uint64_t total, uint64_t count);

/* Takes the line away. */
void progress_end(struct progress *p);

/* What it draws: `[#####     ]  50%  1,000 events  500/s  0:02 left`. */
char *progress_text(char out[PROGRESS_BYTES], int64_t elapsed_ns, uint64_t done, uint64_t total,
                    uint64_t count, const char *unit);

#endif
