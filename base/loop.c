#include "base/loop.h"

#include <zmq.h>

#include "base/must.h"

static bool
readable(const struct loop_socket *ls)
{
    int events = 0;
    size_t size = sizeof events;

    return zmq_getsockopt(ls->socket, ZMQ_EVENTS, &events, &size) == 0 &&
           (events & ZMQ_POLLIN) != 0;
}

/* An active idle handle keeps the loop from sleeping, and has nothing else to do. */
static void
awake(uv_idle_t *handle)
{
    (void)handle;
}

/* Before the loop sleeps. */
static void
stay_awake(uv_prepare_t *handle)
{
    struct loop_socket *ls = handle->data;

    if (ls->again || readable(ls))
        uv_idle_start(&ls->idle, awake);
    else
        uv_idle_stop(&ls->idle);
}

static void
take_turn(uv_check_t *handle)
{
    struct loop_socket *ls = handle->data;

    ls->again = ls->turn(ls->arg);
}

/* The descriptor only wakes the loop; the turn follows in the same round. */
static void
woken(uv_poll_t *handle, int status, int events)
{
    (void)handle;
    (void)status;
    (void)events;
}

int
loop_socket_start(struct loop_socket *ls, uv_loop_t *loop, void *socket, bool (*turn)(void *arg),
                  void *arg)
{
    int fd, err;
    size_t size = sizeof fd;

    *ls = (struct loop_socket){.socket = socket, .turn = turn, .arg = arg, .again = true};
    must(zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0);
    if ((err = uv_poll_init(loop, &ls->poll, fd)) != 0)
        return err;
    uv_prepare_init(loop, &ls->prepare);
    uv_check_init(loop, &ls->check);
    uv_idle_init(loop, &ls->idle);
    ls->prepare.data = ls->check.data = ls;
    uv_prepare_start(&ls->prepare, stay_awake);
    uv_check_start(&ls->check, take_turn);
    return uv_poll_start(&ls->poll, UV_READABLE, woken);
}

void
loop_socket_again(struct loop_socket *ls)
{
    ls->again = true;
}

void
loop_socket_stop(struct loop_socket *ls)
{
    uv_close((uv_handle_t *)&ls->poll, NULL);
    uv_close((uv_handle_t *)&ls->prepare, NULL);
    uv_close((uv_handle_t *)&ls->check, NULL);
    uv_close((uv_handle_t *)&ls->idle, NULL);
}
