#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/show.h"

static int
row(struct print_table *t, const struct tl_event *ev, int64_t now)
{
    char when[PRINT_WHEN_BYTES];
    struct buf gist = {0};
    int err;

    show_gist(&gist, ev);
    print_cellf(t, "%s", print_when(when, ev->time, now));
    print_cell(t, ev->channel);
    print_cellf(t, "%.*s%s", (int)ev->type.len, ev->type.ptr,
                ev->superseded ? " (superseded)" : "");
    print_cell(t, (struct tl_str){(char *)gist.ptr, gist.len});
    err = gist.failed ? TL_ENOMEM : 0;
    buf_free(&gist);
    return err;
}

static int
table(const struct tl_reply *reply)
{
    const struct tl_timeline *timeline = tl_reply_timeline(reply);
    struct print_table t = {.columns = 4};
    int64_t now = clock_now();
    int err = 0;

    for (size_t i = 0; err == 0 && i < timeline->events_count; i++)
        err = row(&t, &timeline->events[i], now);
    if (err != 0) {
        buf_free(&t.cells);
        return err;
    }
    if ((err = print_rows(&t, 0, stdout)) == 0 && timeline->more)
        printf("and more; ask with --limit, or on with --cursor %.*s\n",
               (int)timeline->next.len, timeline->next.ptr);
    return err;
}

static int
lines(const struct tl_reply *reply)
{
    const struct tl_timeline *timeline = tl_reply_timeline(reply);
    int err = 0;

    for (size_t i = 0; err == 0 && i < timeline->events_count; i++) {
        char *bytes, *json = NULL;
        size_t len;

        if ((err = tl_event_encode(&timeline->events[i], &bytes, &len)) != 0)
            return err;
        if ((err = tl_event_to_json((struct tl_str){bytes, len}, &json)) == 0 && puts(json) < 0)
            err = TL_EIO;
        free(json);
        free(bytes);
    }
    return err;
}

int
verb_timeline(struct verb_call *call)
{
    uint64_t limit = 0;
    const char *before = NULL;
    struct verb_list types = {0}, channels = {0};
    struct tl_query query = {0};
    const struct verb_option options[] = {
        {"--as-of", VERB_TEXT, &query.as_of},
        {"--limit", VERB_COUNT, &limit},
        {"--before", VERB_TEXT, &before},
        {"--cursor", VERB_TEXT, &query.cursor},
        {"--type", VERB_LIST, &types},
        {"--channel", VERB_LIST, &channels},
        {0},
    };
    struct tl_client *client;
    struct tl_reply *reply;
    int code;

    if ((code = verb_options(call, options, 1, 1)) != 0
        || (code = verb_customer(call, call->argv[0])) != 0)
        return code;
    if (before != NULL && clock_parse(&query.before, before, strlen(before)) != 0)
        return verb_misused(call, "--before takes a time such as 2017-06-02T10:00:00Z, not `%s'",
                            before);
    if ((code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    query.limit = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
    query.types = types.items;
    query.types_count = types.count;
    query.channels = channels.items;
    query.channels_count = channels.count;
    code = show_reply(call, tl_timeline(client, call->argv[0], &query, &reply), &reply,
                      call->output == OUTPUT_JSONL ? lines : table);
    tl_close(&client);
    return code;
}
