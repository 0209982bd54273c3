/* Events again, from anywhere up to now. */

#include "tools/follow.h"

int
verb_replay(struct verb_call *call)
{
    struct follow f = {0};
    const struct verb_option options[] = {
        {"--type", VERB_LIST, &f.types},
        {"--channel", VERB_LIST, &f.channels},
        {"--campaign", VERB_LIST, &f.campaigns},
        {"--offer", VERB_LIST, &f.offers},
        {"--from", VERB_TEXT, &f.from},
        {"--to", VERB_TEXT, &f.to},
        {"--share", VERB_TEXT, &f.share},
        {"--group", VERB_TEXT, &f.group},
        {0},
    };
    struct tl_stream_options stream;
    int code;

    if ((code = verb_options(call, options, 0, VERB_LIST_MAX)) != 0
        || (code = follow_options(call, &f, &stream)) != 0)
        return code;
    return follow_run(call, &f, &stream);
}
