#include "adapters/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/gather.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"

#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 30000
#define KEEPALIVE_S 30
#define PIECE_BYTES (64u << 10)
#define HEARD_BYTES_MAX (1u << 20)      /* waiting for the spool; then we stop reading */
#define FIRST_WORDS_BYTES 256

struct dial {
    const struct setup_input *input;
    struct source_place place;
    uv_loop_t *loop;
    uv_getaddrinfo_t lookup;
    uv_connect_t connecting;
    uv_write_t writing;
    uv_timer_t pause;
    uv_tcp_t *tcp;                      /* NULL: no connection */
    bool busy;                          /* with lookup or connecting */
    bool reading;
    bool closing;
    uint64_t pause_ms;
    char host[256], port[16];
    struct buf login;
    char first_words[FIRST_WORDS_BYTES];    /* of a connection, to see a login fail */
    size_t first_len;
    struct gather gather;
    bool in_commit;
    char piece[PIECE_BYTES];
};

static void begin(struct dial *d);

/* ---------------------------------------------------------------- connection */

static void
free_tcp(uv_handle_t *handle)
{
    free(handle);
}

static void
paused(uv_timer_t *timer)
{
    begin(timer->data);
}

static void
try_later(struct dial *d, const char *what)
{
    if (d->closing)
        return;
    log_warn("dial", "format=%s %s: %s; trying again in %llu ms", d->input->format->name,
             d->input->connect, what, (unsigned long long)d->pause_ms);
    uv_timer_start(&d->pause, paused, d->pause_ms, 0);
    d->pause_ms = 2 * d->pause_ms < PAUSE_MAX_MS ? 2 * d->pause_ms : PAUSE_MAX_MS;
}

static void
hang_up(struct dial *d)
{
    if (d->tcp != NULL)
        uv_close((uv_handle_t *)d->tcp, free_tcp);
    d->tcp = NULL;
    d->reading = false;
}

static void
lost(struct dial *d, const char *what)
{
    hang_up(d);
    if (!d->input->stream->frames)
        gather_feed(&d->gather, "\n\n", 2);
    try_later(d, what);
}

/* The secret was given back with an error more often than a system moved away. */
static const char *
why_ended(struct dial *d, ssize_t status)
{
    d->first_words[d->first_len] = '\0';
    if (d->input->stream->refused != NULL
        && strstr(d->first_words, d->input->stream->refused) != NULL)
        return "it does not let us in: see username and secret_file";
    return uv_strerror((int)status);
}

static void
give_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct dial *d = handle->data;

    (void)wanted;
    *out = uv_buf_init(d->piece, sizeof d->piece);
}

static void
stop_reading(struct dial *d)
{
    if (d->reading)
        uv_read_stop((uv_stream_t *)d->tcp);
    d->reading = false;
}

static void
note_first_words(struct dial *d, const char *bytes, size_t len)
{
    size_t room = FIRST_WORDS_BYTES - 1 - d->first_len;

    if (len > room)
        len = room;
    memcpy(d->first_words + d->first_len, bytes, len);
    d->first_len += len;
}

static void
heard(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct dial *d = stream->data;

    if (got < 0) {
        lost(d, why_ended(d, got));
        return;
    }
    note_first_words(d, bytes->base, (size_t)got);
    if (d->first_len == FIRST_WORDS_BYTES - 1)
        d->pause_ms = PAUSE_FIRST_MS;
    gather_feed(&d->gather, bytes->base, (size_t)got);
    if (d->gather.events.len > HEARD_BYTES_MAX)
        stop_reading(d);
}

static void
wrote(uv_write_t *write, int status)
{
    struct dial *d = write->data;

    if (status < 0 && status != UV_ECANCELED && d->tcp != NULL)
        lost(d, uv_strerror(status));
}

static void
start_reading(struct dial *d)
{
    d->reading = uv_read_start((uv_stream_t *)d->tcp, give_room, heard) == 0;
}

static void
connected(uv_connect_t *connecting, int status)
{
    struct dial *d = connecting->data;
    uv_buf_t login = uv_buf_init((char *)d->login.ptr, (unsigned)d->login.len);

    d->busy = false;
    if (d->closing || d->tcp == NULL)
        return;
    if (status < 0) {
        hang_up(d);
        try_later(d, uv_strerror(status));
        return;
    }
    uv_tcp_keepalive(d->tcp, 1, KEEPALIVE_S);
    log_info("dial", "connected format=%s to=%s", d->input->format->name, d->input->connect);
    d->first_len = 0;
    if (d->input->stream->frames)
        gather_restart(&d->gather);    /* the rest of a record that was cut off never comes */
    d->writing.data = d;
    start_reading(d);
    if (uv_write(&d->writing, (uv_stream_t *)d->tcp, &login, 1, wrote) != 0)
        lost(d, "cannot log in");
}

static void
found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *address)
{
    struct dial *d = lookup->data;

    d->busy = false;
    if (status == 0 && !d->closing) {
        must((d->tcp = calloc(1, sizeof *d->tcp)) != NULL && uv_tcp_init(d->loop, d->tcp) == 0);
        d->tcp->data = d;
        d->connecting.data = d;
        status = uv_tcp_connect(&d->connecting, d->tcp, address->ai_addr, connected);
        d->busy = status == 0;
        if (status != 0)
            hang_up(d);
    }
    uv_freeaddrinfo(address);
    if (status != 0)
        try_later(d, uv_strerror(status));
}

static void
begin(struct dial *d)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int err;

    d->lookup.data = d;
    err = uv_getaddrinfo(d->loop, &d->lookup, found, d->host, d->port, &hints);
    d->busy = err == 0;
    if (err != 0)
        try_later(d, uv_strerror(err));
}

/* ---------------------------------------------------------------------- dial */

/* The table's words with %U for the name and %S for the secret. */
static void
put_login(struct buf *out, const struct setup_input *input)
{
    for (const char *p = input->stream->login; *p != '\0'; p++) {
        if (p[0] == '%' && (p[1] == 'U' || p[1] == 'S')) {
            const char *word = p[1] == 'U' ? input->username : input->secret;

            buf_text(out, word != NULL ? word : "");
            p++;
        } else {
            buf_byte(out, (unsigned char)*p);
        }
    }
    must(!out->failed);
}

struct dial *
dial_open(uv_loop_t *loop, const struct setup_input *input, const struct source_place *place)
{
    struct dial *d = calloc(1, sizeof *d);
    const char *colon = strrchr(input->connect, ':');
    char why[GATHER_WHY_BYTES] = "";

    must(d != NULL && colon != NULL);
    d->input = input;
    d->place = *place;
    d->loop = loop;
    d->pause_ms = PAUSE_FIRST_MS;
    snprintf(d->host, sizeof d->host, "%.*s", (int)(colon - input->connect), input->connect);
    snprintf(d->port, sizeof d->port, "%s", colon + 1);
    put_login(&d->login, input);
    /* The settings were tried at start. */
    must(gather_open(&d->gather, d->input->format, &d->input->options, true, d->place.counts, why)
         == 0);
    must(uv_timer_init(loop, &d->pause) == 0);
    d->pause.data = d;
    begin(d);
    return d;
}

void
dial_turn(struct dial *d)
{
    struct gather *g = &d->gather;

    if (d->in_commit || (g->events_count == 0 && g->rejects_count == 0))
        return;
    if (!spool_has_room(d->place.spool, g->events.len + 4 * g->events_count)) {
        if (d->tcp != NULL && g->events.len > HEARD_BYTES_MAX / 2)
            stop_reading(d);
        return;
    }
    gather_keep(g, d->place.spool);
    d->in_commit = true;
}

void
dial_committed(struct dial *d, int code)
{
    struct gather *g = &d->gather;

    if (!d->in_commit)
        return;
    d->in_commit = false;
    if (code != 0)
        return;
    if (g->rejects_count > 0
        && gather_keep_rejects(g, d->place.letters, d->place.adapter, d->input->connect) != 0)
        log_warn("dial", "format=%s what was not understood cannot be kept as dead letters",
                 d->input->format->name);
    gather_forget(g);
    if (d->tcp != NULL && !d->reading && !d->busy)
        start_reading(d);
}

static void
closed(uv_handle_t *handle)
{
    struct dial *d = handle->data;

    gather_close(&d->gather);
    buf_free(&d->login);
    free(d);
}

/* A look-up that is under way ends before the loop does, and finds us closing:
 * uv_run goes on until it has. */
void
dial_close(struct dial **dial)
{
    struct dial *d = *dial;

    if (d == NULL)
        return;
    d->closing = true;
    if (d->busy)
        uv_cancel((uv_req_t *)&d->lookup);
    hang_up(d);
    while (d->busy && uv_run(d->loop, UV_RUN_ONCE) != 0)
        continue;
    uv_close((uv_handle_t *)&d->pause, closed);
    *dial = NULL;
}
