#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "proto/code.h"
#include "proto/valid.h"

#define RECONNECT_MS 50
#define RECONNECT_MAX_MS 1000
#define HEARTBEAT_MS 1000
#define HEARTBEAT_TIMEOUT_MS 3000
#define QUEUE_MESSAGES 10000        /* streams and windows have limits of their own */
#define SOCKETS_EACH 3              /* the DEALER, and the two ends of its monitor */

/* ZeroMQ's thread, which moves the bytes of all connections of this process. */
struct context {
    void *zmq;
    unsigned refs;
    uint64_t named;     /* connections that were given a name */
    pid_t process;      /* a child inherits the memory, and not the thread */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct context *shared;      /* NULL: nobody is connected */

static struct context *
context_new(void)
{
    struct context *context = calloc(1, sizeof *context);

    if (context == NULL)
        return NULL;
    context->process = getpid();
    if ((context->zmq = zmq_ctx_new()) == NULL) {
        free(context);
        return NULL;
    }
    /* Twice: those closed a moment ago are still counted. */
    must(zmq_ctx_set(context->zmq, ZMQ_MAX_SOCKETS, 2 * CONNECTIONS_MAX * SOCKETS_EACH) == 0);
    return context;
}

/* `*name` is one no other connection has.  NULL: no memory, or too many. */
static struct context *
context_ref(uint64_t *name)
{
    struct context *context;

    pthread_mutex_lock(&lock);
    if (shared == NULL || shared->process != getpid())
        shared = context_new();
    if ((context = shared) != NULL && context->refs < CONNECTIONS_MAX) {
        context->refs++;
        *name = context->named++;
    } else {
        context = NULL;
    }
    pthread_mutex_unlock(&lock);
    return context;
}

static void
context_unref(struct context *context)
{
    bool last;

    pthread_mutex_lock(&lock);
    if ((last = --context->refs == 0) && shared == context)
        shared = NULL;
    pthread_mutex_unlock(&lock);
    if (!last)
        return;
    while (zmq_ctx_term(context->zmq) != 0 && errno == EINTR)
        continue;
    free(context);
}

static void
set(void *socket, int option, int value)
{
    must(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

static void
configure(void *socket)
{
    int64_t message_bytes_max = MESSAGE_BYTES_MAX;

    set(socket, ZMQ_LINGER, 0);
    set(socket, ZMQ_IMMEDIATE, 1);
    set(socket, ZMQ_SNDHWM, QUEUE_MESSAGES);
    set(socket, ZMQ_RCVHWM, QUEUE_MESSAGES);
    set(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    set(socket, ZMQ_HANDSHAKE_IVL, HEARTBEAT_TIMEOUT_MS);
    set(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    set(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
    must(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof message_bytes_max) == 0);
}

static int
descriptor(void *socket)
{
    int fd;
    size_t size = sizeof fd;

    must(zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0);
    return fd;
}

static int
watch(struct connection *c, uint64_t name)
{
    char address[64];

    snprintf(address, sizeof address, "inproc://connection-%llu", (unsigned long long)name);
    if (zmq_socket_monitor(c->socket, address,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0)
        return TL_ENOMEM;
    if ((c->monitor = zmq_socket(c->context->zmq, ZMQ_PAIR)) == NULL)
        return TL_ENOMEM;
    set(c->monitor, ZMQ_LINGER, 0);
    c->monitor_fd = descriptor(c->monitor);
    if (zmq_connect(c->monitor, address) != 0)
        return TL_ENOMEM;
    connection_news(c);     /* there is none yet, and the descriptor tells of the first */
    return 0;
}

int
connection_open(struct connection *c, const char *endpoint)
{
    uint64_t name;
    int err;

    *c = (struct connection){.context = context_ref(&name)};
    if (c->context == NULL)
        return TL_ENOMEM;
    if ((c->socket = zmq_socket(c->context->zmq, ZMQ_DEALER)) == NULL) {
        connection_close(c);
        return TL_ENOMEM;
    }
    configure(c->socket);
    c->socket_fd = descriptor(c->socket);
    if ((err = watch(c, name)) == 0 && zmq_connect(c->socket, endpoint) != 0)
        err = TL_EARGUMENT;
    if (err != 0)
        connection_close(c);
    return err;
}

void
connection_close(struct connection *c)
{
    if (c->monitor != NULL)
        zmq_close(c->monitor);
    if (c->socket != NULL)
        zmq_close(c->socket);
    if (c->context != NULL)
        context_unref(c->context);
    *c = (struct connection){0};
}

int
connection_send(struct connection *c, const void *bytes, size_t len)
{
    while (zmq_send(c->socket, bytes, len, ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR)
            continue;
        return errno == ENOMEM ? TL_ENOMEM : TL_EAWAY;
    }
    return 0;
}

/* The last frame of a message counts: one mirrored by a proxy for REQ clients
 * has an empty one before it. */
int
connection_receive(struct connection *c, zmq_msg_t *msg)
{
    do {
        while (zmq_msg_recv(msg, c->socket, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR)
                continue;
            return errno == ENOMEM ? TL_ENOMEM : TL_EAWAY;
        }
    } while (zmq_msg_more(msg));
    return 0;
}

/* Each is of two frames; the number is in the first. */
enum connection_news
connection_news(struct connection *c)
{
    zmq_msg_t msg;
    uint16_t event = 0;
    bool more = true;

    must(zmq_msg_init(&msg) == 0);
    while (more) {
        if (zmq_msg_recv(&msg, c->monitor, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        if ((more = zmq_msg_more(&msg)) && zmq_msg_size(&msg) >= sizeof event)
            memcpy(&event, zmq_msg_data(&msg), sizeof event);
    }
    zmq_msg_close(&msg);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        return CONNECTION_UP;
    return event == ZMQ_EVENT_DISCONNECTED ? CONNECTION_DOWN : CONNECTION_NONE;
}

static bool
writable(struct connection *c)
{
    int events = 0;
    size_t size = sizeof events;

    must(zmq_getsockopt(c->socket, ZMQ_EVENTS, &events, &size) == 0);
    return (events & ZMQ_POLLOUT) != 0;
}

/* A ZMQ_FD becomes readable when something changes after the socket said EAGAIN,
 * and both sockets are read until they do; zmq_poll, which need not know that,
 * asks each socket before and after. */
bool
connection_wait(struct connection *c, int fd, bool writing, int timeout_ms)
{
    struct pollfd fds[3] = {
        {.fd = c->monitor_fd, .events = POLLIN},
        {.fd = c->socket_fd, .events = POLLIN},
        {.fd = fd, .events = POLLIN},
    };

    if (writing && writable(c))
        timeout_ms = 0;
    /* Interrupted is as good as in time: the caller looks for himself. */
    return poll(fds, 3, timeout_ms) > 0 && fds[0].revents != 0;
}
