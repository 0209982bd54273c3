/* intake.h -- what comes in over the web, up to one request or body at a time.
 *
 * The web formats' decoders are this with a function of their own that reads a
 * request.  Fed bytes that begin like HTTP requests, it takes them apart
 * (adapters/capture.h); anything else is one body, as posted, and the request it
 * hands on has no method and no path. */

#ifndef ADAPTERS_WEB_INTAKE_H
#define ADAPTERS_WEB_INTAKE_H

#include "adapters/capture.h"
#include "adapters/draft.h"
#include "adapters/formats.h"
#include "adapters/value.h"
#include "base/buf.h"
#include "base/zone.h"

#define INTAKE_BODY_BYTES_MAX (32u << 20)   /* of a body without a request around */
#define INTAKE_SKEW_MIN_S 5                 /* less is the road's time, not a wrong clock's */
#define INTAKE_NAME_BYTES 64                /* of what is counted as ignored */

struct decoder;

typedef void intake_read(struct decoder *d, const struct capture_request *r);

struct decoder {
    struct format_sink sink;
    const char *name;           /* of the format */
    struct tl_str source;       /* the caller's, else the format's name */
    bool source_given;
    struct tl_str region;
    struct zone *zone;          /* of times without one; UTC unless given */
    int64_t received;           /* when the request came, ns; 0: not known */
    intake_read *read;

    struct buf bytes;           /* not yet read */
    uint64_t at;                /* where they begin in the input */
    bool too_long, begun, requests;
    const char *broken;         /* why requests cannot be told apart any more */
    struct capture capture;
    struct draft draft;
};

/* As in struct format; `name` and `read` are the format's. */
int intake_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why, const char *name, intake_read *read);
void intake_feed(struct decoder *d, const void *bytes, size_t len);
void intake_end(struct decoder *d);
void intake_close(struct decoder **d);

/* The JSON of a body, duplicates of members refused; NULL when it is none, and
 * then it was rejected.  Lives until the next request. */
struct value *intake_json(struct decoder *d, struct tl_str text);

/* A query string as an object of strings, the same way: NULL when it was
 * rejected.  Of a name that comes twice the first counts, the others are counted
 * as ignored. */
struct value *intake_query(struct decoder *d, struct tl_str query);

void intake_reject(struct decoder *d, struct tl_str record, const char *reason);
void intake_reject_json(struct decoder *d, const struct value *record, const char *reason);

__attribute__((format(printf, 2, 3))) void intake_ignore(struct decoder *d, const char *fmt, ...);

/* Begins an event: source, region, channel web, inbound. */
struct tl_event *intake_begin(struct decoder *d);

/* Ends it: an event, or a reject of the record when its text did not fit. */
void intake_finish(struct decoder *d, struct tl_str record);

/* When it happened, where the sender's clock may be wrong: as long before it was
 * received as the sender's clock says it was before it was sent.  What the sender
 * says without `received` or `sent` (0), or when they are no more than
 * INTAKE_SKEW_MIN_S apart. */
int64_t intake_time(const struct decoder *d, int64_t happened, int64_t sent);

#endif
