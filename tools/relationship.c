/* Who talked and who listened, in a sentence. */

#include "tools/show.h"

#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * (int64_t)HOUR_MS)

char *
show_duration(char out[SHOW_DURATION_BYTES], int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{DAY_MS, "d"}, {HOUR_MS, "h"}, {MINUTE_MS, "min"}, {SECOND_MS, "s"}};
    size_t i = 0;

    /* The largest of which there are two, so that little is lost by rounding. */
    while (i + 1 < sizeof units / sizeof units[0] && ms < 2 * units[i].ms)
        i++;
    snprintf(out, SHOW_DURATION_BYTES, "%lld %s",
             (long long)((ms + units[i].ms / 2) / units[i].ms), units[i].name);
    return out;
}

static void
times(struct buf *out, const char *what, uint64_t count)
{
    char text[32];

    if (count == 1)
        buf_printf(out, "%s once", what);
    else
        buf_printf(out, "%s %s times", what, print_count(text, count));
}

static void
add_ours(struct buf *out, const struct tl_relationship *r, const char *they)
{
    uint64_t listened = r->opened + r->clicked;

    times(out, "we wrote or called", r->ours);
    if (listened > 0) {
        buf_printf(out, ", %s", they);
        times(out, " opened or clicked", listened);
    }
    if (r->replied > 0) {
        buf_printf(out, listened > 0 ? " and" : ", %s", they);
        times(out, " answered", r->replied);
    }
}

static void
add_his(struct buf *out, const struct tl_relationship *r, const char *they)
{
    char text[32];

    if (r->his == 0) {
        buf_printf(out, "; %s never did", they);
        return;
    }
    buf_printf(out, "; %s", they);
    times(out, " wrote or called", r->his);
    if (r->heard > 0 && r->answered < r->heard)
        buf_printf(out, ", we answered %s of %llu", print_count(text, r->answered),
                   (unsigned long long)r->heard);
    if (r->unanswered > 0)
        buf_printf(out, ", %s UNANSWERED", print_count(text, r->unanswered));
}

static void
add_promises(struct buf *out, const struct tl_relationship *r)
{
    uint64_t due = r->promises_kept + r->promises_broken + r->promises_overdue;
    char kept[32], all[32];

    if (due > 0)
        buf_printf(out, "; %s of %s promise%s kept", print_count(kept, r->promises_kept),
                   print_count(all, due), due == 1 ? "" : "s");
}

void
show_relationship(struct buf *out, const struct tl_relationship *r, bool everybody)
{
    const char *they = everybody ? "they" : "he";
    char took[SHOW_DURATION_BYTES];

    add_ours(out, r, they);
    add_his(out, r, they);
    add_promises(out, r);
    if (r->responses > 0)
        buf_printf(out, "; first answer after %s%s", show_duration(took, r->response_mean_ms),
                   r->responses > 1 ? " on average" : "");
}
