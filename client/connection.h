/* connection.h -- one ZeroMQ socket that connects again by itself, and knows
 * whether it is connected.
 *
 * Messages go to a completed connection or nowhere, so nothing stale is sent
 * after a reconnect. */

#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#define CONNECTIONS_MAX 4096    /* open in one process */

struct context;

struct connection {
    struct context *context;    /* all of the process share it */
    void *socket;
    void *monitor;
    int socket_fd;              /* says that something changed, not what */
    int monitor_fd;
};

enum connection_news {
    CONNECTION_NONE,
    CONNECTION_UP,          /* new: the other side knows nothing of us */
    CONNECTION_DOWN,
};

/* Any thread.  Returns 0, TL_EARGUMENT (no such endpoint), TL_ENOMEM (or one
 * more than CONNECTIONS_MAX, or out of descriptors). */
int connection_open(struct connection *c, const char *endpoint);
void connection_close(struct connection *c);

/* Returns 0, TL_EAWAY (not now), TL_ENOMEM. */
int connection_send(struct connection *c, const void *bytes, size_t len);

/* The next message, into an initialised `msg`.  Returns 0, TL_EAWAY (none is
 * there), TL_ENOMEM. */
int connection_receive(struct connection *c, zmq_msg_t *msg);

/* The next change since the last. */
enum connection_news connection_news(struct connection *c);

/* Waits until there may be something to receive, a change, `fd` (-1: none) is
 * readable, or, if `writing`, something can be sent.  -1: for ever.  Call it only
 * when connection_receive found nothing and nothing was sent since: what came
 * before is not waited for.  Returns whether there was a change (to look for one
 * costs system calls). */
bool connection_wait(struct connection *c, int fd, bool writing, int timeout_ms);

#endif
