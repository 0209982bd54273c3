/* post.h -- one HTTP request after the other, over connections that are kept. */

#ifndef TOOLS_POST_H
#define TOOLS_POST_H

#include "base/buf.h"

#define POST_WHY_BYTES 512

struct post;

struct post *post_open(void);       /* NULL: no memory */
void post_close(struct post **post);

/* Posts a body, and again for a minute while it is refused with 503.  Returns
 * 0, or -1 with a sentence: nobody there, or an answer that is not 200. */
int post_send(struct post *p, const char *base, const char *path, const char *type,
              const struct buf *body, char why[POST_WHY_BYTES]);

/* The number of a metric (Prometheus' text format) at BASE/metrics.  Returns 0,
 * or -1 with a sentence. */
int post_metric(struct post *p, const char *base, const char *name, long long *value,
                char why[POST_WHY_BYTES]);

#endif
