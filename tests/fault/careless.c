/* careless.c -- a broker that breaks a promise on purpose, to see that the fault harnesses see it.
 *
 * The linker puts these before the broker's own functions (--wrap); TOUCHLINE_CARELESS
 * names the way it is broken.  Without it all is right. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/crc32c.h"
#include "broker/held.h"
#include "broker/ingress.h"
#include "broker/stream.h"
#include "proto/code.h"
#include "store/card.h"
#include "store/file.h"
#include "store/frame.h"
#include "store/scrub.h"
#include "store/segment.h"
#include "store/txn.h"
#include "store/views.h"

#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

#define HASTY_US 5000

static const char *way = "";

__attribute__((constructor)) static void
read_way(void)
{
    const char *named = getenv("TOUCHLINE_CARELESS");

    if (named != NULL)
        way = named;
}

static bool
is(const char *careless)
{
    return strcmp(way, careless) == 0;
}

/* ------------------------------------------------------------ what is durable */

/* The log is never synced; or it is written and synced, and nobody looks whether
 * that went well. */
WRAPPED(int, fdatasync, int fd)
{
    if (is("unsynced"))
        return 0;
    return __real_fdatasync(fd) == 0 || is("eio") ? 0 : -1;
}

/* What is admitted is acknowledged, whether it is written or not. */
WRAPPED(void, held_publish, struct broker *b, uint64_t need, struct publish **p)
{
    if (is("hasty"))
        ingress_acknowledge(b, p);
    else
        __real_held_publish(b, need, p);
}

/* What cannot be read is taken for the end of the file. */
WRAPPED(ssize_t, read, int fd, void *bytes, size_t len)
{
    ssize_t n = __real_read(fd, bytes, len);

    return n < 0 && is("eio") ? 0 : n;
}

/* A file gets its name, and its directory is not synced. */
WRAPPED(int, file_rename, int dir, const char *from, const char *to)
{
    if (is("names"))
        return renameat(dir, from, dir, to) == 0 ? 0 : file_code(errno);
    return __real_file_rename(dir, from, to);
}

/* What found no space, or an error, is taken for written; and who acknowledges before
 * he writes is not always killed in between, unless he takes his time. */
WRAPPED(int, file_write, int fd, const void *bytes, size_t len, uint64_t at, size_t *written)
{
    int err;

    if (is("hasty"))
        usleep(HASTY_US);
    err = __real_file_write(fd, bytes, len, at, written);

    if ((err == TL_NO_SPACE && is("full")) || (err == TL_EIO && is("eio")))
        return 0;
    return err;
}

/* ---------------------------------------------------------------- what is read */

/* What is read is taken for what was written, whatever its sums say. */
WRAPPED(bool, segment_batch_intact, const struct segment *s, uint64_t at,
        const struct segment_batch *batch)
{
    return is("sums") || __real_segment_batch_intact(s, at, batch);
}

WRAPPED(bool, frame_payload_ok, const struct frame *f)
{
    return is("sums") || __real_frame_payload_ok(f);
}

/* Sums that say nothing, of whatever file. */
WRAPPED(uint32_t, crc32c, uint32_t crc, const void *bytes, size_t len)
{
    return is("blind") ? 0 : __real_crc32c(crc, bytes, len);
}

/* A profile does not know how far it is folded. */
WRAPPED(int, card_read_closed, struct card *c, struct tl_str bytes)
{
    int err = __real_card_read_closed(c, bytes);

    if (is("folded"))
        c->folded = 0;
    return err;
}

/* ------------------------------------------------------------ what has a limit */

/* The views' file is used as it is. */
WRAPPED(int, scrub_look, struct scrub *s, int64_t ns, bool *whole, char why[TXN_WHY_BYTES])
{
    *whole = true;
    return is("trusting") ? 0 : __real_scrub_look(s, ns, whole, why);
}

/* The views take many times the memory they are allowed. */
WRAPPED(int, views_open, struct views **out, const char *dir, size_t memory_bytes,
        char why[VIEWS_WHY_BYTES])
{
    return __real_views_open(out, dir, memory_bytes * (is("greedy") ? 32 : 1), why);
}

/* Their map stays as large as it was. */
static struct txn_env *views_env;

WRAPPED(int, txn_env_open, struct txn_env **out, const char *dir, size_t map_bytes,
        char why[TXN_WHY_BYTES])
{
    int err = __real_txn_env_open(out, dir, map_bytes, why);

    views_env = *out;
    return err;
}

WRAPPED(int, txn_env_fit, struct txn_env *env, uint64_t bytes)
{
    return is("map") ? 0 : __real_txn_env_fit(env, bytes);
}

/* Who opens a stream is kept a look at the views as they are then, for ever. */
WRAPPED(void, stream_take_open, struct broker *b, struct asked *q)
{
    static struct txn look;
    struct tl_str value;

    if (is("look") && look.env == NULL) {
        txn_reader_init(&look, views_env);
        txn_get(&look, "", 1, &value);
    }
    __real_stream_take_open(b, q);
}

/* What a client does not read is kept for him, however much it is. */
WRAPPED(int, zmq_setsockopt, void *socket, int option, const void *value, size_t len)
{
    static const int endless = 0;

    if (option == ZMQ_SNDHWM && is("endless"))
        value = &endless;
    return __real_zmq_setsockopt(socket, option, value, len);
}

/* The others wait until he has read it. */
WRAPPED(int, zmq_send, void *socket, const void *bytes, size_t len, int flags)
{
    return __real_zmq_send(socket, bytes, len, is("waits") ? flags & ~ZMQ_DONTWAIT : flags);
}
