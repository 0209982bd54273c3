/* peer.h -- what the comparison does with a peer, and what a peer is to it.
 *
 * Every function ends the program with a sentence when something goes wrong;
 * the keepers then stop the servers and remove their directories. */

#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include "tools/keeper.h"
#include "tools/workload.h"

/* Events with the customer of each. */
struct load {
    struct workload workload;
    struct workload_run run;
    char (*names)[WORKLOAD_NAME_BYTES];
};

struct server {
    struct keeper keeper;
    char about[512];        /* version and settings */
};

struct peer {
    const char *name;
    size_t batch_connections;   /* to have several batches in flight */
    size_t ask_connections;     /* to have 32 questions in flight */
    const char *(*missing)(void);   /* what to install; NULL: nothing */
    void (*start)(struct server *s, const char *parent);
    void (*prepare)(struct server *s);          /* once: tables, and what `about` says */
    void (*settle)(const struct server *s);     /* after the first load */

    bool (*answers)(const struct server *s);
    void *(*connect)(const struct server *s);
    void (*close)(void *connection);

    /* Sends events, and later waits until they are durable. */
    void (*send)(void *connection, const struct load *l, size_t first, size_t count);
    void (*await)(void *connection, size_t count);

    /* The newest 50 events of a customer. */
    void (*begin_asking)(void *connection);
    void (*ask)(void *connection, const char *customer);
    void (*answer)(void *connection);

    /* Calls `got` for each of the next `count` events that are sent. */
    void (*subscribe)(void *connection);
    void (*follow)(void *connection, size_t count, void (*got)(void *arg), void *arg);
    void (*send_live)(void *connection, const struct load *l, size_t i);

    uint64_t (*replay)(void *connection);   /* everything, in order: how many */
    uint64_t (*disk_bytes)(const struct server *s);
    uint64_t (*memory_bytes)(const struct server *s);
};

extern const struct peer peer_redis, peer_postgresql;

__attribute__((format(printf, 1, 2))) _Noreturn void die(const char *fmt, ...);

/* The sum of `Field: N kB` in a file of /proc for a process; 0 when there is none. */
uint64_t process_bytes(pid_t pid, const char *file, const char *field);

#endif
