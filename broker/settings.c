#include "broker/settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "store/log.h"
#include "store/views.h"

/* getopt_long's answers; none is a character, so no short option exists. */
enum {
    OPTION_DATA = 256,
    OPTION_LISTEN,
    OPTION_CONFIG,
    OPTION_POLICY,
    OPTION_IDENTIFIERS,
    OPTION_CHECK,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"identifiers", required_argument, NULL, OPTION_IDENTIFIERS},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

void
settings_usage(void)
{
    puts("touchlined --data DIR [--listen tcp://HOST:PORT] [--config FILE]\n"
         "           [--policy FILE] [--identifiers FILE] [--check]\n"
         "\n"
         "  --data DIR         where the events are kept; made when it is not there\n"
         "  --listen ENDPOINT  tcp://HOST:PORT or ipc://PATH (default " LISTEN_DEFAULT ")\n"
         "  --config FILE      settings:\n"
         "                       [broker]  data listen policy identifiers\n"
         "                       [store]   segment_size views_memory flush_events flush_interval\n"
         "                       [commitments] grace\n"
         "  --policy FILE      the contact policy; SIGHUP reads it again\n"
         "  --identifiers FILE what is said of types of identifiers; read at the start\n"
         "  --check            only say whether the settings are right\n"
         "  --version\n"
         "  --help");
}

static int
read_file(struct settings *s, const char *path, char error[SETTINGS_ERROR_BYTES])
{
    const struct conf_setting known[] = {
        {"broker", "data", CONF_TEXT, &s->data, 0, 0},
        {"broker", "listen", CONF_TEXT, &s->listen, 0, 0},
        {"broker", "policy", CONF_TEXT, &s->policy, 0, 0},
        {"broker", "identifiers", CONF_TEXT, &s->identifiers, 0, 0},
        {"store", "segment_size", CONF_BYTES, &s->segment_bytes, LOG_SEGMENT_BYTES_MIN,
         LOG_SEGMENT_BYTES_MAX},
        {"store", "views_memory", CONF_BYTES, &s->views_bytes, VIEWS_MEMORY_MIN, 0},
        {"store", "flush_events", CONF_NUMBER, &s->flush_events, 1, 0},
        {"store", "flush_interval", CONF_DURATION_MS, &s->flush_ms, 1, SETTINGS_MS_MAX},
        {"commitments", "grace", CONF_DURATION_MS, &s->grace_ms, 0, SETTINGS_MS_MAX},
    };

    return conf_read(path, known, sizeof known / sizeof known[0], error);
}

static int
take_options(struct settings *s, int argc, char **argv, const char **config)
{
    int option;

    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1)
        switch (option) {
        case OPTION_DATA:
            s->data = optarg;
            break;
        case OPTION_LISTEN:
            s->listen = optarg;
            break;
        case OPTION_CONFIG:
            *config = optarg;
            break;
        case OPTION_POLICY:
            s->policy = optarg;
            break;
        case OPTION_IDENTIFIERS:
            s->identifiers = optarg;
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
complain(char error[SETTINGS_ERROR_BYTES], int option, char **argv)
{
    const char *what = option == ':' ? "needs a value" : "is no option of touchlined";

    snprintf(error, SETTINGS_ERROR_BYTES, "%.200s %s; see touchlined --help",
             argv[option == 'x' ? optind : optind - 1], what);
    return -1;
}

static char *
choose(char *typed, char *from_file, char *otherwise)
{
    if (typed == NULL)
        return from_file != NULL ? from_file : otherwise;
    free(from_file);
    return typed;
}

int
settings_read(struct settings *s, int argc, char **argv, char error[SETTINGS_ERROR_BYTES])
{
    struct settings typed = {0};
    const char *config = NULL;
    int option;

    *s = (struct settings){0};
    if ((option = take_options(&typed, argc, argv, &config)) != 0)
        return complain(error, option, argv);
    if (config != NULL && read_file(s, config, error) != 0)
        return -1;
    s->data = choose(typed.data, s->data, NULL);
    s->listen = choose(typed.listen, s->listen, LISTEN_DEFAULT);
    s->policy = choose(typed.policy, s->policy, NULL);
    s->identifiers = choose(typed.identifiers, s->identifiers, NULL);
    s->check = typed.check;
    s->help = typed.help;
    s->version = typed.version;
    if (!s->help && !s->version && (s->data == NULL || s->data[0] == '\0')) {
        snprintf(error, SETTINGS_ERROR_BYTES,
                 "where shall the events be kept? say --data DIR; see touchlined --help");
        return -1;
    }
    return 0;
}

/* 127.0.0.1:7700, and not a name that begins like it. */
static bool
is_loopback_number(const char *host)
{
    return strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == ':';
}

bool
settings_is_local(const char *endpoint)
{
    static const char *const local[] = {"localhost:", "[::1]:", "lo:"};

    if (strncmp(endpoint, "ipc://", 6) == 0)
        return true;
    if (strncmp(endpoint, "tcp://", 6) != 0)
        return false;
    if (is_loopback_number(endpoint + 6))
        return true;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (strncmp(endpoint + 6, local[i], strlen(local[i])) == 0)
            return true;
    return false;
}
