#include <string.h>

#include "base/clock.h"
#include "tools/show.h"

#define TEXT(s) (int)(s).len, (s).ptr

static bool
is(struct tl_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static int
table(const struct tl_reply *reply)
{
    const struct tl_contact_verdict *v = tl_reply_may_contact(reply);
    char by[48], when[PRINT_WHEN_BYTES];
    int64_t now = clock_now();

    printf("%.*s  %.*s%s", TEXT(v->verdict), TEXT(v->purpose), show_by(v->channel, by));
    if (v->until != 0)
        printf(", until %s", print_when(when, v->until, now));
    printf("\n  %.*s\n", TEXT(v->rule));
    for (size_t i = 0; i < v->counted_count; i++)
        printf("  counted %.*s\n", TEXT(v->counted[i]));
    if (v->reservation.len > 0)
        printf("  reserved as %.*s until %s\n", TEXT(v->reservation),
               print_when(when, v->reserved_until, now));
    return 0;
}

int
verb_may_contact(struct verb_call *call)
{
    struct tl_query query = {0};
    const struct verb_option options[] = {
        {"--channel", VERB_TEXT, &query.channel},
        {"--purpose", VERB_TEXT, &query.purpose},
        {"--reserve", VERB_FLAG, &query.reserve},
        {"--reservation", VERB_TEXT, &query.reservation},
        {"--campaign", VERB_TEXT, &query.campaign},
        {"--offer", VERB_TEXT, &query.offer},
        {0},
    };
    struct tl_client *client;
    struct tl_reply *reply;
    bool allowed;
    int code;

    if ((code = verb_options(call, options, 1, 1)) != 0
        || (code = verb_customer(call, call->argv[0])) != 0)
        return code;
    if (query.channel == NULL || query.purpose == NULL)
        return verb_misused(call, "say --channel and --purpose");
    if ((code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    code = tl_may_contact(client, call->argv[0], &query, &reply);
    allowed = code == 0 && is(tl_reply_may_contact(reply)->verdict, "allow");
    code = show_reply(call, code, &reply, table);
    tl_close(&client);
    return code == VERB_FINE && !allowed ? VERB_POLICY : code;
}
