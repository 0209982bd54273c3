/* service.h -- the parts of a running adapter, and what they tell each other. */

#ifndef ADAPTERS_SERVICE_H
#define ADAPTERS_SERVICE_H

#include <uv.h>

#include "adapters/adapter.h"
#include "adapters/counts.h"
#include "adapters/dial.h"
#include "adapters/forward.h"
#include "adapters/http.h"
#include "adapters/letter.h"
#include "adapters/poll.h"
#include "adapters/setup.h"
#include "adapters/source.h"
#include "adapters/spool.h"

#define SERVICE_EVENTS_MAX 500      /* of one request */
#define SERVICE_WHY_BYTES 1024

struct service {
    const struct adapter *adapter;
    const struct setup *setup;
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_signal_t sigterm, sigint;
    uv_timer_t second;
    struct http *http;
    struct spool *spool;
    struct letters letters;
    struct forward *forward;
    struct forward_counts forwarded;
    struct counts counts;
    struct ignored ignored;
    struct source *sources[2 * SETUP_INPUTS_MAX];
    size_t sources_count;
    struct dial *dials[SETUP_INPUTS_MAX];
    size_t dials_count;
    struct poll *polls[SETUP_INPUTS_MAX];
    size_t polls_count;
    uv_timer_t look;                /* when to look at files again */
    bool looking;
    struct http_request *waiting;   /* for the commit, newest first */
    bool full;                      /* the last commit found no space */
};

/* serve.c: a request through its decoder, to the spool. */
void serve_request(void *arg, struct http_request *r);
/* The commit came out so: TL_OK or TL_NO_SPACE. */
void serve_committed(struct service *s, int code);

/* status.c: /healthz /readyz /metrics /openapi.json.  false: it is none of them. */
bool status_serve(struct service *s, struct http_request *r);

#endif
