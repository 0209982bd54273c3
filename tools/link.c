/* What a person decides: these two are one customer, or they are not. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print.h"
#include "tools/verb.h"

#define SOURCE "command-line"
#define ANSWER_MS 10000
#define ID_BYTES 12

/* The one answer there will be. */
struct word {
    const struct verb_call *call;
    int code;               /* the exit code */
    char position[TL_POSITION_BYTES + 1];
};

static void
answered(void *arg, const struct tl_answer *a)
{
    struct word *w = arg;

    if (a->code == TL_ECLOSED)
        return;
    if (a->code != 0) {
        w->code = verb_failed(w->call, a->code, a->detail);
        return;
    }
    snprintf(w->position, sizeof(w->position), "%.*s", (int)a->position.len, a->position.ptr);
}

static struct tl_str
text(const char *s)
{
    return (struct tl_str){s, strlen(s)};
}

static struct tl_identifier
identifier(const char *customer)
{
    const char *colon = strchr(customer, ':');

    return (struct tl_identifier){{customer, (size_t)(colon - customer)}, text(colon + 1)};
}

static void
random_id(char id[2 * ID_BYTES + 1])
{
    unsigned char bytes[ID_BYTES];

    arc4random_buf(bytes, sizeof bytes);
    for (size_t i = 0; i < ID_BYTES; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static int
publish(struct tl_client *client, struct word *w, const char *type,
        struct tl_identity_link *link)
{
    char id[2 * ID_BYTES + 1];
    struct tl_event ev = {
        .source = TL_STR(SOURCE),
        .type = text(type),
        .direction = TL_STR("internal"),
        .link = link,
    };
    int err;

    random_id(id);
    ev.id = text(id);
    if ((err = tl_publish(client, &ev, 1)) != 0 || (err = tl_flush(client, ANSWER_MS)) != 0)
        return verb_failed(w->call, err, (struct tl_str){0});
    return w->code;
}

static int
tell(const struct word *w, const char *done)
{
    struct buf out = {0};
    int err;

    if (w->call->output == OUTPUT_JSON)
        buf_printf(&out, "{\"status\":\"stored\",\"position\":\"%s\"}", w->position);
    else
        buf_printf(&out, "%s: %s and %s", done, w->call->argv[0], w->call->argv[1]);
    err = print_line(&out, true);
    buf_free(&out);
    return err;
}

static int
run(struct verb_call *call, const char *type, const char *done)
{
    const char *evidence = NULL, *by = getenv("LOGNAME");
    const struct verb_option options[] = {
        {"--evidence", VERB_TEXT, &evidence},
        {"--by", VERB_TEXT, &by},
        {0},
    };
    struct tl_identifier a, b;
    struct tl_identity_link link = {.a = &a, .b = &b};
    struct word w = {.call = call};
    struct tl_client *client;
    int code;

    if ((code = verb_options(call, options, 2, 2)) != 0
        || (code = verb_customer(call, call->argv[0])) != 0
        || (code = verb_customer(call, call->argv[1])) != 0)
        return code;
    if (evidence == NULL || evidence[0] == '\0')
        return verb_misused(call, "say --evidence: how is that known?");
    a = identifier(call->argv[0]);
    b = identifier(call->argv[1]);
    link.evidence = text(evidence);
    link.by = by != NULL ? text(by) : TL_STR("");
    if ((code = verb_open(call, &client, answered, &w)) != 0)
        return code;
    code = publish(client, &w, type, &link);
    tl_close(&client);
    return code != 0 ? code : tell(&w, done);
}

int
verb_link(struct verb_call *call)
{
    return run(call, "identity.linked", "linked");
}

int
verb_unlink(struct verb_call *call)
{
    return run(call, "identity.unlinked", "unlinked");
}
