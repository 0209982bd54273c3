/* How an adapter is: for supervisors, for Prometheus, and what it takes. */

#include <string.h>

#include "adapters/service.h"
#include "base/must.h"

/* An adapter that cannot keep one more event of the largest kind is not ready. */
#define ROOM_BYTES (64u << 10)

static bool
is_ready(struct service *s)
{
    return !s->full && spool_has_room(s->spool, ROOM_BYTES);
}

static void
serve_health(struct service *s, struct http_request *r)
{
    static const char body[] = "{\"status\":\"alive\"}\n";

    (void)s;
    http_answer(r, 200, "application/json", body, sizeof body - 1);
}

static void
serve_ready(struct service *s, struct http_request *r)
{
    struct buf body = {0};

    if (!is_ready(s)) {
        http_set_header(r, "Retry-After", "5");
        http_problem(r, 503, "the spool is full: the broker has to take events before more can "
                             "be kept");
        return;
    }
    buf_printf(&body, "{\"status\":\"ready\",\"broker\":\"%s\",\"waiting\":%llu}\n",
               atomic_load(&s->forwarded.connected) ? "there" : "away",
               (unsigned long long)spool_records(s->spool));
    must(!body.failed);
    http_answer(r, 200, "application/json", body.ptr, body.len);
    buf_free(&body);
}

static void
put(struct buf *out, const char *type, const char *name, uint64_t value)
{
    buf_printf(out, "# TYPE %s %s\n%s %llu\n", name, type, name, (unsigned long long)value);
}

static void
serve_metrics(struct service *s, struct http_request *r)
{
    struct buf body = {0};

    counts_write(&s->counts, &body);
    put(&body, "counter", "touchline_stored_total", atomic_load(&s->forwarded.stored));
    put(&body, "counter", "touchline_duplicates_total", atomic_load(&s->forwarded.duplicates));
    put(&body, "counter", "touchline_refused_total", atomic_load(&s->forwarded.refused));
    put(&body, "gauge", "touchline_broker_connected", atomic_load(&s->forwarded.connected));
    put(&body, "gauge", "touchline_spool_bytes", spool_bytes(s->spool));
    put(&body, "gauge", "touchline_spool_events", spool_records(s->spool));
    put(&body, "gauge", "touchline_dead_letters", letters_count(&s->letters));
    put(&body, "gauge", "touchline_connections", http_connections(s->http));
    must(!body.failed);
    http_answer(r, 200, "text/plain; version=0.0.4", body.ptr, body.len);
    buf_free(&body);
}

/* ------------------------------------------------------------------ OpenAPI */

static void
put_operation(struct buf *out, const struct adapter_path *p)
{
    const struct format *f = format_find(p->format);
    char method[16];
    size_t i = 0;

    for (; p->method[i] != '\0' && i < sizeof method - 1; i++)
        method[i] = (char)(p->method[i] | 0x20);
    method[i] = '\0';
    buf_printf(out, "\"%s\":{\"summary\":", method);
    http_json_text(out, f->what, strlen(f->what));
    buf_text(out, ",\"responses\":{\"200\":{\"description\":\"kept on disk\"},"
                  "\"default\":{\"description\":\"a problem\",\"content\":"
                  "{\"application/problem+json\":{}}}}}");
}

/* Paths with several methods stand together in the table. */
static void
put_paths(struct buf *out, const struct adapter_path *paths)
{
    const char *before = "";

    for (const struct adapter_path *p = paths; p->path != NULL; p++) {
        if (strcmp(before, p->path) == 0) {
            buf_byte(out, ',');
        } else {
            buf_text(out, before[0] != '\0' ? "}," : "");
            http_json_text(out, p->path, strlen(p->path));
            buf_text(out, ":{");
        }
        put_operation(out, p);
        before = p->path;
    }
    buf_text(out, before[0] != '\0' ? "}" : "");
}

static void
serve_openapi(struct service *s, struct http_request *r)
{
    struct buf body = {0};

    buf_printf(&body, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"%s\",\"version\":\"%s\"},"
               "\"paths\":{", s->adapter->program, TL_VERSION);
    put_paths(&body, s->adapter->paths);
    buf_text(&body, "}}\n");
    must(!body.failed);
    http_answer(r, 200, "application/json", body.ptr, body.len);
    buf_free(&body);
}

bool
status_serve(struct service *s, struct http_request *r)
{
    static const struct {
        const char *path;
        void (*serve)(struct service *s, struct http_request *r);
    } pages[] = {
        {"/healthz", serve_health},
        {"/readyz", serve_ready},
        {"/metrics", serve_metrics},
        {"/openapi.json", serve_openapi},
    };

    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(r->path, pages[i].path) != 0)
            continue;
        if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0) {
            pages[i].serve(s, r);
        } else {
            http_set_header(r, "Allow", "GET");
            http_problem(r, 405, "this path does not take that method");
        }
        return true;
    }
    return false;
}
