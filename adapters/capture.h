/* capture.h -- HTTP requests as they went over the wire (RFC 9112), back to back.
 *
 * Some formats say things in the request line or in headers: a pixel's query, a
 * CloudEvent's ce-id.  Their decoders are fed requests, not bodies.  A recording
 * of the wire is a series of them; an HTTP server makes one with capture_write
 * and feeds it to the same decoder.  A decoder that takes either finds out with
 * capture_is. */

#ifndef ADAPTERS_CAPTURE_H
#define ADAPTERS_CAPTURE_H

#include "base/buf.h"
#include "client/touchline.h"

#define CAPTURE_HEAD_BYTES_MAX (16u << 10)
#define CAPTURE_BODY_BYTES_MAX (8u << 20)       /* also of what it unfolds to */

/* Borrowed from the bytes given, and from the capture until the next one. */
struct capture_request {
    struct tl_str method;
    struct tl_str path;
    struct tl_str query;        /* without the question mark, as sent */
    struct tl_str headers;      /* their lines */
    struct tl_str body;         /* without chunks, unfolded */
};

/* Zeroed is empty. */
struct capture {
    struct buf chunks, unfolded;
};

void capture_fini(struct capture *c);

/* Could these be the first bytes of a request (with few: may they become one)? */
bool capture_is(struct tl_str bytes);

enum capture_result {
    CAPTURE_REQUEST,            /* `*used` bytes of it */
    CAPTURE_MORE,               /* it goes on behind these bytes */
    CAPTURE_WRONG,              /* `*why` is a sentence; where the next begins is not known */
};

enum capture_result capture_next(struct capture *c, struct tl_str bytes,
                                 struct capture_request *out, size_t *used, const char **why);

/* A header's value without blanks around, empty when it is not there; names in
 * any case (RFC 9110, 5.1). */
struct tl_str capture_header(const struct capture_request *r, const char *name);

/* Appends a request.  `target` is path and query as sent; `headers` are whole
 * lines, ended by CR LF, of what a decoder may need (content-type, ce-*) and
 * nothing that is secret or says how the body was sent: the body is given
 * without chunks, unfolded. */
void capture_write(struct buf *out, const char *method, const char *target, struct tl_str headers,
                   struct tl_str body);

#endif
