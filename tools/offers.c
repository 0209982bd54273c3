#include "base/clock.h"
#include "tools/show.h"

#define TEXT(s) (int)(s).len, (s).len > 0 ? (s).ptr : ""

/* -------------------------------------------------------------- a customer's */

static int
table(const struct tl_reply *reply)
{
    const struct tl_offers *o = tl_reply_offers(reply);
    size_t live = show_live(o->offers, o->offers_count);
    int err;

    printf("%.*s: %zu live, %zu closed\n", (int)o->customer.len, o->customer.ptr, live,
           o->offers_count - live);
    if ((err = show_offers(o->offers, o->offers_count, clock_now())) != 0)
        return err;
    if (o->offers_more.len > 0)
        printf("  and %.*s more\n", (int)o->offers_more.len, o->offers_more.ptr);
    return 0;
}

static void
csv_line(struct buf *line, const struct tl_offer *f)
{
    char made[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];
    const struct tl_str columns[] = {f->offer, f->campaign, f->treatment,
                                     f->instance, f->state, f->channel};

    for (size_t n = 0; n < sizeof columns / sizeof columns[0]; n++) {
        print_csv_text(line, columns[n]);
        buf_byte(line, ',');
    }
    buf_printf(line, "%s,%s,", f->made != 0 ? clock_format(made, f->made) : "",
               f->expires != 0 ? clock_format(expires, f->expires) : "");
    print_csv_text(line, f->terms);
}

static int
csv(const struct tl_reply *reply)
{
    const struct tl_offers *o = tl_reply_offers(reply);
    struct buf line = {0};
    int err;

    buf_text(&line, "offer,campaign,treatment,instance,state,channel,made,expires,terms");
    err = print_line(&line, false);
    for (size_t i = 0; err == 0 && i < o->offers_count; i++) {
        csv_line(&line, &o->offers[i]);
        err = print_line(&line, false);
    }
    buf_free(&line);
    return err;
}

/* ------------------------------------------------------------- the catalogue */

static void
definition_row(struct print_table *t, const struct tl_offer *d, int64_t now)
{
    char when[PRINT_WHEN_BYTES], from[PRINT_WHEN_BYTES], money[PRINT_MONEY_BYTES];
    bool begins = d->valid_from > now;

    print_cell(t, d->offer);
    print_cell(t, d->campaign);
    print_cell(t, d->state);
    print_cellf(t, "%s%s%s%s%s", begins ? "from " : "",
                begins ? print_when(from, d->valid_from, now) : "",
                begins && d->expires != 0 ? " " : "",
                d->expires == 0    ? ""
                : d->expires > now ? "until "
                                   : "ended ",
                print_when(when, d->expires, now));
    print_cell(t, d->exclusivity_group);
    print_cell(t, d->title);
    print_cellf(t, "%.*s%s%s", TEXT(d->terms), d->terms.len > 0 && d->currency.len > 0 ? ", " : "",
                d->currency.len > 0 ? print_money(money, d->price_minor, d->currency) : "");
}

static int
catalogue_table(const struct tl_reply *reply)
{
    static const char *const columns[] = {"OFFER", "CAMPAIGN", "STATE", "VALID",
                                          "GROUP", "TITLE",    "TERMS"};
    const struct tl_offers *o = tl_reply_offers(reply);
    struct print_table t = {.columns = sizeof columns / sizeof columns[0]};
    int err;

    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        print_cellf(&t, "%s", columns[i]);
    for (size_t i = 0; i < o->offers_count; i++)
        definition_row(&t, &o->offers[i], clock_now());
    if ((err = print_rows(&t, 0, stdout)) != 0)
        return err;
    if (o->offers_more.len > 0)
        printf("and more: --after %.*s\n", TEXT(o->offers[o->offers_count - 1].offer));
    return 0;
}

static int
catalogue_csv(const struct tl_reply *reply)
{
    const struct tl_offers *o = tl_reply_offers(reply);
    struct buf line = {0};
    int err;

    buf_text(&line, "offer,campaign,exclusivity_group,title,state,valid_from,expires,price_minor,"
                    "currency,terms");
    err = print_line(&line, false);
    for (size_t i = 0; err == 0 && i < o->offers_count; i++) {
        const struct tl_offer *d = &o->offers[i];
        const struct tl_str columns[] = {d->offer, d->campaign, d->exclusivity_group, d->title,
                                         d->state};
        char from[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];

        for (size_t n = 0; n < sizeof columns / sizeof columns[0]; n++) {
            print_csv_text(&line, columns[n]);
            buf_byte(&line, ',');
        }
        buf_printf(&line, "%s,%s,%lld,",
                   d->valid_from != 0 ? clock_format(from, d->valid_from) : "",
                   d->expires != 0 ? clock_format(expires, d->expires) : "",
                   (long long)d->price_minor);
        print_csv_text(&line, d->currency);
        buf_byte(&line, ',');
        print_csv_text(&line, d->terms);
        err = print_line(&line, false);
    }
    buf_free(&line);
    return err;
}

/* -------------------------------------------------------------------- verb */

static int
ask(struct verb_call *call, const char *customer, const struct tl_query *query)
{
    bool as_csv = call->output == OUTPUT_CSV;
    int (*shown)(const struct tl_reply *) = query->catalogue ? (as_csv ? catalogue_csv
                                                                        : catalogue_table)
                                                             : (as_csv ? csv : table);
    struct tl_client *client;
    struct tl_reply *reply;
    int code = verb_open(call, &client, NULL, NULL);

    if (code != 0)
        return code;
    code = show_reply(call, tl_offers(client, customer, query, &reply), &reply, shown);
    tl_close(&client);
    return code;
}

int
verb_offers(struct verb_call *call)
{
    uint64_t limit = 0;
    struct tl_query query = {0};
    const struct verb_option options[] = {
        {"--as-of", VERB_TEXT, &query.as_of},
        {"--limit", VERB_COUNT, &limit},
        {"--catalogue", VERB_FLAG, &query.catalogue},
        {"--after", VERB_TEXT, &query.after},
        {0},
    };
    int code = verb_options(call, options, 0, 1);

    if (code != 0)
        return code;
    query.limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
    if (query.catalogue) {
        query.offer = call->argc == 1 ? call->argv[0] : NULL;
        return ask(call, NULL, &query);
    }
    if (call->argc == 0)
        return verb_misused(call, "a customer, or --catalogue");
    if (query.after != NULL)
        return verb_misused(call, "--after goes with --catalogue");
    if ((code = verb_customer(call, call->argv[0])) != 0)
        return code;
    return ask(call, call->argv[0], &query);
}
