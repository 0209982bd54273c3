#include "adapters/setup.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/signature.h"
#include "adapters/tables.h"
#include "adapters/spool.h"
#include "base/conf.h"
#include "base/endpoint.h"
#include "base/must.h"

#define SETTINGS_OF_INPUT 12
#define SETTINGS_MAX (5 + SETTINGS_OF_INPUT * SETUP_INPUTS_MAX)
#define KEY_BYTES_MAX 8192
#define INTERVAL_DEFAULT_MS (15 * 60 * 1000)
#define INTERVAL_MIN_MS 100     /* the site that is asked is not ours */
#define INTERVAL_MAX_MS (366LL * 24 * 60 * 60 * 1000)
#define HOST_BYTES_MAX 253      /* RFC 1035 */

enum {
    OPTION_BROKER = 256, OPTION_LISTEN, OPTION_DATA, OPTION_CONFIG, OPTION_CHECK, OPTION_HELP,
    OPTION_VERSION,
};

static const struct option options[] = {
    {"broker", required_argument, NULL, OPTION_BROKER},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"data", required_argument, NULL, OPTION_DATA},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

void
setup_usage(const struct adapter *a)
{
    printf("%s --data DIR [--listen HOST:PORT] [--broker ENDPOINT] [--config FILE] [--check]\n"
           "\n"
           "  --data DIR         what was taken and is not with the broker yet, dead letters,\n"
           "                     places in files; made when it is not there\n"
           "  --listen HOST:PORT HTTP (default %s)\n"
           "  --broker ENDPOINT  default $TOUCHLINE_BROKER, else tcp://127.0.0.1:7700\n"
           "  --config FILE      settings; see %s(1)\n"
           "  --check            only say whether the settings are right\n"
           "  --version\n"
           "  --help\n",
           a->program, a->listen, a->program);
}

/* ------------------------------------------------------------- command line */

struct typed {
    char *broker, *listen, *data;
};

static int
take_options(struct setup *s, struct typed *t, int argc, char **argv)
{
    int option;

    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1)
        switch (option) {
        case OPTION_BROKER:
            t->broker = optarg;
            break;
        case OPTION_LISTEN:
            t->listen = optarg;
            break;
        case OPTION_DATA:
            t->data = optarg;
            break;
        case OPTION_CONFIG:
            s->config = optarg;
            break;
        case OPTION_CHECK:
            s->check = true;
            break;
        case OPTION_HELP:
            s->help = true;
            break;
        case OPTION_VERSION:
            s->version = true;
            break;
        default:
            return option;
        }
    return optind < argc ? 'x' : 0;
}

static int
complain(char why[SETUP_WHY_BYTES], const struct adapter *a, int option, char **argv)
{
    snprintf(why, SETUP_WHY_BYTES, "%.200s %s; see %s --help",
             argv[option == 'x' ? optind : optind - 1],
             option == ':' ? "needs a value" : "is no option here", a->program);
    return -1;
}

/* ------------------------------------------------------------------- inputs */

static struct setup_input *
input_of(struct setup *s, const char *format)
{
    struct setup_input *in;

    for (size_t i = 0; i < s->inputs_count; i++)
        if (strcmp(s->inputs[i].format->name, format) == 0)
            return &s->inputs[i];
    must(s->inputs_count < SETUP_INPUTS_MAX);
    in = &s->inputs[s->inputs_count++];
    must((in->format = format_find(format)) != NULL);
    in->interval_ms = INTERVAL_DEFAULT_MS;
    return in;
}

const struct setup_input *
setup_input(const struct setup *s, const char *format)
{
    for (size_t i = 0; i < s->inputs_count; i++)
        if (strcmp(s->inputs[i].format->name, format) == 0)
            return &s->inputs[i];
    return NULL;
}

static void
list_inputs(struct setup *s, const struct adapter *a)
{
    for (const struct adapter_path *p = a->paths; p->path != NULL; p++) {
        struct setup_input *in = input_of(s, p->format);

        if (p->key != NULL)
            in->signed_path = p;
    }
    for (const struct adapter_file *f = a->files; f != NULL && f->format != NULL; f++)
        input_of(s, f->format)->ways |= f->ways;
    for (const struct adapter_stream *t = a->streams; t != NULL && t->format != NULL; t++)
        input_of(s, t->format)->stream = t;
}

/* ------------------------------------------------------------ settings file */

static void
know(struct conf_setting *known, size_t *n, const char *section, const char *name,
     enum conf_kind kind, void *where)
{
    must(*n < SETTINGS_MAX);
    known[(*n)++] = (struct conf_setting){section, name, kind, where, 0, 0};
}

/* Of the one made known last. */
static void
limit(struct conf_setting *known, size_t n, int64_t min, int64_t max)
{
    known[n - 1].min = min;
    known[n - 1].max = max;
}

static void
know_input(struct conf_setting *known, size_t *n, struct setup_input *in)
{
    const char *section = in->format->name;

    know(known, n, section, "source", CONF_TEXT, &in->source);
    know(known, n, section, "default_region", CONF_TEXT, &in->region);
    know(known, n, section, "timezone", CONF_TEXT, &in->timezone);
    if (in->signed_path != NULL) {
        know(known, n, section, in->signed_path->key, CONF_TEXT, &in->key_file);
        know(known, n, section, "public_url", CONF_TEXT, &in->public_url);
    }
    if (in->stream != NULL) {
        know(known, n, section, "connect", CONF_TEXT, &in->connect);
        know(known, n, section, "username", CONF_TEXT, &in->username);
        know(known, n, section, "secret_file", CONF_TEXT, &in->secret_file);
    }
    if (in->ways & ADAPTER_FOLLOW)
        know(known, n, section, "follow", CONF_TEXT, &in->follow);
    if (in->ways & ADAPTER_DROP)
        know(known, n, section, "directory", CONF_TEXT, &in->directory);
    if (in->ways & ADAPTER_TABLES)
        know(known, n, section, "maps", CONF_TEXT, &in->maps);
    if (in->ways & ADAPTER_POLL) {
        know(known, n, section, "urls", CONF_TEXT, &in->urls);
        know(known, n, section, "interval", CONF_DURATION_MS, &in->interval_ms);
        limit(known, *n, INTERVAL_MIN_MS, INTERVAL_MAX_MS);
    }
}

static int
read_file(struct setup *s, char why[SETUP_WHY_BYTES])
{
    struct conf_setting known[SETTINGS_MAX];
    size_t n = 0;

    know(known, &n, "adapter", "broker", CONF_TEXT, &s->broker);
    know(known, &n, "adapter", "listen", CONF_TEXT, &s->listen);
    know(known, &n, "adapter", "data", CONF_TEXT, &s->data);
    know(known, &n, "spool", "size", CONF_BYTES, &s->spool_bytes);
    limit(known, n, SPOOL_BYTES_MIN, 0);
    know(known, &n, "spool", "segment_size", CONF_BYTES, &s->segment_bytes);
    limit(known, n, SPOOL_SEGMENT_BYTES_MIN, SPOOL_SEGMENT_BYTES_MAX);
    for (size_t i = 0; i < s->inputs_count; i++)
        know_input(known, &n, &s->inputs[i]);
    return conf_read(s->config, known, n, why);
}

/* -------------------------------------------------------- what they name */

static int
refuse_secret(const struct setup_input *in, const char *name, const char *path,
              const char *sentence, char why[SETUP_WHY_BYTES])
{
    snprintf(why, SETUP_WHY_BYTES, "[%s] %s: %.300s: %s", in->format->name, name, path, sentence);
    return -1;
}

/* A secret is a line: without the blanks and newlines around it. */
static int
read_secret(char **out, const struct setup_input *in, const char *name, const char *path,
            char why[SETUP_WHY_BYTES])
{
    FILE *f = fopen(path, "re");
    char *text = calloc(1, KEY_BYTES_MAX + 2);
    const char *sentence = NULL;
    size_t len;

    must(text != NULL);
    *out = text;
    if (f == NULL)
        return refuse_secret(in, name, path, strerror(errno), why);
    errno = 0;
    len = fread(text, 1, KEY_BYTES_MAX + 1, f);
    if (ferror(f))
        sentence = strerror(errno);
    else if (len > KEY_BYTES_MAX)
        sentence = "longer than 8192 bytes: that is no secret";
    fclose(f);
    text[len] = '\0';
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    if (len == 0 && sentence == NULL)
        sentence = "the secret is empty";
    return sentence == NULL ? 0 : refuse_secret(in, name, path, sentence, why);
}

static int
check_key(struct setup_input *in, char why[SETUP_WHY_BYTES])
{
    const char *name = in->signed_path != NULL ? in->signed_path->key : "", *sentence;

    if (in->key_file == NULL)
        return 0;
    if (read_secret(&in->key, in, name, in->key_file, why) != 0)
        return -1;
    if ((sentence = signature_secret(in->format->name, in->key)) == NULL)
        return 0;
    return refuse_secret(in, name, in->key_file, sentence, why);
}

/* What is said to log in is lines: neither word may bring one of its own. */
static bool
is_word(const char *text)
{
    return text == NULL || strpbrk(text, "\r\n") == NULL;
}

static int
check_stream(struct setup_input *in, char why[SETUP_WHY_BYTES])
{
    const char *colon;

    if (in->secret_file != NULL
        && read_secret(&in->secret, in, "secret_file", in->secret_file, why) != 0)
        return -1;
    if (in->connect == NULL)
        return 0;
    colon = strrchr(in->connect, ':');
    if (colon == NULL || colon == in->connect || !endpoint_is_port(colon + 1)
        || colon - in->connect > HOST_BYTES_MAX) {
        snprintf(why, SETUP_WHY_BYTES, "[%s] connect: `%.200s' is no HOST:PORT",
                 in->format->name, in->connect);
        return -1;
    }
    if (is_word(in->username) && is_word(in->secret))
        return 0;
    snprintf(why, SETUP_WHY_BYTES, "[%s] username and secret are one line each",
             in->format->name);
    return -1;
}

static int
check_urls(const struct setup_input *in, char why[SETUP_WHY_BYTES])
{
    const char *at = in->urls;

    while (at != NULL && *(at += strspn(at, " \t")) != '\0') {
        size_t len = strcspn(at, " \t");

        if (strncmp(at, "http://", 7) != 0 && strncmp(at, "https://", 8) != 0) {
            snprintf(why, SETUP_WHY_BYTES, "[%s] urls: `%.*s' begins with neither http:// nor "
                     "https://", in->format->name, (int)(len < 200 ? len : 200), at);
            return -1;
        }
        at += len;
    }
    return 0;
}

static int
check_directory(const struct setup_input *in, char why[SETUP_WHY_BYTES])
{
    struct stat st;

    if (stat(in->directory, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    snprintf(why, SETUP_WHY_BYTES, "[%s] directory: %.300s is no directory", in->format->name,
             in->directory);
    return -1;
}

static int
check_maps(const struct setup_input *in, char why[SETUP_WHY_BYTES])
{
    char sentence[TABLES_WHY_BYTES];

    if (in->directory == NULL && in->maps == NULL)
        return 0;
    if (in->directory == NULL || in->maps == NULL)
        snprintf(sentence, sizeof sentence, "directory and maps belong together");
    else if (tables_check(in->maps, sentence) == 0)
        return 0;
    snprintf(why, SETUP_WHY_BYTES, "[%s] maps: %s", in->format->name, sentence);
    return -1;
}

/* A decoder says itself what it cannot work with. */
static int
try_decoder(const struct setup_input *in, char why[SETUP_WHY_BYTES])
{
    const struct format_sink nowhere = {0};
    char sentence[512] = "";
    struct decoder *d;

    if (in->format->open(&d, &in->options, &nowhere, sentence) != 0) {
        snprintf(why, SETUP_WHY_BYTES, "[%s] %s", in->format->name, sentence);
        return -1;
    }
    in->format->close(&d);
    return 0;
}

static int
check_input(struct setup_input *in, char why[SETUP_WHY_BYTES])
{
    char sentence[FORMAT_WHY_BYTES];

    in->options = (struct format_options){
        .source = in->source,
        .region = in->region,
        .timezone = in->timezone,
    };
    if (check_key(in, why) != 0 || check_stream(in, why) != 0 || check_urls(in, why) != 0)
        return -1;
    if (format_options_check(&in->options, sentence) != 0) {
        snprintf(why, SETUP_WHY_BYTES, "[%s] %s", in->format->name, sentence);
        return -1;
    }
    if (in->directory != NULL && check_directory(in, why) != 0)
        return -1;
    return in->format->needs_map ? check_maps(in, why) : try_decoder(in, why);
}

static int
check_listen(struct setup *s, char why[SETUP_WHY_BYTES])
{
    if (http_resolve(&s->address, s->listen, why) != 0)
        return -1;
    if (s->address.loopback)
        return 0;
    snprintf(why, SETUP_WHY_BYTES,
             "%.200s can be reached from other machines, and without tokens anybody there could "
             "write: listen at a loopback address behind a proxy that speaks TLS (this version has "
             "no `touchline token new` yet)",
             s->listen);
    return -1;
}

/* Asks the library, and connects to nobody. */
static int
check_broker(const struct setup *s, char why[SETUP_WHY_BYTES])
{
    const struct tl_options to = {.endpoint = s->broker};
    struct tl_client *client;
    int err = tl_open(&client, &to);

    tl_close(&client);
    if (err != TL_EARGUMENT)
        return 0;
    snprintf(why, SETUP_WHY_BYTES, "broker: `%.300s' is no endpoint; write tcp://HOST:PORT or "
             "ipc://PATH", s->broker != NULL ? s->broker : getenv("TOUCHLINE_BROKER"));
    return -1;
}

static char *
choose(char *typed, char *from_file)
{
    if (typed == NULL)
        return from_file;
    free(from_file);
    return typed;
}

int
setup_read(struct setup *s, const struct adapter *a, int argc, char **argv,
           char why[SETUP_WHY_BYTES])
{
    struct typed typed = {0};
    int option;

    *s = (struct setup){0};
    if ((option = take_options(s, &typed, argc, argv)) != 0)
        return complain(why, a, option, argv);
    if (s->help || s->version)
        return 0;
    list_inputs(s, a);
    if (s->config != NULL && read_file(s, why) != 0)
        return -1;
    s->broker = choose(typed.broker, s->broker);
    s->listen = choose(typed.listen, s->listen);
    s->data = choose(typed.data, s->data);
    if (s->listen == NULL)
        must((s->listen = strdup(a->listen)) != NULL);
    for (size_t i = 0; i < s->inputs_count; i++)
        if (check_input(&s->inputs[i], why) != 0)
            return -1;
    if (check_listen(s, why) != 0 || check_broker(s, why) != 0)
        return -1;
    if (s->data != NULL && s->data[0] != '\0')
        return 0;
    snprintf(why, SETUP_WHY_BYTES,
             "where shall be kept what the broker does not have yet? say --data DIR; see %s --help",
             a->program);
    return -1;
}
