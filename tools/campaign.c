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

static int
table(const struct tl_reply *reply)
{
    const struct tl_campaigns *c = tl_reply_campaign(reply);
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
