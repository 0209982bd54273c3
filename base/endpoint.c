#include "base/endpoint.h"

#include <stdlib.h>
#include <string.h>

#define PORT_DIGITS 5
#define PORT_MAX 65535

bool
endpoint_is_port(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= PORT_DIGITS && strspn(text, "0123456789") == len
           && strtol(text, NULL, 10) <= PORT_MAX;
}

bool
endpoint_is(const char *text)
{
    const char *colon = strrchr(text, ':');

    if (strncmp(text, "ipc://", 6) == 0)
        return text[6] != '\0';
    return strncmp(text, "tcp://", 6) == 0 && colon > text + 6 && endpoint_is_port(colon + 1);
}
