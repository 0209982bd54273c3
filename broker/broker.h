/* broker.h -- one loop that joins the wire and the store.
 *
 * A turn of the loop: end the write that is done (acknowledgements go out,
 * streams get the new events), take what has arrived, begin the next write, let
 * the streams read.  Only this thread touches what is in struct broker; the
 * syncer writes the batch it was handed. */

#ifndef BROKER_H
#define BROKER_H

#include <stdatomic.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "broker/answer.h"
#include "broker/as_of.h"
#include "broker/batch.h"
#include "broker/deadletter.h"
#include "broker/groups.h"
#include "broker/ignored.h"
#include "broker/held.h"
#include "broker/ingress.h"
#include "broker/request.h"
#include "broker/router.h"
#include "broker/session.h"
#include "broker/settings.h"
#include "broker/stats.h"
#include "broker/stream.h"
#include "broker/timers.h"
#include "broker/verify.h"
#include "proto/position.h"
#include "store/store.h"

#define BROKER_WHY_BYTES 1024
#define ANSWER_BUDGET_BYTES (16u << 20)

struct broker {
    uv_loop_t loop;
    uv_async_t wake;
    uv_signal_t sigterm;
    uv_signal_t sigint;
    uv_signal_t sighup;
    uv_timer_t second;
    uv_timer_t retry;
    struct loop_socket wire;
    atomic_bool tick_due;           /* the store asked for it */
    unsigned seconds;

    struct router router;
    struct store *store;
    const char *policy;             /* its file; NULL: the one built in */
    struct kinds *kinds;            /* of identifiers */
    char log[LOG_ID_BYTES + 1];     /* the log's id, as positions begin */
    struct sessions sessions;
    struct ingress ingress;
    struct batch batch;
    struct held_all held;
    struct streams streams;
    struct deadletters deadletters;
    struct groups groups;
    struct ignored ignored;
    struct verify verify;
    struct as_of as_of;
    struct timers timers;
    struct stats stats;

    struct arena request_arena;     /* of the request being served */
    struct arena event_arena;       /* of the event being looked at */
    struct arena answer_arena;      /* of the answer being made */
    struct buf scratch;
};

/* Opens the data and binds.  Returns 0, or -1 with a sentence. */
int broker_open(struct broker *b, const struct settings *s, char why[BROKER_WHY_BYTES]);

/* Serves until SIGTERM or SIGINT; what was admitted by then is written and
 * acknowledged.  Returns 0 or an exit code. */
int broker_run(struct broker *b);

/* The world failed us: says so, and ends the program without another
 * acknowledgement. */
_Noreturn void broker_fail(struct broker *b, const char *what);

/* The position of an event; `text` has room for it and a NUL. */
struct tl_str broker_position(const struct broker *b, uint64_t number, char *text);

void broker_retry(uv_timer_t *timer);

#endif
