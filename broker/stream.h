/* stream.h -- replay and live, by one mechanism: the log from a position on,
 * filtered, while the client gives credit.
 *
 * A stream with work and credit is ready and takes turns with the others; one at
 * the head waits for a commit; one without credit, or whose client's pipe is
 * full, is parked and costs nothing. */

#ifndef STREAM_H
#define STREAM_H

#include "base/map.h"
#include "broker/delivery.h"
#include "broker/request.h"

#define STREAMS_PER_SESSION_MAX 64
#define STREAM_PROGRESS_MS 1000
#define STREAM_PROGRESS_BYTES (64u << 20)

struct stream;

struct stream_list {
    struct stream *first;
    struct stream *last;
};

struct streams {
    struct map by_name;             /* session and the client's number */
    struct stream_list ready;
    struct stream_list waiting;
    size_t count;
    struct delivery batch;          /* of the stream whose turn it is */
};

void stream_take_open(struct broker *b, struct asked *q);
void stream_take_credit(struct broker *b, struct asked *q);
void stream_take_close(struct broker *b, struct asked *q);

/* Reads and sends for about a quarter of a millisecond.  true: there is more to
 * do. */
bool stream_turn(struct broker *b);

/* The head has moved. */
void stream_committed(struct broker *b);

/* What was not durable is gone. */
void stream_lost(struct broker *b);

/* The session's peer takes messages again, or the session is closed. */
void stream_unblocked(struct broker *b, struct session *s);

/* Each second: says how far a silent stream is, ends those whose time is over,
 * and frees those whose client is gone. */
void stream_tick(struct broker *b);

void stream_fini(struct broker *b);

#endif
