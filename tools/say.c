#include "tools/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print.h"

#define SOURCE "command-line"
#define ANSWER_MS 10000
#define ID_BYTES 12
#define SENTENCE_BYTES 1024

static void
answered(void *arg, const struct tl_answer *a)
{
    struct said *s = arg;

    if (a->code == TL_ECLOSED)
        return;
    if (a->code != 0) {
        s->code = verb_failed(s->call, a->code, a->detail);
        return;
    }
    snprintf(s->position, sizeof(s->position), "%.*s", (int)a->position.len, a->position.ptr);
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
publish(struct tl_client *client, struct tl_event *ev, struct said *out)
{
    char id[2 * ID_BYTES + 1];
    int err;

    random_id(id);
    ev->id = say_text(id);
    ev->source = TL_STR(SOURCE);
    ev->direction = TL_STR("internal");
    if ((err = tl_publish(client, ev, 1)) != 0 || (err = tl_flush(client, ANSWER_MS)) != 0)
        return verb_failed(out->call, err, (struct tl_str){0});
    return out->code;
}

int
say_event(const struct verb_call *call, struct tl_event *ev, struct said *out)
{
    struct tl_client *client;
    int code;

    *out = (struct said){.call = call};
    if ((code = verb_open(call, &client, answered, out)) != 0)
        return code;
    code = publish(client, ev, out);
    tl_close(&client);
    return code;
}

int
say_stored(const struct said *s, const char *fmt, ...)
{
    char sentence[SENTENCE_BYTES];
    struct buf out = {0};
    va_list args;
    int err;

    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    if (s->call->output == OUTPUT_JSON)
        buf_printf(&out, "{\"status\":\"stored\",\"position\":\"%s\"}", s->position);
    else
        print_clean(&out, say_text(sentence));
    err = print_line(&out, true);
    buf_free(&out);
    return err;
}

struct tl_identifier
say_identifier(const char *customer)
{
    const char *colon = strchr(customer, ':');

    return (struct tl_identifier){{customer, (size_t)(colon - customer)}, say_text(colon + 1)};
}

struct tl_str
say_text(const char *s)
{
    return s != NULL ? (struct tl_str){s, strlen(s)} : (struct tl_str){"", 0};
}

const char *
say_by(void)
{
    return getenv("LOGNAME");
}
