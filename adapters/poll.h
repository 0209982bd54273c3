/* poll.h -- documents on the web, asked for again and again, through their decoder
 * to the spool.
 *
 * Asked with If-None-Match and If-Modified-Since (RFC 9110, 13.1), so that what
 * has not changed is not sent; both are remembered in DATA/positions once what the
 * document came to is durable.  One is fetched at a time, in a thread of libuv's
 * pool (libcurl).  What cannot be fetched is warned of and asked for the next time. */

#ifndef ADAPTERS_POLL_H
#define ADAPTERS_POLL_H

#include <uv.h>

#include "adapters/setup.h"
#include "adapters/source.h"

#define POLL_BODY_BYTES_MAX (8u << 20)      /* unpacked */
#define POLL_FETCH_S 30

struct poll;

/* As source_open; for an input with `urls` set. */
struct poll *poll_open(uv_loop_t *loop, const struct setup_input *input,
                       const struct source_place *place);
/* Ends a fetch that is under way.  The loop must run once more before it is
 * closed; it frees what is left. */
void poll_close(struct poll **poll);

/* Adds what was fetched to the spool, when there is room. */
void poll_turn(struct poll *p);

/* The commit came out so: TL_OK or TL_NO_SPACE (it is added again). */
void poll_committed(struct poll *p, int code);

#endif
