/* A request: whose it is, whether it may, what its decoder makes of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/capture.h"
#include "adapters/gather.h"
#include "adapters/service.h"
#include "adapters/signature.h"
#include "base/clock.h"
#include "base/must.h"

#define RETRY_AFTER_S "5"

/* What a held request will be told when the commit is good. */
struct held {
    size_t accepted, rejected, ignored;
    const struct adapter_path *path;
};

/* A transparent GIF of one dot. */
static const unsigned char pixel[] = {
    'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, '!', 0xf9,
    4, 1, 0, 0, 0, 0, ',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 'D', 1, 0, ';',
};

/* -------------------------------------------------------------------- paths */

static bool
path_is(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);

    if (pattern[len - 1] == '*')
        return strncmp(pattern, path, len - 1) == 0;
    return strcmp(pattern, path) == 0;
}

static const struct adapter_path *
find(const struct service *s, const struct http_request *r)
{
    for (const struct adapter_path *p = s->adapter->paths; p->path != NULL; p++)
        if (path_is(p->path, r->path) && strcmp(p->method, r->method) == 0)
            return p;
    return NULL;
}

/* Which methods that path takes, and whether pages of other sites may ask. */
static bool
methods_of(const struct service *s, const char *path, char allow[128], bool *browser)
{
    size_t len = 0;

    *browser = false;
    for (const struct adapter_path *p = s->adapter->paths; p->path != NULL; p++)
        if (path_is(p->path, path)) {
            len += (size_t)snprintf(allow + len, 128 - len, "%s%s", len > 0 ? ", " : "",
                                    p->method);
            must(len < 128);
            *browser = *browser || p->browser;
        }
    return len > 0;
}

/* The Fetch standard's CORS protocol.  What these paths answer is no secret, and
 * trackers send their cookies along, so whoever asks is named. */
static void
set_cors(struct http_request *r)
{
    const char *origin = http_header(r, "Origin");

    if (origin == NULL)
        return;
    http_set_header(r, "Access-Control-Allow-Origin", origin);
    http_set_header(r, "Access-Control-Allow-Credentials", "true");
    http_set_header(r, "Vary", "Origin");
}

static void
preflight(struct http_request *r, const char *allow)
{
    const char *wanted = http_header(r, "Access-Control-Request-Headers");

    set_cors(r);
    http_set_header(r, "Access-Control-Allow-Methods", allow);
    if (wanted != NULL)
        http_set_header(r, "Access-Control-Allow-Headers", wanted);
    http_set_header(r, "Access-Control-Max-Age", "600");
    http_answer(r, 204, NULL, NULL, 0);
}

static void
no_such_path(struct service *s, struct http_request *r)
{
    char allow[128];
    bool browser;

    if (!methods_of(s, r->path, allow, &browser)) {
        http_problem(r, 404, "there is nothing at this path; see /openapi.json");
    } else if (strcmp(r->method, "HEAD") == 0) {
        /* Mandrill tries a webhook's address so before it uses it. */
        http_answer(r, 200, NULL, NULL, 0);
    } else if (browser && strcmp(r->method, "OPTIONS") == 0) {
        preflight(r, allow);
    } else {
        http_set_header(r, "Allow", allow);
        http_problem(r, 405, "this path does not take that method");
    }
}

/* ------------------------------------------------------------------ answers */

static void
count_status(struct service *s, const struct adapter_path *p, unsigned status)
{
    char text[8];

    snprintf(text, sizeof text, "%u", status);
    count_add(&s->counts, 1, "touchline_requests_total", "path", p->path, "status", text, NULL);
}

static void
fine(struct service *s, struct http_request *r, const struct held *h)
{
    char body[128];
    int len = snprintf(body, sizeof body, "{\"accepted\":%zu,\"rejected\":%zu,\"ignored\":%zu}\n",
                       h->accepted, h->rejected, h->ignored);

    count_status(s, h->path, 200);
    if (h->path->pixel)
        http_answer(r, 200, "image/gif", pixel, sizeof pixel);
    else
        http_answer(r, 200, "application/json", body, (size_t)len);
}

static void
refuse(struct service *s, struct http_request *r, const struct adapter_path *p, unsigned status,
       const char *detail)
{
    if (status == 503)
        http_set_header(r, "Retry-After", RETRY_AFTER_S);
    count_status(s, p, status);
    http_problem(r, status, detail);
}

static void
no_room(struct service *s, struct http_request *r, const struct adapter_path *p)
{
    refuse(s, r, p, 503, "there is no room to keep this until the broker has it; send it again");
}

void
serve_committed(struct service *s, int code)
{
    struct http_request *r;

    while ((r = s->waiting) != NULL) {
        struct held *h = r->owner;

        s->waiting = r->next;
        r->owner = NULL;
        if (code == 0)
            fine(s, r, h);
        else
            no_room(s, r, h->path);
        free(h);
    }
}

static void
hold(struct service *s, struct http_request *r, const struct held *promised)
{
    struct held *h = malloc(sizeof *h);

    must(h != NULL);
    *h = *promised;
    r->owner = h;
    r->next = s->waiting;
    s->waiting = r;
    http_hold(r);
}

/* ------------------------------------------------------------------ requests */

/* The whole body is kept: what was good of it is a duplicate when it is retried. */
static int
keep_body(struct service *s, const struct gather *in, const struct adapter_path *p,
          struct tl_str bytes)
{
    const struct gather_reject *first = in->rejects;
    char where[LETTER_FIELD_BYTES], reason[LETTER_FIELD_BYTES];
    struct letter letter = gather_letter(in, s->adapter->program, where, reason);

    snprintf(where, sizeof where, "%s %s", p->method, p->path);
    snprintf(reason, sizeof reason, "%s (at %llu; %zu of its records)", first->reason,
             (unsigned long long)first->at, in->rejects_count);
    letter.bytes = bytes.ptr;
    letter.bytes_len = bytes.len;
    count_add(&s->counts, 1, "touchline_dead_letters_total", "format", p->format, NULL);
    return letter_write(&s->letters, &letter, true);
}

static void
not_understood(struct service *s, struct http_request *r, const struct gather *in,
               const struct adapter_path *p)
{
    char detail[512];

    snprintf(detail, sizeof detail, "this is no %s body: %s (at %llu)", p->format,
             in->rejects->reason, (unsigned long long)in->rejects->at);
    refuse(s, r, p, 400, detail);
}

static void
judge(struct service *s, struct http_request *r, struct gather *in, const struct adapter_path *p,
      struct tl_str bytes)
{
    struct held h = {in->events_count, in->rejects_count, in->ignored, p};
    int kept = 0;

    if (in->events_count > SERVICE_EVENTS_MAX) {
        refuse(s, r, p, 413, "more than 500 events in one request; send them in parts");
        return;
    }
    if (in->rejects_count > 0)
        kept = keep_body(s, in, p, bytes);
    if (in->events_count == 0 && in->rejects_count > 0) {
        not_understood(s, r, in, p);
    } else if (in->events_count == 0) {
        fine(s, r, &h);
    } else if (kept != 0 || !spool_has_room(s->spool, in->events.len + 4 * in->events_count)) {
        no_room(s, r, p);
    } else {
        gather_keep(in, s->spool);
        hold(s, r, &h);
    }
}

/* The bytes for the decoder; those that were made are in `made`. */
static struct tl_str
bytes_of(struct http_request *r, const struct adapter_path *p, struct buf *made)
{
    struct tl_str body = {(const char *)r->body.ptr, r->body.len};
    struct buf lines = {0};

    if (!p->whole)
        return strcmp(p->method, "GET") == 0 ? (struct tl_str){r->query, strlen(r->query)} : body;
    http_header_lines(r, &lines);
    capture_write(made, r->method, r->target, (struct tl_str){(const char *)lines.ptr, lines.len},
                  body);
    must(!lines.failed && !made->failed);
    buf_free(&lines);
    return (struct tl_str){(const char *)made->ptr, made->len};
}

static void
decode(struct service *s, struct http_request *r, const struct adapter_path *p)
{
    const struct setup_input *input = setup_input(s->setup, p->format);
    struct buf made = {0};
    struct tl_str bytes = bytes_of(r, p, &made);
    char why[GATHER_WHY_BYTES] = "";
    struct gather in;

    must(input != NULL);
    /* The settings were tried at start. */
    must(gather_open(&in, input->format, &input->options, true, &s->counts, why) == 0);
    gather_feed(&in, bytes.ptr, bytes.len);
    gather_end(&in);
    judge(s, r, &in, p, bytes);
    gather_close(&in);
    buf_free(&made);
}

/* --------------------------------------------------------------- signatures */

static const char *
header(void *arg, const char *name)
{
    return http_header(arg, name);
}

/* What the sender was told to call: a proxy in between may have changed it.  A
 * setting without a path stands for every path. */
static void
put_url(struct buf *out, const struct setup_input *input, const struct http_request *r)
{
    const char *host = http_header(r, "Host"), *url = input->public_url, *path;

    if (url == NULL) {
        buf_printf(out, "http://%s%s", host != NULL ? host : "", r->target);
    } else {
        path = strstr(url, "://");
        path = strchr(path != NULL ? path + 3 : url, '/');
        if (path == NULL || path[1] == '\0')
            buf_printf(out, "%.*s%s", (int)(path != NULL ? path - url : (int)strlen(url)), url,
                       r->target);
        else
            buf_printf(out, "%s%s", url, r->target + strcspn(r->target, "?"));
    }
    buf_byte(out, '\0');
    must(!out->failed);
}

/* NULL: it may. */
static const char *
why_not_let_in(struct service *s, const struct http_request *r, const struct adapter_path *p)
{
    const struct setup_input *input = setup_input(s->setup, p->format);
    struct buf url = {0};
    struct signature_request signed_request = {
        .body = {(const char *)r->body.ptr, r->body.len},
        .header = header,
        .header_arg = (void *)(uintptr_t)r,
        .now = clock_now(),
    };
    enum signature signature;

    if (p->key == NULL || input->key == NULL)
        return NULL;
    put_url(&url, input, r);
    signed_request.url = (const char *)url.ptr;
    signature = signature_check(p->format, input->key, &signed_request);
    buf_free(&url);
    if (signature == SIGNATURE_OK)
        return NULL;
    count_add(&s->counts, 1, "touchline_signature_failures_total", "format", p->format, "why",
              signature == SIGNATURE_OLD ? "old" : "wrong", NULL);
    return signature == SIGNATURE_OLD ? "this was signed more than 300 seconds ago or ahead"
                                      : "the signature is missing or wrong";
}

void
serve_request(void *arg, struct http_request *r)
{
    struct service *s = arg;
    const struct adapter_path *p;
    const char *why;

    if (status_serve(s, r))
        return;
    if ((p = find(s, r)) == NULL) {
        no_such_path(s, r);
        return;
    }
    if (p->browser)
        set_cors(r);
    if ((why = why_not_let_in(s, r, p)) != NULL)
        refuse(s, r, p, 401, why);
    else
        decode(s, r, p);
}
