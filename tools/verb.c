#include "tools/verb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *name;
    enum output output;
} outputs[] = {
    {"table", OUTPUT_TABLE}, {"json", OUTPUT_JSON},   {"jsonl", OUTPUT_JSONL},
    {"csv", OUTPUT_CSV},     {"proto", OUTPUT_PROTO},
};

#define OUTPUTS (sizeof outputs / sizeof outputs[0])

static void
usage(FILE *out, const struct verb_call *call)
{
    if (call->verb == NULL) {
        fprintf(out, "usage: touchline [--broker ENDPOINT] [-o FORMAT] VERB ...\n"
                     "`touchline help` lists the verbs.\n");
        return;
    }
    fprintf(out, "usage: touchline %s %s\n", call->verb->name, call->verb->usage);
}

int
verb_misused(const struct verb_call *call, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "touchline: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    usage(stderr, call);
    return VERB_USAGE;
}

int
verb_cannot(const char *what)
{
    fprintf(stderr, "touchline: %s: %s\n", what, strerror(errno));
    return VERB_USAGE;
}

/* ----------------------------------------------------------------- options */

static int
take_count(const struct verb_call *call, const char *name, const char *value, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0)
        return verb_misused(call, "%s takes a number, not `%s'", name, value);
    return 0;
}

static int
take_item(const struct verb_call *call, const char *name, struct verb_list *list, const char *value)
{
    if (list->count == VERB_LIST_MAX)
        return verb_misused(call, "%s is given more than %d times", name, VERB_LIST_MAX);
    list->items[list->count++] = value;
    return 0;
}

static int
take_output(struct verb_call *call, const char *value)
{
    for (size_t i = 0; i < OUTPUTS; i++)
        if (strcmp(outputs[i].name, value) == 0) {
            call->output = outputs[i].output;
            return 0;
        }
    return verb_misused(call, "-o takes table, json, jsonl, csv or proto, not `%s'", value);
}

static int
take(struct verb_call *call, const struct verb_option *o, const char *value)
{
    switch (o->kind) {
    case VERB_FLAG:
        *(bool *)o->where = true;
        return 0;
    case VERB_TEXT:
        *(const char **)o->where = value;
        return 0;
    case VERB_COUNT:
        return take_count(call, o->name, value, o->where);
    case VERB_LIST:
        return take_item(call, o->name, o->where, value);
    }
    return 0;
}

static const struct verb_option *
find(const struct verb_option *options, const char *word, size_t len)
{
    for (; options->name != NULL; options++)
        if (strlen(options->name) == len && strncmp(options->name, word, len) == 0)
            return options;
    return NULL;
}

static bool
is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* Takes the option at argv[*i] and the value it has, if it is one of `options`.
 * Returns 0, VERB_USAGE, or -1 when it is none of them. */
static int
option(struct verb_call *call, const struct verb_option *options, int *i)
{
    const char *word = call->argv[*i], *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct verb_option *o = find(options, word, len);
    const char *value = equals != NULL ? equals + 1 : NULL;

    if (o == NULL)
        return -1;
    if (o->kind == VERB_FLAG && value != NULL)
        return verb_misused(call, "%s takes no value", o->name);
    if (o->kind != VERB_FLAG && value == NULL) {
        if (*i + 1 >= call->argc)
            return verb_misused(call, "%s wants a value", o->name);
        value = call->argv[++*i];
    }
    if (value != NULL && value[0] == '\0')
        return verb_misused(call, "%s wants a value, not nothing", o->name);
    return take(call, o, value);
}

/* The options every verb has.  Returns as option(). */
static int
global(struct verb_call *call, int *i)
{
    const char *format = NULL;
    const struct verb_option options[] = {
        {"--broker", VERB_TEXT, &call->broker},
        {"-o", VERB_TEXT, &format},
        {0},
    };
    int err = option(call, options, i);

    if (err == 0 && format != NULL)
        err = take_output(call, format);
    return err;
}

static int
any(struct verb_call *call, const struct verb_option *options, int *i)
{
    const char *word = call->argv[*i];
    int err;

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        usage(stdout, call);
        exit(VERB_FINE);
    }
    if ((err = option(call, options, i)) == -1)
        err = global(call, i);
    return err != -1 ? err : verb_misused(call, "unknown option `%s'", word);
}

int
verb_globals(struct verb_call *call)
{
    int i, err;

    for (i = 0; i < call->argc && is_option(call->argv[i]); i++)
        if ((err = global(call, &i)) != 0)
            return err != -1 ? err : verb_misused(call, "unknown option `%s'", call->argv[i]);
    call->argc -= i;
    call->argv += i;
    return 0;
}

static int
check(const struct verb_call *call, int min, int max)
{
    if (call->argc < min)
        return verb_misused(call, "too few arguments");
    if (call->argc > max)
        return verb_misused(call, "one argument too many: `%s'", call->argv[max]);
    if (call->output != OUTPUT_TABLE && (call->verb->outputs & 1u << call->output) == 0)
        return verb_misused(call, "%s has no output of this format", call->verb->name);
    return 0;
}

int
verb_options(struct verb_call *call, const struct verb_option *options, int min, int max)
{
    bool ended = false;
    int kept = 0, err;

    for (int i = 0; i < call->argc; i++) {
        if (!ended && strcmp(call->argv[i], "--") == 0)
            ended = true;
        else if (ended || !is_option(call->argv[i]))
            call->argv[kept++] = call->argv[i];
        else if ((err = any(call, options, &i)) != 0)
            return err;
    }
    call->argc = kept;
    return check(call, min, max);
}

int
verb_customer(const struct verb_call *call, const char *customer)
{
    const char *colon = strchr(customer, ':');

    if (colon != NULL && colon > customer && colon[1] != '\0')
        return 0;
    return verb_misused(call, "a customer is TYPE:VALUE, such as email:joe@example.com, not `%s'",
                        customer);
}

int
verb_directory(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return verb_cannot(path);
    if (S_ISDIR(st.st_mode))
        return 0;
    errno = ENOTDIR;
    return verb_cannot(path);
}

int
verb_data(const char *path)
{
    char log[4096];
    struct stat st;
    int code = verb_directory(path);

    snprintf(log, sizeof log, "%s/log", path);
    if (code != 0 || stat(log, &st) == 0)
        return code;
    fprintf(stderr, "touchline: %s is no broker's --data: there is no log in it\n", path);
    return VERB_USAGE;
}

/* ------------------------------------------------------------------ broker */

static const char *
endpoint(const struct verb_call *call)
{
    const char *env = getenv("TOUCHLINE_BROKER");

    if (call->broker != NULL)
        return call->broker;
    return env != NULL && env[0] != '\0' ? env : "tcp://127.0.0.1:7700";
}

static int
exit_code(int code)
{
    switch (code) {
    case TL_EAWAY:
    case TL_BUSY:
        return VERB_AWAY;
    case TL_FORBIDDEN:
        return VERB_POLICY;
    case TL_BAD_IDENTIFIER:
    case TL_BAD_REQUEST:
    case TL_BAD_POSITION:
    case TL_BAD_TIME:
    case TL_UNSUPPORTED:
    case TL_EARGUMENT:
        return VERB_USAGE;
    default:
        return VERB_NO;
    }
}

int
verb_failed(const struct verb_call *call, int code, struct tl_str detail)
{
    if (detail.len > 0)
        fprintf(stderr, "touchline: %.*s", (int)detail.len, detail.ptr);
    else
        fprintf(stderr, "touchline: %s", tl_code_sentence(code));
    if (code == TL_EAWAY)
        fprintf(stderr, " (%s)", endpoint(call));
    fputc('\n', stderr);
    return exit_code(code);
}

int
verb_open(const struct verb_call *call, struct tl_client **out,
          void (*answered)(void *arg, const struct tl_answer *answer), void *arg)
{
    struct tl_options options = {
        .endpoint = endpoint(call),
        .name = "touchline",
        .answered = answered,
        .arg = arg,
    };
    int err = tl_open(out, &options);

    if (err == TL_EARGUMENT)
        return verb_misused(call, "`%s' is no endpoint; write tcp://HOST:PORT or ipc://PATH",
                            options.endpoint);
    return err != 0 ? verb_failed(call, err, (struct tl_str){0}) : 0;
}
