/* touchlined -- the bus: the only process that touches the data. */

#include <signal.h>
#include <stdio.h>

#include "base/endpoint.h"
#include "base/standard.h"
#include "broker/broker.h"
#include "broker/kinds.h"
#include "proto/codec.h"
#include "store/policy.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_CALLED_WRONGLY = 2 };

static int
complain(int code, const char *sentence)
{
    fprintf(stderr, "touchlined: %s\n", sentence);
    return code;
}

static int
serve(const struct settings *s)
{
    static struct broker broker;
    char why[BROKER_WHY_BYTES];

    if (broker_open(&broker, s, why) != 0)
        return complain(EXIT_FAILED, why);
    return broker_run(&broker);
}

static int
refuse_endpoint(const char *endpoint)
{
    char sentence[BROKER_WHY_BYTES];

    snprintf(sentence, sizeof sentence,
             "`%.300s' is no endpoint to listen at; write tcp://HOST:PORT or ipc://PATH", endpoint);
    return complain(EXIT_CALLED_WRONGLY, sentence);
}

static int
refuse_listen(const char *endpoint)
{
    char sentence[BROKER_WHY_BYTES];

    snprintf(sentence, sizeof sentence,
             "%.300s can be reached from other machines, and without keys anybody there could read "
             "and write: listen at a loopback address (tcp://127.0.0.1:7700); this version has no "
             "`touchline key new` yet",
             endpoint);
    return complain(EXIT_CALLED_WRONGLY, sentence);
}

/* Reads what a start would read, and nothing of the data. */
static int
check(const struct settings *s)
{
    char error[CONF_ERROR_BYTES];
    struct policy *policy;
    struct kinds *kinds;

    if (policy_read(&policy, s->policy, error) != 0)
        return complain(EXIT_CALLED_WRONGLY, error);
    policy_free(&policy);
    if (kinds_read(&kinds, s->identifiers, error) != 0)
        return complain(EXIT_CALLED_WRONGLY, error);
    kinds_free(&kinds);
    puts("touchlined: the settings are right");
    return EXIT_FINE;
}

int
main(int argc, char **argv)
{
    char error[SETTINGS_ERROR_BYTES];
    struct settings settings;

    standard_open();
    if (settings_read(&settings, argc, argv, error) != 0)
        return complain(EXIT_CALLED_WRONGLY, error);
    if (settings.help) {
        settings_usage();
        return EXIT_FINE;
    }
    if (settings.version) {
        puts("touchlined " TL_VERSION);
        return EXIT_FINE;
    }
    if (!endpoint_is(settings.listen))
        return refuse_endpoint(settings.listen);
    if (!settings_is_local(settings.listen))
        return refuse_listen(settings.listen);
    if (settings.check)
        return check(&settings);
    signal(SIGPIPE, SIG_IGN);
    codec_init();
    return serve(&settings);
}
