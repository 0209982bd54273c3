/* loop.h -- a ZeroMQ socket on a libuv loop.
 *
 * The one place that knows that a ZMQ_FD is edge-triggered: it may stay silent
 * while messages wait, after any send or receive.  So the loop asks the socket
 * itself before it sleeps. */

#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <uv.h>

struct loop_socket {
    void *socket;
    bool (*turn)(void *arg);
    void *arg;
    bool again;
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
};

/* Calls `turn` once each time the loop has woken, for whatever reason, so it may
 * do all the work of a turn; it need not empty the socket.  When it returns
 * true, or the socket still has messages, the loop does not sleep.
 * Returns 0 or a libuv error. */
int loop_socket_start(struct loop_socket *ls, uv_loop_t *loop, void *socket,
                      bool (*turn)(void *arg), void *arg);

/* The loop does not sleep before the next turn: for who leaves it work from a timer,
 * which the loop runs before it sleeps. */
void loop_socket_again(struct loop_socket *ls);

/* Lets go of the socket, which may be closed after.  `ls` must stay until the
 * loop has run the closing of its handles. */
void loop_socket_stop(struct loop_socket *ls);

#endif
