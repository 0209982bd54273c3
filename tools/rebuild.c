/* Makes the views anew from the log, beside the old ones. */

#include <string.h>

#include "base/clock.h"
#include "store/store.h"
#include "tools/print.h"
#include "tools/progress.h"
#include "tools/verb.h"

struct rebuilding {
    struct progress progress;
    uint64_t total;
};

static void
at(void *arg, uint64_t done, uint64_t total)
{
    struct rebuilding *r = arg;

    r->total = total;
    progress_at(&r->progress, done, total, done);
}

static void
summarise(const struct verb_call *call, const struct rebuilding *r)
{
    double seconds = (double)(clock_monotonic() - r->progress.began) / CLOCK_SECOND;
    char events[32];

    if (call->output == OUTPUT_JSON)
        printf("{\"events\":%llu,\"seconds\":%.3f}\n", (unsigned long long)r->total, seconds);
    else
        printf("rebuilt from %s events in %.1f s\n", print_count(events, r->total), seconds);
}

int
verb_rebuild(struct verb_call *call)
{
    struct store_settings settings = {0};
    const struct verb_option options[] = {{"--data", VERB_TEXT, &settings.dir}, {0}};
    char why[STORE_WHY_BYTES] = "";
    struct rebuilding r = {0};
    int code, err;

    if ((code = verb_options(call, options, 0, 0)) != 0)
        return code;
    if (settings.dir == NULL)
        return verb_misused(call, "--data DIR is missing; stop its broker first");
    if ((code = verb_data(settings.dir)) != 0)
        return code;
    progress_begin(&r.progress, "events");
    err = store_rebuild(&settings, at, &r, why);
    progress_end(&r.progress);
    if (err != 0)
        return verb_failed(call, err, (struct tl_str){why, strlen(why)});
    summarise(call, &r);
    return VERB_FINE;
}
