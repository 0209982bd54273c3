/* follow.h -- what watch and replay share: filters, a stream, and how its
 * events are printed. */

#ifndef TOOLS_FOLLOW_H
#define TOOLS_FOLLOW_H

#include "tools/verb.h"

struct follow {
    struct verb_list types, channels, campaigns, offers;
    const char *from, *to, *share, *group;
    bool live;              /* goes on, and outlives the broker */
};

/* Reads the rest of the call into the options of a stream that borrows from
 * both.  Returns 0 or VERB_USAGE. */
int follow_options(struct verb_call *call, const struct follow *f, struct tl_stream_options *out);

/* Prints events until the end.  Returns the exit code. */
int follow_run(struct verb_call *call, const struct follow *f, const struct tl_stream_options *o);

#endif
