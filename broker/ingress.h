/* ingress.h -- the door: batches of events, taken in order of arrival.
 *
 * Each event is read, checked, its identifiers made canonical, and admitted by
 * the store.  Its batch is acknowledged when all of it is durable. */

#ifndef INGRESS_H
#define INGRESS_H

#include <stdbool.h>
#include <zmq.h>

#include "proto/wire.h"

#define INGRESS_BYTES_MAX (256u << 20)      /* batches waiting for room, of all clients */

struct broker;
struct publish;
struct session;

struct ingress {
    struct publish *queue;          /* waiting for room in the store's open batch, or their turn */
    struct publish **queue_end;
    size_t queue_bytes;
    int64_t received;               /* of the last event; never goes back */
    struct looked_at *looked_at;    /* the events decided about next */
};

void ingress_init(struct broker *b);

/* The time of what is received now; never goes back. */
int64_t ingress_now(struct broker *b);

/* Decides about a batch, as far as there is room and time.  Takes `message` when
 * something is left. */
void ingress_publish(struct broker *b, struct session *s, const struct wire_request *request,
                     zmq_msg_t *message);

/* Goes on with the batches that wait, for half a millisecond. */
void ingress_continue(struct broker *b);
bool ingress_can_continue(const struct broker *b);

/* Answers a batch whose events are durable or refused, and frees it. */
void ingress_acknowledge(struct broker *b, struct publish **p);

/* Its events beyond the head are gone: they become refused. */
void ingress_lost(struct broker *b, struct publish *p);

/* The same for all batches that wait for room: refused and answered, so that
 * nothing overtakes what was lost. */
void ingress_refuse_waiting(struct broker *b);

void ingress_free(struct publish **p);
void ingress_fini(struct broker *b);

#endif
