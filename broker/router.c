#include "broker/router.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"
#include "proto/valid.h"

/* Messages waiting per peer.  What comes in is bounded by our windows as well;
 * what goes out by a client's credit and by its session's outbox.  A stream's are
 * the large ones: who never reads costs 3 MB. */
#define RECEIVE_HWM 256
#define SEND_HWM 32
#define HANDSHAKE_MS 3000
#define HEARTBEAT_MS 5000
#define HEARTBEAT_TIMEOUT_MS 15000

static int
set(struct router *r, int option, int value)
{
    return zmq_setsockopt(r->socket, option, &value, sizeof value);
}

static int
configure(struct router *r)
{
    int64_t message_bytes_max = MESSAGE_BYTES_MAX;

    if (zmq_setsockopt(r->socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof message_bytes_max) != 0
        || set(r, ZMQ_ROUTER_MANDATORY, 1) != 0
        || set(r, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) != 0
        || set(r, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) != 0
        || set(r, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) != 0
        || set(r, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS) != 0
        || set(r, ZMQ_RCVHWM, RECEIVE_HWM) != 0
        || set(r, ZMQ_SNDHWM, SEND_HWM) != 0
        || set(r, ZMQ_LINGER, 0) != 0)
        return errno;
    return 0;
}

/* ZeroMQ would take a socket's path from whoever listens there, and both would
 * call themselves ready.  A path whose broker died answers nobody. */
static bool
somebody_listens(const char *endpoint)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    bool answered;
    int fd;

    if (strncmp(endpoint, "ipc://", 6) != 0 || strlen(endpoint + 6) >= sizeof at.sun_path
        || (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
        return false;
    memcpy(at.sun_path, endpoint + 6, strlen(endpoint + 6));
    answered = connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 || errno == EAGAIN;
    close(fd);
    return answered;
}

/* ZeroMQ binds to addresses and interfaces, not to names. */
static int
listen_at(struct router *r, const char *endpoint)
{
    static const char by_name[] = "tcp://localhost:";
    size_t size = sizeof r->endpoint;
    char address[sizeof r->endpoint];

    if (somebody_listens(endpoint))
        return EADDRINUSE;
    if (strncmp(endpoint, by_name, strlen(by_name)) == 0)
        snprintf(address, sizeof address, "tcp://127.0.0.1:%s", endpoint + strlen(by_name));
    else
        snprintf(address, sizeof address, "%s", endpoint);
    /* Only when it is meant: else the socket calls 127.0.0.1 ::ffff:127.0.0.1. */
    if (set(r, ZMQ_IPV6, strchr(address, '[') != NULL) != 0 || zmq_bind(r->socket, address) != 0)
        return errno;
    return zmq_getsockopt(r->socket, ZMQ_LAST_ENDPOINT, r->endpoint, &size) == 0 ? 0 : errno;
}

int
router_open(struct router *r, const char *endpoint)
{
    int err;

    *r = (struct router){0};
    must((r->context = zmq_ctx_new()) != NULL);
    if ((r->socket = zmq_socket(r->context, ZMQ_ROUTER)) == NULL)
        err = errno;
    else if ((err = configure(r)) == 0)
        err = listen_at(r, endpoint);
    if (err != 0)
        router_close(r, 0);
    return err;
}

void
router_close(struct router *r, int linger_ms)
{
    if (r->socket != NULL) {
        set(r, ZMQ_LINGER, linger_ms);
        zmq_close(r->socket);
    }
    /* A signal may come while the last answers go out. */
    while (r->context != NULL && zmq_ctx_term(r->context) != 0 && errno == EINTR)
        ;
    *r = (struct router){0};
}

/* Its errors are: nothing there, and a signal.  Either way, later. */
static bool
receive_frame(struct router *r, zmq_msg_t *frame)
{
    if (zmq_msg_recv(frame, r->socket, ZMQ_DONTWAIT) >= 0)
        return true;
    must(errno == EAGAIN || errno == EINTR);
    return false;
}

static void
drop_rest(struct router *r, zmq_msg_t *frame)
{
    while (zmq_msg_more(frame) && receive_frame(r, frame))
        ;
}

/* The frames of one message arrive together: after the first the others are
 * there. */
static bool
receive_message(struct router *r, struct peer *from, zmq_msg_t *message)
{
    must(zmq_msg_size(message) <= ROUTING_BYTES_MAX);
    from->routing_len = zmq_msg_size(message);
    memcpy(from->routing, zmq_msg_data(message), from->routing_len);
    from->delimited = false;
    if (!zmq_msg_more(message) || !receive_frame(r, message))
        return false;
    if (zmq_msg_size(message) == 0 && zmq_msg_more(message)) {
        from->delimited = true;
        if (!receive_frame(r, message))
            return false;
    }
    if (!zmq_msg_more(message))
        return true;
    drop_rest(r, message);
    return false;
}

bool
router_receive(struct router *r, struct peer *from, zmq_msg_t *message, size_t *garbage)
{
    while (receive_frame(r, message)) {
        if (receive_message(r, from, message))
            return true;
        (*garbage)++;
    }
    return false;
}

int
router_send(struct router *r, const struct peer *to, zmq_msg_t *message)
{
    if (zmq_send(r->socket, to->routing, to->routing_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EINTR ? EAGAIN : errno;
    /* The pipe took the first frame, so it takes the others. */
    if (to->delimited)
        must(zmq_send(r->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 0);
    must(zmq_msg_send(message, r->socket, ZMQ_DONTWAIT) >= 0);
    must(zmq_msg_init(message) == 0);
    return 0;
}
