#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/show.h"

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

static int
csv(const struct tl_reply *reply)
{
    const struct tl_offers *o = tl_reply_offers(reply);
    char made[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];
    struct buf line = {0};
    int err;

    buf_text(&line, "offer,campaign,treatment,instance,state,channel,made,expires,terms");
    err = print_line(&line, false);
    for (size_t i = 0; err == 0 && i < o->offers_count; i++) {
        const struct tl_offer *f = &o->offers[i];
        const struct tl_str columns[] = {f->offer, f->campaign, f->treatment,
                                         f->instance, f->state, f->channel};

        for (size_t n = 0; n < sizeof columns / sizeof columns[0]; n++) {
            print_csv_text(&line, columns[n]);
            buf_byte(&line, ',');
        }
        buf_printf(&line, "%s,%s,", f->made != 0 ? clock_format(made, f->made) : "",
                   f->expires != 0 ? clock_format(expires, f->expires) : "");
        print_csv_text(&line, f->terms);
        err = print_line(&line, false);
    }
    buf_free(&line);
    return err;
}

int
verb_offers(struct verb_call *call)
{
    uint64_t limit = 0;
    const struct verb_option options[] = {{"--limit", VERB_COUNT, &limit}, {0}};
    struct tl_query query = {0};
    struct tl_client *client;
    struct tl_reply *reply;
    int code;

    if ((code = verb_options(call, options, 1, 1)) != 0
        || (code = verb_customer(call, call->argv[0])) != 0
        || (code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    query.limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
    code = show_reply(call, tl_offers(client, call->argv[0], &query, &reply), &reply,
                      call->output == OUTPUT_CSV ? csv : table);
    tl_close(&client);
    return code;
}
