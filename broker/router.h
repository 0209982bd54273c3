/* router.h -- the broker's one ZeroMQ socket: whole messages in and out. */

#ifndef ROUTER_H
#define ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

#define ROUTING_BYTES_MAX 255

/* Who sent a message, and how he wants his answers. */
struct peer {
    unsigned char routing[ROUTING_BYTES_MAX];
    size_t routing_len;
    bool delimited;         /* an empty frame stands before the message, as REQ sends */
};

struct router {
    void *context;
    void *socket;
    char endpoint[512];     /* what was bound; a port 0 has become a number */
};

/* Returns 0 or errno. */
int router_open(struct router *r, const char *endpoint);

/* Waits up to `linger_ms` for what was sent to leave. */
void router_close(struct router *r, int linger_ms);

/* Takes the next message; does not wait.  `message` is initialised by the
 * caller.  Messages with frames too many are dropped and counted in `*garbage`.
 * false: there is none. */
bool router_receive(struct router *r, struct peer *from, zmq_msg_t *message, size_t *garbage);

/* Hands the message over; does not wait.  Returns 0 (`message` is empty then),
 * EAGAIN (the peer takes no more now), EHOSTUNREACH (the peer is gone). */
int router_send(struct router *r, const struct peer *to, zmq_msg_t *message);

#endif
