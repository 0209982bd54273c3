/* session.h -- a client's conversation, from its Hello until it is gone.
 *
 * Held by count: a batch or an answer on its way keeps the session's memory, and
 * a closed session swallows what is sent to it. */

#ifndef SESSION_H
#define SESSION_H

#include "base/map.h"
#include "broker/router.h"
#include "proto/wire.h"

#define SESSIONS_MAX 65536
#define SESSION_NAME_BYTES 64
#define SESSION_IDLE_MS (60 * 60 * 1000)
#define PUBLISH_WINDOW 32               /* batches a client may have unanswered */
#define QUESTIONS_MAX 1024              /* answers and questions that may wait for a client */
#define OUTBOX_BYTES_MAX (8u << 20)     /* over it a client that does not read is let go */
#define GATHERED_MAX 16                 /* messages that go out together */

struct broker;
struct outgoing;

struct session {
    struct peer peer;
    char name[SESSION_NAME_BYTES];
    unsigned refs;
    bool open;
    bool bundles;               /* takes several replies in one message */
    unsigned publishes;         /* unanswered */
    unsigned questions;         /* waiting for a sync or a position */
    unsigned streams;
    uint64_t heard_ms;          /* by the loop's clock */
    struct outgoing *outbox;    /* what the peer's pipe did not take, oldest first */
    struct outgoing **outbox_end;
    size_t outbox_bytes;
    unsigned retry_wait_ms;     /* longer each time the pipe took nothing */
    uint64_t retry_at_ms;       /* by the loop's clock */
    struct session *next_blocked;
};

struct gathered {
    struct session *session;
    zmq_msg_t message;
};

struct sessions {
    struct map by_peer;
    struct session *blocked;    /* those with an outbox */
    bool gathering;
    struct gathered gathered[GATHERED_MAX];
    size_t gathered_count;
};

struct session *session_find(struct broker *b, const struct peer *peer);

/* A new session; one that the peer had is closed.  NULL: there are too many. */
struct session *session_open(struct broker *b, const struct peer *peer, struct tl_str name);
void session_close(struct broker *b, struct session *s);

void session_ref(struct session *s);
void session_unref(struct session **s);

/* Takes the message.  Order is kept; never waits. */
void session_send(struct broker *b, struct session *s, zmq_msg_t *message);
void session_reply(struct broker *b, struct session *s, const struct wire_reply *reply);
void session_refuse(struct broker *b, struct session *s, uint64_t id, int code, const char *detail);

/* What is sent between the two goes out at the second, or when GATHERED_MAX are
 * there: one by one, each answer would wake ZeroMQ's thread and the client anew.
 * Small ones to one client that takes bundles are then one message, which costs
 * ZeroMQ and the system a fifth of what they do. */
void session_gather(struct broker *b);
void session_let_out(struct broker *b);

/* To a peer without a session: sent, or lost. */
void session_turn_away(struct broker *b, const struct peer *peer, uint64_t id, int code,
                       const char *detail);

/* Encodes a reply into a new message. */
void session_encode(struct broker *b, const struct wire_reply *reply, zmq_msg_t *message);

/* Tries again what did not fit into the peers' pipes, `all` or where it is time.
 * Returns whether a pipe took what there was: its streams may go on. */
bool session_retry(struct broker *b, bool all);

/* Forgets who has been silent for long. */
void session_expire(struct broker *b);

void session_fini(struct broker *b);

#endif
