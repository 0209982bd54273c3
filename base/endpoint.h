/* endpoint.h -- where something listens, as people write it. */

#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stdbool.h>

/* Is it 0 to 65535?  Others count it modulo 65536, or look it up by name. */
bool endpoint_is_port(const char *text);

/* Is it tcp://HOST:PORT or ipc://PATH? */
bool endpoint_is(const char *text);

#endif
