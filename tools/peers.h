/* peers.h -- the same work done by Redis Streams and PostgreSQL.
 *
 * They are driven by a program of its own, tests/bench/peers in the folder of
 * this one, so that this one does not link what only a comparison needs. */

#ifndef TOOLS_PEERS_H
#define TOOLS_PEERS_H

#include <stdio.h>

#include "tools/measure.h"

#define PEERS_MAX 2
#define PEER_ROWS_MAX 16
#define PEER_NAME_BYTES 64

struct peer {
    char name[PEER_NAME_BYTES];
    char about[512];                            /* version and settings */
    char names[PEER_ROWS_MAX][PEER_NAME_BYTES]; /* of the rows */
    char units[PEER_ROWS_MAX][PEER_NAME_BYTES];
    struct row rows[PEER_ROWS_MAX];
    size_t count;
};

struct peers {
    struct peer peers[PEERS_MAX];
    size_t count;
};

/* Is all there that the comparison needs?  Otherwise says what to install.
 * Returns 0 or the exit code. */
int peers_check(void);

/* Starts them, measures, stops them.  Returns 0 or the exit code, after why was
 * said. */
int peers_measure(struct peers *p, const char *parent, uint64_t events, uint64_t customers);

/* Prints versions, settings and, row by row, how many times better than the
 * peers the broker did. */
int peers_print(const struct peers *p, const struct row *ours, size_t count, FILE *out);

#endif
