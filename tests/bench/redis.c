/* Redis Streams: each event to the customer's stream and to the one of all, by
 * pipelining (redis.io/docs/manual/pipelining), fsync before each answer. */

#include <errno.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/peer.h"

#define ALL "all"
#define REPLAY_STEP "1000"

static const char *
missing(void)
{
    return access("/usr/bin/redis-server", X_OK) == 0 ? NULL : "redis-server";
}

static void
start(struct server *s, const char *parent)
{
    char why[KEEPER_WHY_BYTES];
    const char *argv[] = {
        "/usr/bin/redis-server", "--port", "0", "--unixsocket", "socket", "--unixsocketperm", "700",
        "--save", "", "--appendonly", "yes", "--appendfsync", "always",
        "--auto-aof-rewrite-percentage", "0", "--daemonize", "no", "--dir", s->keeper.dir, NULL,
    };
    const struct keeper_program program = {.argv = argv, .stop = SIGTERM, .crash = SIGKILL};

    if (keeper_make_dir(&s->keeper, parent, "redis", why) != 0
        || keeper_start(&s->keeper, &program, why) != 0)
        die("%s", why);
}

static redisReply *
expect(redisContext *c)
{
    redisReply *r;

    if (redisGetReply(c, (void **)&r) != REDIS_OK)
        die("redis: %s", c->errstr);
    if (r->type == REDIS_REPLY_ERROR)
        die("redis: %s", r->str);
    return r;
}

/* NULL when nobody answers (yet). */
static void *
connect_if_there(const struct server *s)
{
    char path[sizeof s->keeper.dir + 8];
    redisContext *c;
    redisReply *r;
    int err;

    snprintf(path, sizeof path, "%s/socket", s->keeper.dir);
    if ((c = redisConnectUnix(path)) == NULL)
        die("redis: out of memory");
    if (c->err == 0 && (r = redisCommand(c, "PING")) != NULL) {
        err = r->type == REDIS_REPLY_ERROR;     /* it says LOADING until it has read its log */
        freeReplyObject(r);
        if (!err)
            return c;
    }
    redisFree(c);
    return NULL;
}

static void *
connect_server(const struct server *s)
{
    redisContext *c = connect_if_there(s);

    if (c == NULL)
        die("redis: gone");
    return c;
}

static bool
answers(const struct server *s)
{
    redisContext *c = connect_if_there(s);

    if (c == NULL)
        return false;
    redisFree(c);
    return true;
}

static void
close_connection(void *connection)
{
    redisFree(connection);
}

static void
prepare(struct server *s)
{
    redisContext *c = connect_server(s);
    redisReply *r;
    const char *version;

    redisAppendCommand(c, "INFO server");
    r = expect(c);
    version = strstr(r->str, "redis_version:");
    snprintf(s->about, sizeof s->about,
             "Redis %.*s, appendonly yes, appendfsync always, no rewrite of the log, "
             "two XADD an event, pipelined, unix socket",
             version != NULL ? (int)strcspn(version + 14, "\r\n") : 1,
             version != NULL ? version + 14 : "?");
    freeReplyObject(r);
    redisFree(c);
}

static void
settle(const struct server *s)
{
    (void)s;
}

static void
flush(redisContext *c)
{
    int done = 0;

    while (!done)
        if (redisBufferWrite(c, &done) != REDIS_OK)
            die("redis: %s", c->errstr);
}

static void
send_events(void *connection, const struct load *l, size_t first, size_t count)
{
    redisContext *c = connection;

    for (size_t i = first; i < first + count; i++) {
        struct tl_str event = workload_event(&l->run, i);
        const char *argv[] = {"XADD", l->names[i], "*", "e", event.ptr};
        size_t lens[] = {4, strlen(l->names[i]), 1, 1, event.len};

        redisAppendCommandArgv(c, 5, argv, lens);
        argv[1] = ALL;
        lens[1] = strlen(ALL);
        redisAppendCommandArgv(c, 5, argv, lens);
    }
    flush(c);
}

static void
await(void *connection, size_t count)
{
    for (size_t i = 0; i < 2 * count; i++)
        freeReplyObject(expect(connection));
}

static void
begin_asking(void *connection)
{
    (void)connection;
}

static void
ask(void *connection, const char *customer)
{
    redisAppendCommand(connection, "XREVRANGE %s + - COUNT 50", customer);
    flush(connection);
}

static void
answer(void *connection)
{
    redisReply *r = expect(connection);

    if (r->type != REDIS_REPLY_ARRAY || r->elements == 0)
        die("redis: a customer without events");
    freeReplyObject(r);
}

/* The last one seen by the one who follows: later ones are asked for. */
static char last[64];

static void
subscribe(void *connection)
{
    redisContext *c = connection;
    redisReply *r;

    redisAppendCommand(c, "XREVRANGE " ALL " + - COUNT 1");
    r = expect(c);
    snprintf(last, sizeof last, "%s", r->elements > 0 ? r->element[0]->element[0]->str : "0");
    freeReplyObject(r);
}

static void
follow(void *connection, size_t count, void (*got)(void *arg), void *arg)
{
    redisContext *c = connection;

    while (count > 0) {
        redisReply *r, *events;

        redisAppendCommand(c, "XREAD COUNT 100 BLOCK 0 STREAMS " ALL " %s", last);
        r = expect(c);
        events = r->element[0]->element[1];
        for (size_t i = 0; i < events->elements && count > 0; i++, count--)
            got(arg);
        snprintf(last, sizeof last, "%s",
                 events->element[events->elements - 1]->element[0]->str);
        freeReplyObject(r);
    }
}

static void
send_live(void *connection, const struct load *l, size_t i)
{
    send_events(connection, l, i, 1);
    await(connection, 1);
}

static uint64_t
replay(void *connection)
{
    redisContext *c = connection;
    char from[64] = "-";
    uint64_t count = 0;

    for (;;) {
        redisReply *r;

        redisAppendCommand(c, "XRANGE " ALL " %s + COUNT " REPLAY_STEP, from);
        r = expect(c);
        if (r->elements == 0) {
            freeReplyObject(r);
            return count;
        }
        count += r->elements;
        snprintf(from, sizeof from, "(%s", r->element[r->elements - 1]->element[0]->str);
        freeReplyObject(r);
    }
}

static uint64_t walked;

static int
count_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)at;
    if (kind == FTW_F && strstr(path, "/appendonlydir/") != NULL)
        walked += (uint64_t)st->st_size;
    return 0;
}

static uint64_t
disk_bytes(const struct server *s)
{
    walked = 0;
    if (nftw(s->keeper.dir, count_file, 16, FTW_PHYS) != 0)
        die("redis: %s: %s", s->keeper.dir, strerror(errno));
    return walked;
}

static uint64_t
memory_bytes(const struct server *s)
{
    return process_bytes(s->keeper.program, "status", "RssAnon:");
}

const struct peer peer_redis = {
    .name = "redis",
    .batch_connections = 1,
    .ask_connections = 1,
    .missing = missing,
    .start = start,
    .prepare = prepare,
    .settle = settle,
    .answers = answers,
    .connect = connect_server,
    .close = close_connection,
    .send = send_events,
    .await = await,
    .begin_asking = begin_asking,
    .ask = ask,
    .answer = answer,
    .subscribe = subscribe,
    .follow = follow,
    .send_live = send_live,
    .replay = replay,
    .disk_bytes = disk_bytes,
    .memory_bytes = memory_bytes,
};
