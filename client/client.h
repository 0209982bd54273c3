/* client.h -- what the parts of the library share of a client.
 *
 * client.c is the session: Hello, who gets which reply, and the one place that
 * waits.  publish.c, query.c and stream.c each keep what they have asked for
 * until it is answered, and send it again when a session begins anew. */

#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "client/unbundle.h"
#include "client/connection.h"
#include "client/delivery.h"
#include "client/touchline.h"
#include "proto/codec.h"
#include "proto/wire.h"

#define FOREVER INT64_MAX       /* a deadline that does not come */

enum session_state {
    SESSION_AWAY,           /* not connected */
    SESSION_GREETING,       /* Hello is to be sent, or not answered yet */
    SESSION_OPEN,
};

/* A message from the broker, and what was made of it. */
struct tl_reply {
    struct tl_reply *next;      /* in a stream's queue, or among the pages */
    struct tl_reply *pages;     /* of a timeline, behind the first */
    struct tl_event *events;    /* of all its pages, when there are several */
    zmq_msg_t msg;
    struct tl_str bytes;        /* its own, in the message */
    bool unread;                /* received, and there was no memory to read it */
    struct arena arena;
    struct wire_reply wire;     /* nothing in it when it is a delivery */
    bool is_delivery;
    struct delivery delivery;
    int code;                   /* 0, or why there is no answer */
};

struct batch;

struct publisher {
    struct batch *first, *last; /* sealed, oldest first */
    struct batch *open;         /* being filled */
    struct batch *spare;
    size_t sealed;
    size_t unanswered;          /* events */
    int64_t busy_until;         /* the broker asked to wait */
    void (*answered)(void *arg, const struct tl_answer *answer);
    void *arg;
};

struct query;

struct tl_client {
    struct connection connection;
    enum session_state state;
    bool greeted;               /* Hello is sent */
    int64_t greet_at;           /* not before */
    uint64_t hello_id;
    uint64_t last_id;
    int refused;                /* the broker will not have us: why */
    char name[64];
    int timeout_ms;
    uint32_t window;            /* batches, from the broker's Welcome */
    uint32_t batch_bytes_max;
    uint32_t batch_events_max;
    struct publisher publisher;
    struct query *queries, **queries_end;
    struct tl_stream *streams;
    bool blocked;               /* the socket took no more */
    struct bundle bundle;       /* what of it was not read yet */
    struct tl_reply *spare;
    struct buf scratch;
};

/* Call before the codec is used. */
void client_init(void);

int64_t client_deadline(int timeout_ms);

/* One round: sends what can go, takes what came, and, when that was nothing,
 * waits for it until `deadline` (clock_monotonic), `fd` or the next thing due.
 * Returns as tl_poll. */
int client_work(struct tl_client *c, int fd, int64_t deadline);

/* Sends without waiting.  Returns 0, TL_EAWAY (try again later), TL_ENOMEM. */
int client_send(struct tl_client *c, const struct wire_request *request);

/* Takes a reply over when it keeps it, and nulls the pointer. */
int publish_push(struct tl_client *c);
int publish_acked(struct tl_client *c, const struct wire_reply *reply);
bool publish_refused(struct tl_client *c, const struct wire_reply *reply);
void publish_again(struct tl_client *c);
void publish_seal(struct tl_client *c);
void publish_fini(struct tl_client *c);

int query_push(struct tl_client *c);
bool query_answered(struct tl_client *c, struct tl_reply **reply);
void query_again(struct tl_client *c);
int64_t query_expire(struct tl_client *c, int64_t now);     /* when the next is due */
void query_refuse_all(struct tl_client *c, int code);

int stream_push(struct tl_client *c);
bool stream_received(struct tl_client *c, struct tl_reply **reply);
bool stream_refused(struct tl_client *c, struct tl_reply **reply);
void stream_again(struct tl_client *c);
void stream_detach_all(struct tl_client *c);

#endif
