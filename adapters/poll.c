#include "adapters/poll.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "adapters/gather.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/must.h"

#define TICK_MS 1000
#define PATH_BYTES 4096
#define TAG_BYTES 512
#define REDIRECTS_MAX 5

/* What the server said of the document: text without its line's end. */
struct validators {
    char etag[TAG_BYTES];
    char modified[TAG_BYTES];
};

struct page {
    char *url;
    struct validators known;
    int64_t due;                /* clock_monotonic */
};

struct poll {
    const struct setup_input *input;
    struct source_place place;
    uv_loop_t *loop;
    uv_timer_t tick;
    uv_work_t work;
    struct page *pages;
    size_t pages_count;

    /* Of the fetch that is under way or came in last; the pool's thread's own while
     * `busy`. */
    struct page *page;
    struct validators said;
    struct buf body;
    long status;
    char error[CURL_ERROR_SIZE];
    bool too_large;

    bool busy;
    bool decoded;               /* the gather holds what the page came to */
    bool in_commit;
    atomic_bool closing;
    struct gather gather;
};

/* ----------------------------------------------------------- in the pool's thread */

static size_t
take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct poll *p = arg;

    p->too_large = p->body.len + size * count > POLL_BODY_BYTES_MAX;
    if (p->too_large)
        return 0;
    buf_append(&p->body, bytes, size * count);
    return p->body.failed ? 0 : size * count;
}

static void
take_field(char out[TAG_BYTES], const char *line, size_t len, const char *name)
{
    size_t name_len = strlen(name);

    if (len <= name_len || len - name_len >= TAG_BYTES || strncasecmp(line, name, name_len) != 0)
        return;
    snprintf(out, TAG_BYTES, "%.*s", (int)(len - name_len), line + name_len);
    out[strcspn(out, "\r\n")] = '\0';
}

/* Of a redirect's fields the last answer's count. */
static size_t
take_header(char *line, size_t size, size_t count, void *arg)
{
    struct poll *p = arg;
    size_t len = size * count;

    if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
        p->said = (struct validators){.etag = ""};
    take_field(p->said.etag, line, len, "ETag: ");
    take_field(p->said.modified, line, len, "Last-Modified: ");
    return len;
}

/* Not 0 ends the fetch. */
static int
go_on(void *arg, curl_off_t to_get, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
    struct poll *p = arg;

    (void)to_get;
    (void)got;
    (void)to_send;
    (void)sent;
    return atomic_load(&p->closing);
}

static struct curl_slist *
conditions(const struct page *page)
{
    struct curl_slist *list = NULL;
    char line[TAG_BYTES + 32];

    if (page->known.etag[0] != '\0') {
        snprintf(line, sizeof line, "If-None-Match: %s", page->known.etag);
        list = curl_slist_append(list, line);
    }
    if (page->known.modified[0] != '\0') {
        snprintf(line, sizeof line, "If-Modified-Since: %s", page->known.modified);
        list = curl_slist_append(list, line);
    }
    return list;
}

static void
fetch(uv_work_t *work)
{
    struct poll *p = work->data;
    struct curl_slist *fields = conditions(p->page);
    CURL *curl = curl_easy_init();
    CURLcode result;

    must(curl != NULL);
    curl_easy_setopt(curl, CURLOPT_URL, p->page->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)POLL_FETCH_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "touchline/" TL_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, p->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, p);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, p);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, p);
    result = curl_easy_perform(curl);
    p->status = 0;
    if (result == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &p->status);
    else if (p->error[0] == '\0')
        snprintf(p->error, sizeof p->error, "%s", curl_easy_strerror(result));
    curl_easy_cleanup(curl);
    curl_slist_free_all(fields);
}

/* ---------------------------------------------------------------- positions */

/* One file for each page: its ETag, its Last-Modified, a line each. */
static void
position_path(const struct poll *p, const struct page *page, char path[PATH_BYTES],
              const char *suffix)
{
    snprintf(path, PATH_BYTES, "%s/positions/%s-%08x%s", p->place.data, p->input->format->name,
             crc32c(0, page->url, strlen(page->url)), suffix);
}

static void
load_validators(const struct poll *p, struct page *page)
{
    struct validators *v = &page->known;
    char path[PATH_BYTES];
    FILE *f;

    position_path(p, page, path, "");
    if ((f = fopen(path, "re")) == NULL)
        return;
    if (fgets(v->etag, sizeof v->etag, f) == NULL
        || fgets(v->modified, sizeof v->modified, f) == NULL)
        *v = (struct validators){.etag = ""};
    v->etag[strcspn(v->etag, "\n")] = '\0';
    v->modified[strcspn(v->modified, "\n")] = '\0';
    fclose(f);
}

/* Lost ones are no loss: what is fetched again is counted once. */
static void
save_validators(const struct poll *p, const struct page *page)
{
    char path[PATH_BYTES], temporary[PATH_BYTES];
    FILE *f;

    position_path(p, page, path, "");
    position_path(p, page, temporary, "~");
    if ((f = fopen(temporary, "we")) == NULL) {
        log_warn("poll", "%s: %s", temporary, strerror(errno));
        return;
    }
    fprintf(f, "%s\n%s\n", page->known.etag, page->known.modified);
    if (fclose(f) != 0 || rename(temporary, path) != 0)
        log_warn("poll", "%s: %s", path, strerror(errno));
}

/* --------------------------------------------------------------------- work */

static void
count(const struct poll *p, const char *result)
{
    count_add(p->place.counts, 1, "touchline_fetches_total", "format", p->input->format->name,
              "result", result, NULL);
}

static void
complain(const struct poll *p, const char *what)
{
    count(p, "failed");
    log_warn("poll", "format=%s %s: %s", p->input->format->name, p->page->url, what);
}

static void
decode(struct poll *p)
{
    char why[GATHER_WHY_BYTES] = "";

    /* The settings were tried at start. */
    must(gather_open(&p->gather, p->input->format, &p->input->options, true, p->place.counts, why)
         == 0);
    gather_feed(&p->gather, p->body.ptr, p->body.len);
    gather_end(&p->gather);
    p->decoded = true;
}

static void
fetched(uv_work_t *work, int status)
{
    struct poll *p = work->data;
    char what[64];

    (void)status;
    p->busy = false;
    if (atomic_load(&p->closing))
        return;
    if (p->status == 200) {
        count(p, "new");
        decode(p);
    } else if (p->status == 304) {
        count(p, "unchanged");
    } else if (p->too_large) {
        complain(p, "it is over 8 MiB");
    } else {
        snprintf(what, sizeof what, "it is answered with %ld", p->status);
        complain(p, p->status != 0 ? what : p->error);
    }
    buf_free(&p->body);
}

static void
start(struct poll *p, struct page *page)
{
    p->page = page;
    page->due = clock_monotonic() + p->input->interval_ms * CLOCK_MS;
    p->said = (struct validators){.etag = ""};
    p->error[0] = '\0';
    p->too_large = false;
    p->work.data = p;
    p->busy = uv_queue_work(p->loop, &p->work, fetch, fetched) == 0;
}

/* The one that has waited longest, so that each gets its turn. */
static void
tick(uv_timer_t *timer)
{
    struct poll *p = timer->data;
    struct page *next = NULL;

    if (p->busy || p->decoded)
        return;
    for (size_t i = 0; i < p->pages_count; i++)
        if (next == NULL || p->pages[i].due < next->due)
            next = &p->pages[i];
    if (next != NULL && next->due <= clock_monotonic())
        start(p, next);
}

void
poll_turn(struct poll *p)
{
    struct gather *g = &p->gather;

    if (!p->decoded || p->in_commit
        || !spool_has_room(p->place.spool, g->events.len + 4 * g->events_count))
        return;
    gather_keep(g, p->place.spool);
    p->in_commit = true;
}

void
poll_committed(struct poll *p, int code)
{
    if (!p->in_commit)
        return;
    p->in_commit = false;
    if (code != 0)
        return;
    if (p->gather.rejects_count > 0
        && gather_keep_rejects(&p->gather, p->place.letters, p->place.adapter, p->page->url) != 0)
        complain(p, "what was not understood cannot be kept as dead letters");
    gather_close(&p->gather);
    p->decoded = false;
    p->page->known = p->said;
    save_validators(p, p->page);
}

/* --------------------------------------------------------------------- poll */

static void
list_pages(struct poll *p)
{
    const char *at = p->input->urls;

    while (*(at += strspn(at, " \t")) != '\0') {
        size_t len = strcspn(at, " \t");
        struct page *page;

        must((p->pages = realloc(p->pages, (p->pages_count + 1) * sizeof *p->pages)) != NULL);
        page = &p->pages[p->pages_count++];
        *page = (struct page){.url = strndup(at, len)};
        must(page->url != NULL);
        load_validators(p, page);
        at += len;
    }
}

struct poll *
poll_open(uv_loop_t *loop, const struct setup_input *input, const struct source_place *place)
{
    struct poll *p = calloc(1, sizeof *p);
    char path[PATH_BYTES];

    must(p != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    p->input = input;
    p->place = *place;
    p->loop = loop;
    snprintf(path, sizeof path, "%s/positions", place->data);
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        log_warn("poll", "%s: %s", path, strerror(errno));
    list_pages(p);
    must(uv_timer_init(loop, &p->tick) == 0);
    p->tick.data = p;
    must(uv_timer_start(&p->tick, tick, 0, TICK_MS) == 0);
    return p;
}

static void
closed(uv_handle_t *handle)
{
    struct poll *p = handle->data;

    if (p->decoded)
        gather_close(&p->gather);
    buf_free(&p->body);
    for (size_t i = 0; i < p->pages_count; i++)
        free(p->pages[i].url);
    free(p->pages);
    free(p);
    curl_global_cleanup();
}

void
poll_close(struct poll **poll)
{
    struct poll *p = *poll;

    if (p == NULL)
        return;
    atomic_store(&p->closing, true);
    while (p->busy && uv_run(p->loop, UV_RUN_ONCE) != 0)
        continue;
    uv_close((uv_handle_t *)&p->tick, closed);
    *poll = NULL;
}
