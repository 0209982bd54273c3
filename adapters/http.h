/* http.h -- an HTTP/1.1 server (libmicrohttpd) on a libuv loop.
 *
 * Reads whole requests, within limits, and answers each one exactly once; an
 * answer may wait (http_hold) until what it promises is on disk.  What is wrong
 * is answered with RFC 9457 problem details.  The loop's thread only. */

#ifndef ADAPTERS_HTTP_H
#define ADAPTERS_HTTP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"

#define HTTP_BODY_BYTES_MAX (1u << 20)      /* as sent, and again when unpacked */
#define HTTP_HEADER_BYTES_MAX (16u << 10)   /* request line and header fields */
#define HTTP_CONNECTIONS_MAX 2000
#define HTTP_REQUEST_S 30                   /* from a request's first byte to its last */
#define HTTP_WHY_BYTES 512
#define HTTP_ANSWER_HEADERS_MAX 6

struct http;

struct http_request {
    const char *method;         /* of an answer to HEAD only the head is sent */
    const char *path;           /* percent-encoding undone */
    const char *target;         /* path and query as sent */
    const char *query;          /* of it; empty: none */
    struct buf body;            /* unpacked when it came with a Content-Encoding */
    void *owner;                /* what holds it keeps its notes here */
    struct http_request *next;
    struct http_private *private;
};

/* One answer each: http_answer, http_problem, or http_hold now and one of the
 * others later. */
typedef void http_serve(void *arg, struct http_request *r);

struct http_address {
    struct sockaddr_storage address;
    bool loopback;
    char name[256];     /* HOST:PORT as it was given */
};

/* HOST:PORT; an IPv6 host stands in brackets.  Returns 0 or -1 with a sentence. */
int http_resolve(struct http_address *out, const char *listen, char why[HTTP_WHY_BYTES]);

/* Returns 0 or -1 with a sentence. */
int http_start(struct http **out, uv_loop_t *loop, const struct http_address *at,
               http_serve *serve, void *arg, char why[HTTP_WHY_BYTES]);

/* Works through what has arrived and what was answered. */
void http_turn(struct http *h);

/* Answers what is held with 503 and lets go of every connection.  The loop must
 * run once more before it is closed. */
void http_stop(struct http **http);

unsigned http_connections(const struct http *h);
unsigned http_port(const struct http *h);

/* A header field of the request; NULL when it is not there. */
const char *http_header(const struct http_request *r, const char *name);

/* Appends the header fields as lines ended by CR LF, without those that are secret
 * or say how the body was sent. */
void http_header_lines(const struct http_request *r, struct buf *out);

/* Before the answer.  Copies both; more than HTTP_ANSWER_HEADERS_MAX is our fault. */
void http_set_header(struct http_request *r, const char *name, const char *value);

void http_hold(struct http_request *r);
void http_answer(struct http_request *r, unsigned status, const char *type, const void *bytes,
                 size_t len);
/* RFC 9457; `detail` says what is wrong with this request. */
void http_problem(struct http_request *r, unsigned status, const char *detail);

/* A JSON string, quotes and all; what is no UTF-8 becomes U+FFFD. */
void http_json_text(struct buf *out, const char *text, size_t len);

#endif
