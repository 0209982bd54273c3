/* PostgreSQL: one table with an index by customer.  Batches by binary COPY, one
 * at a time on each of several connections ("Populating a Database" in its
 * manual); single events by a prepared INSERT; questions prepared, in libpq's
 * pipeline mode.  It refuses to run as root, so root starts it as postgres. */

#include <arpa/inet.h>
#include <endian.h>
#include <glob.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/must.h"
#include "tests/bench/peer.h"

#define PROGRAMS "/usr/lib/postgresql/*/bin"

static const char settings[] =
    "-c fsync=on -c synchronous_commit=on -c max_wal_size=8GB -c shared_buffers=4GB "
    "-c enable_bitmapscan=off -c max_connections=100";

/* The directory of the newest version's programs. */
static bool
find_programs(char *out, size_t size)
{
    glob_t found;
    bool ok = glob(PROGRAMS, 0, NULL, &found) == 0;
    char path[4096];

    if (!ok)
        return false;
    snprintf(out, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    snprintf(path, sizeof path, "%s/postgres", out);
    return access(path, X_OK) == 0;
}

static const char *
missing(void)
{
    char programs[1024];

    return find_programs(programs, sizeof programs) ? NULL : "postgresql";
}

static void
become_another(struct keeper_program *p)
{
    const struct passwd *user;

    if (geteuid() != 0)
        return;
    if ((user = getpwnam("postgres")) == NULL && (user = getpwnam("nobody")) == NULL)
        die("postgresql: there is no user to run it");
    p->uid = user->pw_uid;
    p->gid = user->pw_gid;
}

static void
start(struct server *s, const char *parent)
{
    char programs[1024], script[4096], why[KEEPER_WHY_BYTES];
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    /* Its own "immediate" end: killed as such, its other processes would live on. */
    struct keeper_program program = {.argv = argv, .stop = SIGINT, .crash = SIGQUIT};

    must(find_programs(programs, sizeof programs));
    snprintf(script, sizeof script,
             "test -d data || %s/initdb -D data -A trust -U postgres -E UTF8 --locale=C || exit 1\n"
             "exec %s/postgres -D data -k \"$PWD\" -c listen_addresses= %s",
             programs, programs, settings);
    become_another(&program);
    if (keeper_make_dir(&s->keeper, parent, "postgresql", why) != 0
        || keeper_start(&s->keeper, &program, why) != 0)
        die("%s", why);
}

static PGresult *
expect(PGconn *c, PGresult *r, ExecStatusType status)
{
    if (PQresultStatus(r) != status)
        die("postgresql: %s", PQerrorMessage(c));
    return r;
}

static void
run(PGconn *c, const char *command)
{
    PQclear(expect(c, PQexec(c, command), PGRES_COMMAND_OK));
}

/* NULL when nobody answers (yet). */
static PGconn *
connect_plain(const struct server *s)
{
    char where[sizeof s->keeper.dir + 64];
    PGconn *c;

    snprintf(where, sizeof where, "host=%s user=postgres dbname=postgres", s->keeper.dir);
    if (PQstatus(c = PQconnectdb(where)) == CONNECTION_OK)
        return c;
    PQfinish(c);
    return NULL;
}

static PGconn *
connect_surely(const struct server *s)
{
    PGconn *c = connect_plain(s);

    if (c == NULL)
        die("postgresql: gone");
    return c;
}

static bool
answers(const struct server *s)
{
    PGconn *c = connect_plain(s);

    if (c == NULL)
        return false;
    PQfinish(c);
    return true;
}

static void
prepare(struct server *s)
{
    PGconn *c = connect_surely(s);

    run(c, "create table events(seq bigserial, customer text not null, payload bytea not null)");
    run(c, "create index on events(customer, seq desc)");
    snprintf(s->about, sizeof s->about,
             "PostgreSQL %s, %s; COPY on 8 connections, prepared INSERT for single events, "
             "unix socket; disk without its WAL, memory with its shared buffers",
             PQparameterStatus(c, "server_version"), settings);
    PQfinish(c);
}

static void
settle(const struct server *s)
{
    PGconn *c = connect_surely(s);

    run(c, "vacuum analyze events");
    PQfinish(c);
}

/* Prepared on a connection as soon as there are tables. */
static void *
connect_server(const struct server *s)
{
    static const char insert[] = "insert into events(customer, payload) values($1, $2)";
    static const char tell[] = "with e as (insert into events(customer, payload) values($1, $2) "
                               "returning seq) select pg_notify('events', seq::text) from e";
    static const char newest[] =
        "select seq, payload from events where customer = $1 order by seq desc limit 50";
    static const Oid types[] = {25, 17};        /* text, bytea */
    PGconn *c = connect_surely(s);

    PQclear(expect(c, PQprepare(c, "insert", insert, 2, types), PGRES_COMMAND_OK));
    PQclear(expect(c, PQprepare(c, "tell", tell, 2, types), PGRES_COMMAND_OK));
    PQclear(expect(c, PQprepare(c, "newest", newest, 1, types), PGRES_COMMAND_OK));
    return c;
}

static void
close_connection(void *connection)
{
    PQfinish(connection);
}

static void
must_send(PGconn *c, int sent)
{
    if (!sent || PQflush(c) != 0)
        die("postgresql: %s", PQerrorMessage(c));
}

static void
send_one(PGconn *c, const char *statement, const struct load *l, size_t i)
{
    struct tl_str event = workload_event(&l->run, i);
    const char *values[] = {l->names[i], event.ptr};
    const int lens[] = {(int)strlen(l->names[i]), (int)event.len}, formats[] = {1, 1};

    must_send(c, PQsendQueryPrepared(c, statement, 2, values, lens, formats, 1));
}

static void
put_field(struct buf *out, const char *bytes, size_t len)
{
    uint32_t size = htonl((uint32_t)len);

    buf_append(out, &size, sizeof size);
    buf_append(out, bytes, len);
}

/* The binary format of COPY: a header, rows of fields each after its length,
 * and -1 instead of another row. */
static void
send_copy(PGconn *c, const struct load *l, size_t first, size_t count)
{
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    const uint16_t fields = htons(2), end = htons(0xffff);
    static struct buf out;

    buf_clear(&out);
    buf_append(&out, head, 19);
    for (size_t i = first; i < first + count; i++) {
        struct tl_str event = workload_event(&l->run, i);

        buf_append(&out, &fields, sizeof fields);
        put_field(&out, l->names[i], strlen(l->names[i]));
        put_field(&out, event.ptr, event.len);
    }
    buf_append(&out, &end, sizeof end);
    must(!out.failed);
    must_send(c, PQsendQuery(c, "copy events(customer, payload) from stdin binary"));
    PQclear(expect(c, PQgetResult(c), PGRES_COPY_IN));
    must_send(c, PQputCopyData(c, (const char *)out.ptr, (int)out.len) == 1
                 && PQputCopyEnd(c, NULL) == 1);
}

static void
send_events(void *connection, const struct load *l, size_t first, size_t count)
{
    if (count == 1)
        send_one(connection, "insert", l, first);
    else
        send_copy(connection, l, first, count);
}

static void
await(void *connection, size_t count)
{
    PGresult *r;

    (void)count;
    while ((r = PQgetResult(connection)) != NULL)
        PQclear(expect(connection, r, PGRES_COMMAND_OK));
}

static void
begin_asking(void *connection)
{
    if (!PQenterPipelineMode(connection))
        die("postgresql: %s", PQerrorMessage(connection));
}

static void
ask(void *connection, const char *customer)
{
    const int len = (int)strlen(customer), format = 1;

    must_send(connection, PQsendQueryPrepared(connection, "newest", 1, &customer, &len, &format, 1)
                          && PQsendFlushRequest(connection));
}

static void
answer(void *connection)
{
    PGresult *r = expect(connection, PQgetResult(connection), PGRES_TUPLES_OK);

    if (PQntuples(r) == 0)
        die("postgresql: a customer without events");
    PQclear(r);
    must(PQgetResult(connection) == NULL);
}

static void
subscribe(void *connection)
{
    run(connection, "listen events");
}

static void
follow(void *connection, size_t count, void (*got)(void *arg), void *arg)
{
    struct pollfd fd = {.fd = PQsocket(connection), .events = POLLIN};
    PGnotify *note;

    while (count > 0) {
        while (count > 0 && (note = PQnotifies(connection)) != NULL) {
            PQfreemem(note);
            got(arg);
            count--;
        }
        if (count > 0 && (poll(&fd, 1, 30000) != 1 || !PQconsumeInput(connection)))
            die("postgresql: no notification");
    }
}

static void
send_live(void *connection, const struct load *l, size_t i)
{
    PGresult *r;

    send_one(connection, "tell", l, i);
    while ((r = PQgetResult(connection)) != NULL)
        PQclear(expect(connection, r, PGRES_TUPLES_OK));
}

static uint64_t
replay(void *connection)
{
    PGconn *c = connection;
    char *row;
    uint64_t rows = 0;
    int got;

    PQclear(expect(c, PQexec(c, "copy (select seq, customer, payload from events order by seq) "
                                "to stdout binary"), PGRES_COPY_OUT));
    while ((got = PQgetCopyData(c, &row, 0)) > 0) {
        PQfreemem(row);
        rows++;
    }
    await(c, 0);
    return rows > 0 ? rows - 1 : 0;     /* the trailer comes as a row of its own */
}

static uint64_t
disk_bytes(const struct server *s)
{
    PGconn *c = connect_surely(s);
    PGresult *r = expect(c, PQexec(c, "select pg_total_relation_size('events')"), PGRES_TUPLES_OK);
    uint64_t bytes = strtoull(PQgetvalue(r, 0, 0), NULL, 10);

    PQclear(r);
    PQfinish(c);
    return bytes;
}

static uint64_t
process_memory(pid_t pid)
{
    return process_bytes(pid, "smaps_rollup", "Pss_Anon:")
           + process_bytes(pid, "smaps_rollup", "Pss_Shmem:");
}

static uint64_t
memory_bytes(const struct server *s)
{
    uint64_t sum = process_memory(s->keeper.program);
    char path[64];
    int child;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)s->keeper.program,
             (int)s->keeper.program);
    if ((f = fopen(path, "r")) == NULL)
        return 0;
    while (fscanf(f, "%d", &child) == 1)
        sum += process_memory(child);
    fclose(f);
    return sum;
}

const struct peer peer_postgresql = {
    .name = "postgresql",
    .batch_connections = 8,
    .ask_connections = 4,
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
