/* touchline-call -- what happens on the telephone. */

#include "adapters/adapter.h"

static const struct adapter_path paths[] = {
    {"POST", "/webhooks/twilio", "twilio", .key = "auth_token_file", .whole = true},
    {"POST", "/webhooks/connect", "amazon-connect", .whole = false},
    {"POST", "/v1/events", "cloudevents", .whole = true},
    {0},
};

static const struct adapter_file files[] = {
    {"asterisk-queue-log", ADAPTER_FOLLOW | ADAPTER_DROP},
    {"asterisk-cdr", ADAPTER_FOLLOW | ADAPTER_DROP},
    {"asterisk-cel", ADAPTER_FOLLOW | ADAPTER_DROP},
    {"asterisk-ami", ADAPTER_DROP},
    {"freeswitch", ADAPTER_DROP},
    {0},
};

/* https://docs.asterisk.org/Configuration/Interfaces/Asterisk-Manager-Interface-AMI/
 * The channels there are tell which calls go on, whatever was missed. */
static const struct adapter_stream streams[] = {
    {"asterisk-ami",
     "Action: Login\r\nUsername: %U\r\nSecret: %S\r\nEvents: on\r\n\r\n"
     "Action: CoreShowChannels\r\n\r\n",
     "Response: Error", .frames = false},
    /* mod_event_socket, see freeswitch.h */
    {"freeswitch", "auth %S\n\nevent plain ALL\n\n", "-ERR invalid", .frames = true},
    {0},
};

int
main(int argc, char **argv)
{
    const struct adapter call = {
        .program = "touchline-call",
        .listen = "127.0.0.1:7712",
        .paths = paths,
        .files = files,
        .streams = streams,
    };

    return adapter_main(&call, argc, argv);
}
