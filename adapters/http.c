#include "adapters/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/inflate.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/endpoint.h"
#include "base/must.h"
#include "base/utf8.h"

/* So many more are let in, to be told that there are too many. */
#define TURNED_AWAY_MAX 100
/* What libmicrohttpd reads a request's head into.  It answers 431 itself when
 * this is full; up to here the limit is ours to name. */
#define POOL_BYTES (64u << 10)
#define BACKLOG 512

/* A body too large is read all the same up to here: who is still sending does
 * not hear the answer. */
#define DISCARD_BYTES_MAX (16 * HTTP_BODY_BYTES_MAX)

#define PROBLEM_TYPE "application/problem+json"

struct header {
    char *name;
    char *value;
};

/* A connection, to see who takes for ever to say something. */
struct peer {
    struct MHD_Connection *connection;
    struct peer *next, **at;
    int64_t since;              /* its request may take from then on */
    bool begun;                 /* there is a request, as far as its first line */
    bool served;                /* the request is complete: the time is ours */
};

enum stage { STAGE_HEAD, STAGE_BODY, STAGE_HELD, STAGE_ANSWERED };

struct http_private {
    struct http *http;
    struct MHD_Connection *connection;
    char *uri;
    enum stage stage;
    bool too_large;
    bool queued;
    unsigned status;
    const char *type;
    struct buf answer;
    struct header headers[HTTP_ANSWER_HEADERS_MAX];
    size_t headers_count;
    struct http_private *next_held, **held_at;
    struct http_request request;
};

struct http {
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_timer_t second;
    http_serve *serve;
    void *arg;
    struct peer *peers;
    unsigned peers_count;
    struct http_private *held;
    bool stopping;
    int open_handles;
};

/* ------------------------------------------------------------------ answers */

void
http_json_text(struct buf *out, const char *text, size_t len)
{
    bool valid = utf8_text(text, len);

    buf_byte(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c >= 0x80 && !valid)
            buf_text(out, "\\ufffd");
        else
            buf_byte(out, c);
    }
    buf_byte(out, '"');
}

void
http_set_header(struct http_request *r, const char *name, const char *value)
{
    struct http_private *p = r->private;
    struct header *h = &p->headers[p->headers_count];

    must(p->headers_count < HTTP_ANSWER_HEADERS_MAX);
    p->headers_count++;
    must((h->name = strdup(name)) != NULL && (h->value = strdup(value)) != NULL);
}

static void
unhold(struct http_private *p)
{
    *p->held_at = p->next_held;
    if (p->next_held != NULL)
        p->next_held->held_at = p->held_at;
    MHD_resume_connection(p->connection);
}

void
http_hold(struct http_request *r)
{
    struct http_private *p = r->private;
    struct http *h = p->http;

    must(p->stage == STAGE_BODY);
    p->stage = STAGE_HELD;
    p->next_held = h->held;
    p->held_at = &h->held;
    if (h->held != NULL)
        h->held->held_at = &p->next_held;
    h->held = p;
    MHD_suspend_connection(p->connection);
}

void
http_answer(struct http_request *r, unsigned status, const char *type, const void *bytes,
            size_t len)
{
    struct http_private *p = r->private;
    bool was_held = p->stage == STAGE_HELD;

    must(p->stage != STAGE_ANSWERED);
    p->stage = STAGE_ANSWERED;
    p->status = status;
    p->type = type;
    buf_append(&p->answer, bytes, len);
    must(!p->answer.failed);
    if (was_held)
        unhold(p);
}

void
http_problem(struct http_request *r, unsigned status, const char *detail)
{
    struct buf body = {0};

    buf_printf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":",
               MHD_get_reason_phrase_for(status), status);
    http_json_text(&body, detail, strlen(detail));
    buf_text(&body, "}\n");
    must(!body.failed);
    http_answer(r, status, PROBLEM_TYPE, body.ptr, body.len);
    buf_free(&body);
}

static enum MHD_Result
queue_answer(struct http_private *p)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        p->answer.len, p->answer.ptr, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued;

    must(response != NULL);
    if (p->type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, p->type);
    for (size_t i = 0; i < p->headers_count; i++)
        MHD_add_response_header(response, p->headers[i].name, p->headers[i].value);
    queued = MHD_queue_response(p->connection, p->status, response);
    MHD_destroy_response(response);
    p->queued = true;
    return queued;
}

/* ----------------------------------------------------------------- requests */

const char *
http_header(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->private->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result
put_header_line(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    static const char *const left_out[] = {
        "Authorization", "Proxy-Authorization", "Cookie", "Content-Encoding", "Content-Length",
        "Transfer-Encoding", "Connection", "Expect",
    };

    (void)kind;
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        if (strcasecmp(name, left_out[i]) == 0)
            return MHD_YES;
    buf_printf(arg, "%s: %s\r\n", name, value != NULL ? value : "");
    return MHD_YES;
}

void
http_header_lines(const struct http_request *r, struct buf *out)
{
    MHD_get_connection_values(r->private->connection, MHD_HEADER_KIND, put_header_line, out);
}

static struct peer *
peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

static size_t
head_bytes(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info != NULL ? info->header_size : 0;
}

/* Called with the request line.  What it returns is the request from then on. */
static void *
request_begins(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct http_private *p = calloc(1, sizeof *p);
    const char *query = strchr(uri, '?');
    struct peer *peer = peer_of(connection);

    if (peer != NULL) {
        peer->since = clock_monotonic();
        peer->begun = true;
    }
    must(p != NULL && (p->uri = strdup(uri)) != NULL);
    p->http = arg;
    p->connection = connection;
    p->request.private = p;
    p->request.target = p->uri;
    p->request.query = query != NULL ? p->uri + (query - uri) + 1 : "";
    return p;
}

static void
request_ends(void *arg, struct MHD_Connection *connection, void **context,
             enum MHD_RequestTerminationCode why)
{
    struct http_private *p = *context;
    struct peer *peer = peer_of(connection);

    (void)arg;
    (void)why;
    if (peer != NULL) {
        peer->since = clock_monotonic();
        peer->begun = peer->served = false;
    }
    if (p == NULL)
        return;
    must(p->stage != STAGE_HELD);
    for (size_t i = 0; i < p->headers_count; i++) {
        free(p->headers[i].name);
        free(p->headers[i].value);
    }
    buf_free(&p->answer);
    buf_free(&p->request.body);
    free(p->uri);
    free(p);
    *context = NULL;
}

/* What is refused by the head alone is answered before the body is read. */
static void
take_head(struct http_private *p)
{
    const char *length = http_header(&p->request, MHD_HTTP_HEADER_CONTENT_LENGTH);

    if (p->http->peers_count > HTTP_CONNECTIONS_MAX) {
        http_set_header(&p->request, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        http_set_header(&p->request, MHD_HTTP_HEADER_CONNECTION, "close");
        http_problem(&p->request, MHD_HTTP_SERVICE_UNAVAILABLE,
                     "there are more than 2000 connections; try again later");
    } else if (head_bytes(p->connection) > HTTP_HEADER_BYTES_MAX) {
        http_problem(&p->request, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                     "request line and header fields are over 16 KiB together");
    } else if (length != NULL && strtoull(length, NULL, 10) > DISCARD_BYTES_MAX) {
        http_problem(&p->request, MHD_HTTP_CONTENT_TOO_LARGE,
                     "the body is over 1 MiB; send it in parts");
    }
}

static void
take_piece(struct http_private *p, const char *bytes, size_t len)
{
    if (p->request.body.len + len > HTTP_BODY_BYTES_MAX)
        p->too_large = true;
    if (p->too_large)
        return;
    buf_append(&p->request.body, bytes, len);
    must(!p->request.body.failed);
}

static bool
unpack(struct http_private *p)
{
    const char *encoding = http_header(&p->request, MHD_HTTP_HEADER_CONTENT_ENCODING);
    struct buf packed = p->request.body;
    int err;

    if (encoding == NULL || encoding[0] == '\0' || strcasecmp(encoding, "identity") == 0)
        return true;
    if (strcasecmp(encoding, "gzip") != 0 && strcasecmp(encoding, "x-gzip") != 0
        && strcasecmp(encoding, "deflate") != 0) {
        http_set_header(&p->request, MHD_HTTP_HEADER_ACCEPT_ENCODING, "gzip, deflate");
        http_problem(&p->request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                     "the Content-Encoding is neither gzip nor deflate nor identity");
        return false;
    }
    p->request.body = (struct buf){0};
    err = inflate_bytes(&p->request.body, (struct tl_str){(const char *)packed.ptr, packed.len},
                        HTTP_BODY_BYTES_MAX);
    buf_free(&packed);
    must(err != TL_ENOMEM);
    if (err == TL_TOO_LARGE)
        http_problem(&p->request, MHD_HTTP_CONTENT_TOO_LARGE,
                     "the body is over 1 MiB when it is unpacked; send it in parts");
    else if (err != 0)
        http_problem(&p->request, MHD_HTTP_BAD_REQUEST,
                     "the body is not what its Content-Encoding says, or was cut short");
    return err == 0;
}

static void
take_end(struct http_private *p)
{
    struct peer *peer = peer_of(p->connection);

    if (peer != NULL)
        peer->served = true;
    if (p->too_large)
        http_problem(&p->request, MHD_HTTP_CONTENT_TOO_LARGE,
                     "the body is over 1 MiB; send it in parts");
    else if (unpack(p))
        p->http->serve(p->http->arg, &p->request);
    must(p->stage == STAGE_ANSWERED || p->stage == STAGE_HELD);
}

/* libmicrohttpd calls: once with the head, with each piece of the body, with
 * its end, and again when a held request was answered. */
static enum MHD_Result
progress(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
         const char *version, const char *bytes, size_t *len, void **context)
{
    struct http_private *p = *context;

    (void)arg;
    (void)connection;
    (void)version;
    p->request.path = path;
    p->request.method = method;
    if (p->stage == STAGE_HEAD) {
        p->stage = STAGE_BODY;
        take_head(p);
    } else if (*len > 0) {
        take_piece(p, bytes, *len);
        *len = 0;
    } else if (p->stage == STAGE_BODY) {
        take_end(p);
    }
    return p->stage == STAGE_ANSWERED && !p->queued ? queue_answer(p) : MHD_YES;
}

/* -------------------------------------------------------------- connections */

static void
connection_changed(void *arg, struct MHD_Connection *connection, void **context,
                   enum MHD_ConnectionNotificationCode what)
{
    struct http *h = arg;
    struct peer *peer = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        must((peer = calloc(1, sizeof *peer)) != NULL);
        *peer = (struct peer){connection, h->peers, &h->peers, clock_monotonic(), false, false};
        if (h->peers != NULL)
            h->peers->at = &peer->next;
        h->peers = peer;
        h->peers_count++;
        *context = peer;
    } else if (peer != NULL) {
        *peer->at = peer->next;
        if (peer->next != NULL)
            peer->next->at = peer->at;
        h->peers_count--;
        free(peer);
        *context = NULL;
    }
}

/* libmicrohttpd only knows how long a connection was silent; one byte every few
 * seconds would hold it for ever.  Nothing was answered yet on this request, so
 * the answer is written past the library, and the connection ends.  One that only
 * was kept open ends without a word: it would be taken for the next answer. */
static void
cut_off(struct peer *peer)
{
    static const char answer[] =
        "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
        "Content-Type: " PROBLEM_TYPE "\r\n\r\n"
        "{\"type\":\"about:blank\",\"title\":\"Request Timeout\",\"status\":408,"
        "\"detail\":\"the request was not complete after 30 seconds\"}\n";
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(peer->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    peer->since = INT64_MAX;
    if (info == NULL)
        return;
    if (peer->begun
        && send(info->connect_fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        log_info("http", "a slow request was cut off unanswered");
    shutdown(info->connect_fd, SHUT_RDWR);
}

static void
each_second(uv_timer_t *timer)
{
    struct http *h = timer->data;
    int64_t late = clock_monotonic() - HTTP_REQUEST_S * CLOCK_SECOND;

    for (struct peer *p = h->peers; p != NULL; p = p->next)
        if (!p->served && p->since < late)
            cut_off(p);
    http_turn(h);
}

/* --------------------------------------------------------------------- loop */

static void
due(uv_timer_t *timer)
{
    http_turn(timer->data);
}

void
http_turn(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    MHD_run(h->daemon);
    if (MHD_get_timeout(h->daemon, &wait_ms) == MHD_YES)
        uv_timer_start(&h->timer, due, wait_ms, 0);
    else
        uv_timer_stop(&h->timer);
}

static void
readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    http_turn(poll->data);
}

/* ------------------------------------------------------------ start and stop */

static bool
is_loopback(const struct sockaddr *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)a;

    if (a->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

int
http_resolve(struct http_address *out, const char *listen, char why[HTTP_WHY_BYTES])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    const char *colon = strrchr(listen, ':');
    bool bracketed = listen[0] == '[';
    char host[256];
    int err;

    *out = (struct http_address){.loopback = false};
    if (colon == NULL || !endpoint_is_port(colon + 1) || (size_t)(colon - listen) >= sizeof host
        || (bracketed && (colon - listen < 2 || colon[-1] != ']'))) {
        snprintf(why, HTTP_WHY_BYTES, "`%.200s' is no HOST:PORT, such as 127.0.0.1:7711", listen);
        return -1;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - listen) - 2 * bracketed,
             listen + bracketed);
    if ((err = getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1, &hints, &found)) != 0) {
        snprintf(why, HTTP_WHY_BYTES, "cannot listen at %.200s: %s", listen, gai_strerror(err));
        return -1;
    }
    snprintf(out->name, sizeof out->name, "%.255s", listen);
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->loopback = is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return 0;
}

/* Room for the connections, as far as the hard limit goes. */
static void
raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int
listen_at(const struct http_address *at, char why[HTTP_WHY_BYTES])
{
    const struct sockaddr *a = (const struct sockaddr *)(const void *)&at->address;
    socklen_t len = a->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                            : sizeof(struct sockaddr_in6);
    int fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0
        && bind(fd, a, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    snprintf(why, HTTP_WHY_BYTES, "cannot listen at %.200s: %s", at->name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

__attribute__((format(printf, 2, 0))) static void
say(void *arg, const char *fmt, va_list args)
{
    char line[256];

    (void)arg;
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    log_info("http", "%s", line);
}

static struct MHD_Daemon *
start_daemon(struct http *h, int fd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, progress, h,
        MHD_OPTION_EXTERNAL_LOGGER, say, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)(HTTP_CONNECTIONS_MAX + TURNED_AWAY_MAX),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(2 * HTTP_REQUEST_S),
        MHD_OPTION_URI_LOG_CALLBACK, request_begins, h,
        MHD_OPTION_NOTIFY_COMPLETED, request_ends, h,
        MHD_OPTION_NOTIFY_CONNECTION, connection_changed, h,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_END);
}

static void
start_handles(struct http *h, uv_loop_t *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    must(info != NULL && uv_poll_init(loop, &h->poll, info->epoll_fd) == 0);
    must(uv_timer_init(loop, &h->timer) == 0 && uv_timer_init(loop, &h->second) == 0);
    h->poll.data = h->timer.data = h->second.data = h;
    h->open_handles = 3;
    must(uv_poll_start(&h->poll, UV_READABLE, readable) == 0);
    must(uv_timer_start(&h->second, each_second, 1000, 1000) == 0);
}

int
http_start(struct http **out, uv_loop_t *loop, const struct http_address *at, http_serve *serve,
           void *arg, char why[HTTP_WHY_BYTES])
{
    struct http *h = calloc(1, sizeof *h);
    int fd;

    must(h != NULL);
    raise_descriptors();
    h->serve = serve;
    h->arg = arg;
    if ((fd = listen_at(at, why)) < 0) {
        free(h);
        return -1;
    }
    if ((h->daemon = start_daemon(h, fd)) == NULL) {
        snprintf(why, HTTP_WHY_BYTES, "the HTTP server cannot be started");
        close(fd);
        free(h);
        return -1;
    }
    start_handles(h, loop);
    *out = h;
    return 0;
}

static void
closed(uv_handle_t *handle)
{
    struct http *h = handle->data;

    if (--h->open_handles == 0)
        free(h);
}

/* libmicrohttpd aborts when it is stopped with suspended connections. */
void
http_stop(struct http **http)
{
    struct http *h = *http;

    if (h == NULL)
        return;
    while (h->held != NULL)
        http_problem(&h->held->request, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping");
    MHD_run(h->daemon);
    MHD_stop_daemon(h->daemon);
    h->daemon = NULL;
    uv_close((uv_handle_t *)&h->poll, closed);
    uv_close((uv_handle_t *)&h->timer, closed);
    uv_close((uv_handle_t *)&h->second, closed);
    *http = NULL;
}

unsigned
http_connections(const struct http *h)
{
    return h->peers_count;
}

unsigned
http_port(const struct http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_LISTEN_FD);
    struct sockaddr_storage at;
    socklen_t len = sizeof at;

    must(info != NULL
         && getsockname(info->listen_fd, (struct sockaddr *)(void *)&at, &len) == 0);
    if (at.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&at)->sin_port);
    return ntohs(((struct sockaddr_in6 *)(void *)&at)->sin6_port);
}
