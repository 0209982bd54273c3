#include <stdlib.h>
#include <string.h>

#include "tools/show.h"

/* Counts of one campaign, outcome and channel over all days. */
struct sum {
    const struct tl_campaign_count *of;
    struct tl_str first_day, last_day;
    uint64_t count;
};

static int
compare(struct tl_str a, struct tl_str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
same(const struct tl_campaign_count *a, const struct tl_campaign_count *b)
{
    int order = compare(a->campaign, b->campaign);

    if (order == 0)
        order = compare(a->outcome, b->outcome);
    return order != 0 ? order : compare(a->channel, b->channel);
}

static int
order(const void *a, const void *b)
{
    const struct tl_campaign_count *const *x = a, *const *y = b;
    int by_name = same(*x, *y);

    return by_name != 0 ? by_name : compare((*x)->day, (*y)->day);
}

static void
add_row(struct print_table *t, const struct sum *s)
{
    char count[32];

    print_cell(t, s->of->campaign);
    print_cell(t, s->of->outcome);
    print_cell(t, s->of->channel);
    print_cellf(t, "%s", print_count(count, s->count));
    if (compare(s->first_day, s->last_day) == 0)
        print_cell(t, s->first_day);
    else
        print_cellf(t, "%.*s to %.*s", (int)s->first_day.len, s->first_day.ptr,
                    (int)s->last_day.len, s->last_day.ptr);
}

static void
sum_up(struct print_table *t, const struct tl_campaign_count *const *counts, size_t count)
{
    for (size_t i = 0, end; i < count; i = end) {
        struct sum s = {counts[i], counts[i]->day, counts[i]->day, 0};

        for (end = i; end < count && same(counts[i], counts[end]) == 0; end++) {
            s.count += counts[end]->count;
            s.last_day = counts[end]->day;
        }
        add_row(t, &s);
    }
}

/* ---------------------------------------------------- all of them, a row each */

static int
list(const struct tl_campaigns *c)
{
    const struct tl_campaign_count **counts = calloc(c->counts_count + 1, sizeof *counts);
    struct print_table t = {.columns = 5, .right = 1u << 3};

    if (counts == NULL)
        return TL_ENOMEM;
    for (size_t i = 0; i < c->counts_count; i++)
        counts[i] = &c->counts[i];
    qsort(counts, c->counts_count, sizeof *counts, order);
    print_cellf(&t, "CAMPAIGN");
    print_cellf(&t, "OUTCOME");
    print_cellf(&t, "CHANNEL");
    print_cellf(&t, "OFFERS");
    print_cellf(&t, "DAYS");
    sum_up(&t, counts, c->counts_count);
    free(counts);
    return print_rows(&t, 0, stdout);
}

/* ------------------------------------------- one: how far offers came, and when */

#define CHANNELS_SHOWN_MAX 6
#define DAYS_SHOWN_MAX 14

/* On the way from made to fulfilled, then what ended it otherwise. */
static const char *const outcomes[] = {
    "made",      "delivered", "presented",   "clicked", "accepted",  "redeemed",   "fulfilled",
    "undelivered", "dismissed", "declined", "no_response", "expired", "withdrawn", "superseded",
    "disputed",
};

#define OUTCOMES (sizeof outcomes / sizeof outcomes[0])

/* Counts by one name: of a channel, or of a day. */
struct column {
    struct tl_str name;
    uint64_t counts[OUTCOMES];
    uint64_t sum;
};

struct columns {
    struct column *items;
    size_t count;
};

static size_t
outcome_of(struct tl_str name)
{
    size_t i = 0;

    while (i < OUTCOMES && compare(name, (struct tl_str){outcomes[i], strlen(outcomes[i])}) != 0)
        i++;
    return i;
}

static void
add(struct columns *to, struct tl_str name, size_t outcome, uint64_t count)
{
    size_t i = 0;

    while (i < to->count && compare(to->items[i].name, name) != 0)
        i++;
    if (i == to->count)
        to->items[to->count++].name = name;
    to->items[i].counts[outcome] += count;
    to->items[i].sum += count;
}

static int
greatest_first(const void *a, const void *b)
{
    const struct column *x = a, *y = b;

    return x->sum != y->sum ? (x->sum < y->sum) - (x->sum > y->sum) : compare(x->name, y->name);
}

static int
latest_first(const void *a, const void *b)
{
    return compare(((const struct column *)b)->name, ((const struct column *)a)->name);
}

static void
number(struct print_table *t, uint64_t n)
{
    char text[32];

    print_cellf(t, "%s", n > 0 ? print_count(text, n) : "");
}

/* All channels, the greatest of them, and the share of what was made. */
static int
by_channel(const struct column *all, struct columns *channels)
{
    size_t shown = channels->count < CHANNELS_SHOWN_MAX ? channels->count : CHANNELS_SHOWN_MAX;
    struct print_table t = {.columns = 3 + shown, .right = ~1u};

    print_cellf(&t, "STATE");
    print_cellf(&t, "ALL");
    print_cellf(&t, "OF MADE");
    for (size_t i = 0; i < shown; i++)
        print_cell(&t, channels->items[i].name.len > 0 ? channels->items[i].name
                                                       : TL_STR("(none)"));
    for (size_t o = 0; o < OUTCOMES; o++) {
        if (all->counts[o] == 0)
            continue;
        print_cellf(&t, "%s", outcomes[o]);
        number(&t, all->counts[o]);
        if (o > 0 && all->counts[0] > 0)
            print_cellf(&t, "%.1f %%", 100.0 * (double)all->counts[o] / (double)all->counts[0]);
        else
            print_cellf(&t, "%s", "");
        for (size_t i = 0; i < shown; i++)
            number(&t, channels->items[i].counts[o]);
    }
    return print_rows(&t, 2, stdout);
}

static int
by_day(const struct column *all, const struct columns *days)
{
    struct print_table t = {.columns = 1, .right = ~1u};
    size_t shown = days->count < DAYS_SHOWN_MAX ? days->count : DAYS_SHOWN_MAX;

    for (size_t o = 0; o < OUTCOMES; o++)
        t.columns += all->counts[o] > 0;
    putchar('\n');
    print_cellf(&t, "DAY");
    for (size_t o = 0; o < OUTCOMES; o++)
        if (all->counts[o] > 0)
            print_cellf(&t, "%s", outcomes[o]);
    for (size_t i = 0; i < shown; i++) {
        print_cell(&t, days->items[i].name);
        for (size_t o = 0; o < OUTCOMES; o++)
            if (all->counts[o] > 0)
                number(&t, days->items[i].counts[o]);
    }
    return print_rows(&t, 2, stdout);
}

static void
heading(const struct tl_campaigns *c, const struct columns *days)
{
    struct tl_str name = c->counts[0].campaign, last = days->items[0].name,
                  first = days->items[days->count - 1].name;

    printf("%.*s: %zu %s, %.*s", (int)name.len, name.ptr, days->count,
           days->count == 1 ? "day" : "days", (int)first.len, first.ptr);
    if (days->count > 1)
        printf(" to %.*s", (int)last.len, last.ptr);
    putchar('\n');
}

static int
show_one(const struct tl_campaigns *c, struct columns *channels, struct columns *days)
{
    struct column all = {0};
    int err;

    for (size_t i = 0; i < c->counts_count; i++) {
        const struct tl_campaign_count *n = &c->counts[i];
        size_t outcome = outcome_of(n->outcome);

        if (outcome == OUTCOMES)
            continue;
        add(channels, n->channel, outcome, n->count);
        add(days, n->day, outcome, n->count);
        all.counts[outcome] += n->count;
    }
    if (days->count == 0)
        return list(c);
    qsort(channels->items, channels->count, sizeof channels->items[0], greatest_first);
    qsort(days->items, days->count, sizeof days->items[0], latest_first);
    heading(c, days);
    err = by_channel(&all, channels);
    return err == 0 ? by_day(&all, days) : err;
}

static int
one(const struct tl_campaigns *c)
{
    struct columns channels = {calloc(c->counts_count + 1, sizeof(struct column)), 0};
    struct columns days = {calloc(c->counts_count + 1, sizeof(struct column)), 0};
    int err = TL_ENOMEM;

    if (channels.items != NULL && days.items != NULL)
        err = show_one(c, &channels, &days);
    free(channels.items);
    free(days.items);
    return err;
}

static bool
is_one(const struct tl_campaigns *c)
{
    for (size_t i = 1; i < c->counts_count; i++)
        if (compare(c->counts[i].campaign, c->counts[0].campaign) != 0)
            return false;
    return c->counts_count > 0;
}

static int
table(const struct tl_reply *reply)
{
    const struct tl_campaigns *c = tl_reply_campaign(reply);

    return is_one(c) ? one(c) : list(c);
}

static int
csv(const struct tl_reply *reply)
{
    const struct tl_campaigns *c = tl_reply_campaign(reply);
    struct buf line = {0};
    int err;

    buf_text(&line, "campaign,outcome,channel,day,count");
    err = print_line(&line, false);
    for (size_t i = 0; err == 0 && i < c->counts_count; i++) {
        const struct tl_campaign_count *n = &c->counts[i];
        const struct tl_str columns[] = {n->campaign, n->outcome, n->channel, n->day};

        for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++) {
            print_csv_text(&line, columns[k]);
            buf_byte(&line, ',');
        }
        buf_printf(&line, "%llu", (unsigned long long)n->count);
        err = print_line(&line, false);
    }
    buf_free(&line);
    return err;
}

int
verb_campaign(struct verb_call *call)
{
    static const struct verb_option options[] = {{0}};
    const char *name;
    struct tl_client *client;
    struct tl_reply *reply;
    int code;

    if ((code = verb_options(call, options, 0, 1)) != 0
        || (code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    name = call->argc == 1 ? call->argv[0] : NULL;
    code = show_reply(call, tl_campaign(client, name, &reply), &reply,
                      call->output == OUTPUT_CSV ? csv : table);
    tl_close(&client);
    return code;
}
