/* Events played through the channels' adapters, each in the words of the system
 * that would have seen it. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/input.h"
#include "tools/manager.h"
#include "tools/post.h"
#include "tools/print.h"
#include "tools/progress.h"
#include "tools/tell.h"
#include "tools/verb.h"

#define BODY_ELEMENTS_MAX 100
#define BODY_BYTES 262144       /* more than this is not added to */
#define SPEED_MAX 1000000000u
#define DRAINED_NS (120 * CLOCK_SECOND)
#define DRAINED_AGAIN_US 50000

/* An event in the order of time. */
struct moment {
    int64_t time;
    size_t line;                /* of those at the same time the first first */
    char *bytes;
    size_t len;
};

/* Who listens, and how a body of his begins, goes on and ends. */
struct listener {
    const char *name, *base, *path, *type;
    const char *open, *between, *close;
    struct buf body;
    size_t count;               /* of elements in it */
    uint64_t told;
};

enum { EMAIL, WEB, POS, CALL, LISTENERS };

struct play {
    struct verb_call *call;
    struct listener to[LISTENERS];
    const char *ami;
    uint64_t speed;             /* 0: as fast as it is taken */
    struct moment *moments;
    size_t count, room;
    struct post *post;
    struct manager manager;
    int64_t began;
    uint64_t coupons, unplayed;
    struct progress progress;
    char why[POST_WHY_BYTES];
};

static const struct listener listeners[LISTENERS] = {
    [EMAIL] = {"email", "http://127.0.0.1:7711", "/webhooks/sendgrid", "application/json", "[",
               ",", "]", {0}, 0, 0},
    [WEB] = {"web", "http://127.0.0.1:7710", "/v1/batch", "application/json", "{\"batch\":[", ",",
             "]}", {0}, 0, 0},
    [POS] = {"pos", "http://127.0.0.1:7713", "/poslog", "application/xml",
             "<POSLog xmlns=\"http://www.nrf-arts.org/IXRetail/namespace/\" "
             "xmlns:acs=\"http://www.ncr.com/rsd/acs/tlog/markup/poslog/2.1\">", "", "</POSLog>",
             {0}, 0, 0},
    [CALL] = {"call", "http://127.0.0.1:7712", NULL, NULL, NULL, NULL, NULL, {0}, 0, 0},
};

static int
failed(const char *why)
{
    fprintf(stderr, "touchline: %s\n", why);
    return VERB_AWAY;
}

static int
no_memory(const struct play *p)
{
    return verb_failed(p->call, TL_ENOMEM, (struct tl_str){0});
}

/* ----------------------------------------------------------------- reading */

static int
add_line(struct play *p, struct tl_str json, size_t line)
{
    struct moment m = {.line = line};
    struct tl_event *ev;
    char why[POST_WHY_BYTES];
    int err = tl_event_from_json(json, &m.bytes, &m.len, why, sizeof why);

    if (err > 0) {
        fprintf(stderr, "touchline: line %zu: %s\n", line, why);
        return VERB_USAGE;
    }
    if (err != 0 || tl_event_decode((struct tl_str){m.bytes, m.len}, &ev) != 0) {
        free(m.bytes);
        return no_memory(p);
    }
    m.time = ev->time;
    tl_event_free(&ev);
    if (p->count == p->room) {
        size_t room = p->room > 0 ? 2 * p->room : 1024;
        struct moment *more = realloc(p->moments, room * sizeof *more);

        if (more == NULL) {
            free(m.bytes);
            return no_memory(p);
        }
        p->moments = more;
        p->room = room;
    }
    p->moments[p->count++] = m;
    return 0;
}

static int
by_time(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static int
read_events(struct play *p, const char *path)
{
    size_t len, line = 0;
    char *text = input_load(path, &len);
    const char *at = text, *end = text + len;
    int code = 0;

    if (text == NULL)
        return verb_cannot(path);
    while (code == 0 && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = newline != NULL ? (size_t)(newline - at) : (size_t)(end - at);

        line++;
        if (bytes > 0)
            code = add_line(p, (struct tl_str){at, bytes}, line);
        at += bytes + (newline != NULL);
    }
    free(text);
    qsort(p->moments, p->count, sizeof *p->moments, by_time);
    return code;
}

/* ------------------------------------------------------------------ telling */

static int
flush(struct play *p, struct listener *l)
{
    int code = 0;

    if (l->count == 0)
        return 0;
    buf_text(&l->body, l->close);
    if (l->body.failed)
        return no_memory(p);
    if (post_send(p->post, l->base, l->path, l->type, &l->body, p->why) != 0)
        code = failed(p->why);
    buf_clear(&l->body);
    l->count = 0;
    return code;
}

static int
flush_all(struct play *p)
{
    int code = 0;

    for (size_t i = 0; code == 0 && i < LISTENERS; i++)
        code = flush(p, &p->to[i]);
    return code;
}

static int
tell(struct play *p, struct listener *l, void (*words)(struct buf *, const struct tl_event *),
     const struct tl_event *ev)
{
    buf_text(&l->body, l->count == 0 ? l->open : l->between);
    words(&l->body, ev);
    l->told++;
    l->count++;
    return l->count < BODY_ELEMENTS_MAX && l->body.len < BODY_BYTES ? 0 : flush(p, l);
}

static int
tell_manager(struct play *p, const struct tl_event *ev)
{
    struct listener *l = &p->to[CALL];

    buf_clear(&l->body);
    tell_agent(&l->body, ev);
    l->told++;
    if (l->body.failed)
        return no_memory(p);
    return manager_tell(&p->manager, &l->body) == 0 ? 0 : verb_cannot(p->ami);
}

/* He took it on the web site or on the telephone, in turn, and then used it. */
static int
tell_coupon_used(struct play *p, const struct tl_event *ev)
{
    int code = p->coupons++ % 2 == 0 ? tell(p, &p->to[WEB], tell_coupon, ev)
                                     : tell_manager(p, ev);

    return code != 0 ? code : tell(p, &p->to[POS], tell_receipt, ev);
}

static bool
is(struct tl_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

static int
tell_event(struct play *p, const struct tl_event *ev)
{
    bool offered = ev->offers_count > 0 && tell_card(ev).len > 0;

    if (offered && is(ev->type, "offer.made"))
        return tell(p, &p->to[EMAIL], tell_mailing, ev);
    if (offered && is(ev->type, "coupon.redeemed"))
        return tell_coupon_used(p, ev);
    if (ev->sale != NULL && (is(ev->type, "sale.completed") || is(ev->type, "sale.returned")))
        return tell(p, &p->to[POS], tell_receipt, ev);
    p->unplayed++;
    return 0;
}

/* What was before is told before the pause. */
static int
wait_for(struct play *p, int64_t time)
{
    int64_t due, now = clock_monotonic();
    int code;

    if (p->speed == 0)
        return 0;
    due = p->began + (time - p->moments[0].time) / (int64_t)p->speed;
    if (due <= now)
        return 0;
    if ((code = flush_all(p)) != 0)
        return code;
    for (; (now = clock_monotonic()) < due;)
        usleep((useconds_t)((due - now < CLOCK_SECOND ? due - now : CLOCK_SECOND / 2) / 1000));
    return 0;
}

static int
tell_all(struct play *p)
{
    int code = 0;

    p->began = clock_monotonic();
    progress_begin(&p->progress, "events");
    for (size_t i = 0; code == 0 && i < p->count; i++) {
        const struct moment *m = &p->moments[i];
        struct tl_event *ev;

        if ((code = wait_for(p, m->time)) != 0)
            break;
        if (tl_event_decode((struct tl_str){m->bytes, m->len}, &ev) != 0)
            return no_memory(p);
        code = tell_event(p, ev);
        tl_event_free(&ev);
        progress_at(&p->progress, i + 1, p->count, i + 1);
    }
    if (code == 0)
        code = flush_all(p);
    progress_end(&p->progress);
    return code;
}

/* ------------------------------------------------------------------ the end */

/* An adapter has given everything on when nothing is left in its spool. */
static int
await_drained(struct play *p, const struct listener *l)
{
    int64_t until = clock_monotonic() + DRAINED_NS;
    long long left = 1;

    while (clock_monotonic() < until) {
        if (post_metric(p->post, l->base, "touchline_spool_events", &left, p->why) != 0)
            return failed(p->why);
        if (left == 0)
            return 0;
        usleep(DRAINED_AGAIN_US);
    }
    snprintf(p->why, sizeof p->why, "%s: %lld events wait for its broker", l->base, left);
    return failed(p->why);
}

static int
end(struct play *p)
{
    int code = 0;

    if (manager_end(&p->manager) != 0)
        return verb_cannot(p->ami);
    for (size_t i = 0; code == 0 && i < LISTENERS; i++)
        code = await_drained(p, &p->to[i]);
    return code;
}

static void
summarise(const struct play *p)
{
    bool json = p->call->output == OUTPUT_JSON;

    printf(json ? "{\"read\":%zu" : "%zu events, told", p->count);
    for (size_t i = 0; i < LISTENERS; i++)
        printf(json ? ",\"%s\":%" PRIu64 : " %s %" PRIu64 ",", p->to[i].name, p->to[i].told);
    printf(json ? ",\"unplayed\":%" PRIu64 "}\n" : " unplayed %" PRIu64 "\n", p->unplayed);
}

/* -------------------------------------------------------------------- verb */

/* Who is away is told before the switch waits for a caller. */
static int
greet(struct play *p)
{
    long long left;

    for (size_t i = 0; i < LISTENERS; i++)
        if (post_metric(p->post, p->to[i].base, "touchline_spool_events", &left, p->why) != 0)
            return failed(p->why);
    return 0;
}

static int
meet_caller(struct play *p)
{
    if (manager_open(&p->manager, p->ami) != 0)
        return verb_cannot(p->ami);
    if (manager_login(&p->manager) == 0)
        return 0;
    if (errno != ETIMEDOUT)
        return verb_cannot(p->ami);
    snprintf(p->why, sizeof p->why, "nobody connects to %.200s: set touchline-call's "
             "[asterisk-ami] connect to it, or say another --ami", p->ami);
    return failed(p->why);
}

static int
run(struct play *p, const char *path)
{
    int code = read_events(p, path);

    if (code != 0 || p->count == 0)
        return code;
    if ((p->post = post_open()) == NULL)
        return no_memory(p);
    if ((code = greet(p)) != 0 || (code = meet_caller(p)) != 0)
        return code;
    if ((code = tell_all(p)) == 0)
        code = end(p);
    return code;
}

static void
release(struct play *p)
{
    post_close(&p->post);
    manager_close(&p->manager);
    for (size_t i = 0; i < p->count; i++)
        free(p->moments[i].bytes);
    free(p->moments);
    for (size_t i = 0; i < LISTENERS; i++)
        buf_free(&p->to[i].body);
}

int
verb_play(struct verb_call *call)
{
    struct play p = {.call = call, .ami = "127.0.0.1:5038", .manager = {-1, -1}};
    const struct verb_option options[] = {
        {"--email", VERB_TEXT, &p.to[EMAIL].base}, {"--web", VERB_TEXT, &p.to[WEB].base},
        {"--call", VERB_TEXT, &p.to[CALL].base},   {"--pos", VERB_TEXT, &p.to[POS].base},
        {"--ami", VERB_TEXT, &p.ami},              {"--speed", VERB_COUNT, &p.speed},
        {0},
    };
    int code;

    memcpy(p.to, listeners, sizeof p.to);
    if ((code = verb_options(call, options, 0, 1)) != 0)
        return code;
    if (p.speed > SPEED_MAX)
        return verb_misused(call, "--speed is at most %u times as fast as it happened", SPEED_MAX);
    for (size_t i = 0; i < LISTENERS; i++)
        if (strncmp(p.to[i].base, "http://", 7) != 0 && strncmp(p.to[i].base, "https://", 8) != 0)
            return verb_misused(call, "`%s' is no URL, such as http://127.0.0.1:7711",
                                p.to[i].base);
    code = run(&p, call->argc == 1 ? call->argv[0] : "-");
    release(&p);
    if (code == 0)
        summarise(&p);
    return code;
}
