/* Do the answers follow from the log?  Asks a running broker, or looks at the
 * data of one that is stopped. */

#include <string.h>

#include "store/store.h"
#include "tools/show.h"

static void
number(struct buf *out, const char *name, uint64_t value)
{
    buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static int
json(const struct tl_verification *v)
{
    struct buf out = {0};
    int err;

    buf_printf(&out, "{\"ok\":%s,\"position\":", v->ok ? "true" : "false");
    print_json_text(&out, v->position);
    number(&out, "events", v->events);
    number(&out, "records", v->records);
    number(&out, "differences", v->differences);
    buf_text(&out, ",\"examples\":[");
    for (size_t i = 0; i < v->examples_count; i++) {
        buf_text(&out, i > 0 ? "," : "");
        print_json_text(&out, v->examples[i]);
    }
    buf_text(&out, "]}");
    err = print_line(&out, false);
    buf_free(&out);
    return err;
}

static int
text(const struct tl_verification *v)
{
    struct print_table t = {.columns = 1};
    char events[32], records[32], differences[32];

    printf("%s: %s events, %s records compared, %s %s\n", v->ok ? "fine" : "NOT FINE",
           print_count(events, v->events), print_count(records, v->records),
           print_count(differences, v->differences),
           v->differences == 1 ? "difference" : "differences");
    for (size_t i = 0; i < v->examples_count; i++)
        print_cell(&t, v->examples[i]);
    return print_rows(&t, 2, stdout);
}

static int
show(const struct verb_call *call, const struct tl_verification *v)
{
    int err = call->output == OUTPUT_JSON ? json(v) : text(v);

    if (err != 0)
        return verb_failed(call, err, (struct tl_str){0});
    return v->ok ? VERB_FINE : VERB_NO;
}

static void
ignore_wake(void *arg)
{
    (void)arg;      /* there is no loop to wake: nothing else is done meanwhile */
}

/* What cannot even be opened has been verified too, and is not fine. */
static int
show_damage(const struct verb_call *call, const char *why)
{
    struct tl_str example = {why, strlen(why)};
    const struct tl_verification v = {.differences = 1, .examples = &example, .examples_count = 1};

    return show(call, &v);
}

static int
offline(const struct verb_call *call, const char *dir)
{
    struct store_settings settings = {.dir = dir, .wake = ignore_wake};
    struct tl_verification verified = {0};
    char why[STORE_WHY_BYTES] = "";
    struct store *store = NULL;
    struct arena arena;
    int code, err;

    if ((err = store_open(&store, &settings, why)) == TL_EDAMAGED)
        return show_damage(call, why);
    if (err != 0)
        return verb_failed(call, err, (struct tl_str){why, strlen(why)});
    arena_init(&arena, 16u << 20);
    if ((err = store_verify(store, &verified, &arena, why)) != 0)
        code = verb_failed(call, err, (struct tl_str){why, strlen(why)});
    else
        code = show(call, &verified);
    arena_fini(&arena);
    if ((err = store_close(&store)) != 0)
        code = verb_failed(call, err, (struct tl_str){0});
    return code;
}

static int
online(const struct verb_call *call)
{
    struct tl_client *client;
    struct tl_reply *reply;
    int code, err;

    if ((code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    if ((err = tl_verify(client, &reply)) != 0)
        code = verb_failed(call, err, reply != NULL ? tl_reply_detail(reply) : (struct tl_str){0});
    else
        code = show(call, tl_reply_verify(reply));
    tl_reply_free(&reply);
    tl_close(&client);
    return code;
}

int
verb_verify(struct verb_call *call)
{
    const char *dir = NULL;
    const struct verb_option options[] = {{"--data", VERB_TEXT, &dir}, {0}};
    int code;

    if ((code = verb_options(call, options, 0, 0)) != 0)
        return code;
    if (dir == NULL)
        return online(call);
    return (code = verb_data(dir)) != 0 ? code : offline(call, dir);
}
