#include <stdio.h>
#include <string.h>

#include "tools/show.h"

/* Everything that is one number, in both outputs. */
struct number {
    const char *name, *what;
    uint64_t value;
};

static void
counts_json(struct buf *out, const char *name, const struct tl_count *counts, size_t count)
{
    buf_printf(out, ",\"%s\":{", name);
    for (size_t i = 0; i < count; i++) {
        buf_text(out, i > 0 ? "," : "");
        print_json_text(out, counts[i].name);
        buf_printf(out, ":%llu", (unsigned long long)counts[i].count);
    }
    buf_byte(out, '}');
}

static bool
same(struct tl_str a, struct tl_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* By source, then by name; they come sorted. */
static void
ignored_json(struct buf *out, const struct tl_stat *s)
{
    struct tl_str source = {0};

    buf_text(out, ",\"ignored\":{");
    for (size_t i = 0; i < s->ignored_count; i++) {
        const struct tl_ignored *g = &s->ignored[i];

        if (i > 0 && same(source, g->source)) {
            buf_byte(out, ',');
        } else {
            buf_text(out, i > 0 ? "}," : "");
            print_json_text(out, source = g->source);
            buf_text(out, ":{");
        }
        print_json_text(out, g->name);
        buf_printf(out, ":%llu", (unsigned long long)g->count);
    }
    buf_text(out, s->ignored_count > 0 ? "}}" : "}");
}

static void
relationship_json(struct buf *out, const struct tl_relationship *r)
{
    const struct number numbers[] = {
        {"ours", NULL, r->ours},
        {"his", NULL, r->his},
        {"ours_percent", NULL, r->ours_percent},
        {"opened", NULL, r->opened},
        {"clicked", NULL, r->clicked},
        {"conversations", NULL, r->conversations},
        {"begun", NULL, r->begun},
        {"replied", NULL, r->replied},
        {"heard", NULL, r->heard},
        {"answered", NULL, r->answered},
        {"unanswered", NULL, r->unanswered},
        {"promises_kept", NULL, r->promises_kept},
        {"promises_broken", NULL, r->promises_broken},
        {"promises_overdue", NULL, r->promises_overdue},
        {"kept_percent", NULL, r->kept_percent},
        {"responses", NULL, r->responses},
        {"response_mean_ms", NULL, (uint64_t)r->response_mean_ms},
    };

    buf_text(out, ",\"relationship\":{");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        buf_printf(out, "%s\"%s\":%llu", i > 0 ? "," : "", numbers[i].name,
                   (unsigned long long)numbers[i].value);
    counts_json(out, "response_within", r->response_within, r->response_within_count);
    buf_byte(out, '}');
}

static void
text_json(struct buf *out, const char *name, struct tl_str text)
{
    buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    print_json_text(out, text);
}

static int
json(const struct tl_stat *s, const struct number *numbers)
{
    struct buf out = {0};
    int err;

    buf_byte(&out, '{');
    text_json(&out, "state", s->state);
    text_json(&out, "position", s->position);
    for (; numbers->name != NULL; numbers++)
        buf_printf(&out, ",\"%s\":%llu", numbers->name, (unsigned long long)numbers->value);
    counts_json(&out, "events_by_channel", s->events_by_channel, s->events_by_channel_count);
    counts_json(&out, "events_by_type", s->events_by_type, s->events_by_type_count);
    counts_json(&out, "gaps_by_source", s->gaps_by_source, s->gaps_by_source_count);
    counts_json(&out, "refused_by_code", s->refused_by_code, s->refused_by_code_count);
    ignored_json(&out, s);
    if (s->relationship != NULL)
        relationship_json(&out, s->relationship);
    text_json(&out, "checkpoint", s->checkpoint);
    text_json(&out, "version", s->version);
    buf_byte(&out, '}');
    err = print_line(&out, false);
    buf_free(&out);
    return err;
}

static int
counts_table(const char *title, const struct tl_count *counts, size_t count)
{
    struct print_table t = {.columns = 2, .right = 1u << 1};
    char text[32];

    if (count == 0)
        return 0;
    printf("\n%s\n", title);
    for (size_t i = 0; i < count; i++) {
        print_cell(&t, counts[i].name.len > 0 ? counts[i].name : TL_STR("(none)"));
        print_cellf(&t, "%s", print_count(text, counts[i].count));
    }
    return print_rows(&t, 2, stdout);
}

static int
ignored_table(const struct tl_stat *s)
{
    struct print_table t = {.columns = 3, .right = 1u << 2};
    char text[32];

    if (s->ignored_count == 0)
        return 0;
    printf("\nHeard and not taken\n");
    for (size_t i = 0; i < s->ignored_count; i++) {
        print_cell(&t, s->ignored[i].source);
        print_cell(&t, s->ignored[i].name);
        print_cellf(&t, "%s", print_count(text, s->ignored[i].count));
    }
    return print_rows(&t, 3, stdout);
}

static int
relationship_table(const struct tl_relationship *r)
{
    struct buf line = {0};
    bool failed;

    if (r == NULL || r->ours + r->his + r->conversations + r->promises_kept == 0)
        return 0;
    printf("\nThey and we\n");
    show_relationship(&line, r, true);
    if (!line.failed)
        printf("  %.*s\n", (int)line.len, (char *)line.ptr);
    failed = line.failed;
    buf_free(&line);
    return failed ? TL_ENOMEM : counts_table("First answer within", r->response_within,
                                             r->response_within_count);
}

static int
table(const struct tl_stat *s, const struct number *numbers)
{
    struct print_table t = {.columns = 2, .right = 1u << 1};
    char text[32];
    int err;

    printf("%.*s at %.*s\n", (int)s->state.len, s->state.ptr, (int)s->position.len,
           s->position.ptr);
    for (; numbers->name != NULL; numbers++) {
        print_cellf(&t, "%s", numbers->what);
        print_cellf(&t, "%s", print_count(text, numbers->value));
    }
    if ((err = print_rows(&t, 2, stdout)) != 0)
        return err;
    if ((err = relationship_table(s->relationship)) != 0)
        return err;
    if ((err = counts_table("Events by channel", s->events_by_channel,
                            s->events_by_channel_count)) != 0)
        return err;
    if ((err = counts_table("Events by type", s->events_by_type, s->events_by_type_count)) != 0)
        return err;
    if ((err = counts_table("Missing by source", s->gaps_by_source,
                            s->gaps_by_source_count)) != 0)
        return err;
    if ((err = counts_table("Refused", s->refused_by_code, s->refused_by_code_count)) != 0)
        return err;
    return ignored_table(s);
}

static int
show(const struct tl_reply *reply, bool as_json)
{
    const struct tl_stat *s = tl_reply_stat(reply);
    const struct number numbers[] = {
        {"events", "events", s->events},
        {"duplicates", "sent again since the start", s->duplicates},
        {"refused", "refused since the start", s->refused},
        {"dead_letters", "kept aside (dead letters)", s->dead_letters},
        {"customers", "customers", s->customers},
        {"profiles", "profiles", s->profiles},
        {"sources", "sources", s->sources},
        {"superseded", "superseded by a higher revision", s->superseded},
        {"gaps", "missing of sources that number their events", s->gaps},
        {"campaigns", "campaigns", s->campaigns},
        {"log_bytes", "bytes of log", s->log_bytes},
        {"views_bytes", "bytes of views", s->views_bytes},
        {"views_dirty_bytes", "bytes of changed views in memory", s->views_dirty_bytes},
        {"sessions", "clients", s->sessions},
        {"streams", "streams", s->streams},
        {"uptime_s", "seconds up", s->uptime_s},
        {0},
    };

    return as_json ? json(s, numbers) : table(s, numbers);
}

int
verb_stat(struct verb_call *call)
{
    static const struct verb_option options[] = {{0}};
    struct tl_client *client;
    struct tl_reply *reply;
    int code, err;

    if ((code = verb_options(call, options, 0, 0)) != 0
        || (code = verb_open(call, &client, NULL, NULL)) != 0)
        return code;
    err = tl_stat(client, &reply);
    if (err == 0)
        err = show(reply, call->output == OUTPUT_JSON);
    if (err != 0)
        code = verb_failed(call, err, reply != NULL ? tl_reply_detail(reply) : (struct tl_str){0});
    tl_reply_free(&reply);
    tl_close(&client);
    return code;
}
