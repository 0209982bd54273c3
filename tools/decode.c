#include "tools/decode.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/formats.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/must.h"
#include "tools/input.h"
#include "tools/verb.h"

#define DECODE_NS (CLOCK_SECOND / 2)
#define TABLE_BYTES (1u << 20)
#define PATH_BYTES 1024
#define WHY_BYTES 512
#define BODIES "*.{json,form,http,http.gz,eml,xml,xml.gz,log.gz,jsonld,ndjson,txt,csv}"

/* Where a format's bodies are, when not in a folder of its name; `.jsonl` is what was
 * expected of them. */
static const struct place {
    const char *format;
    const char *pattern;
    const char *map;            /* the table is read by it */
} places[] = {
    {"asterisk-ami", "asterisk/*ami*.{txt,txt.gz}", NULL},
    {"asterisk-queue-log", "asterisk/*queue_log", NULL},
    {"asterisk-cdr", "asterisk/*cdr*.csv", NULL},
    {"asterisk-cel", "asterisk/*cel*.{csv,csv.gz}", NULL},
    {"csv", "completejourney/coupon_redemptions.csv",
     "../../adapters/csv/maps/completejourney-redemptions.map"},
    {"dsn", "dsn/{,*/}*.eml", NULL},
};

struct bodies {
    const struct format *format;
    struct format_options options;
    struct buf *all;
    size_t count;
    char *map_text;
    uint64_t events, bytes;     /* of what was decoded so far */
};

static void
on_event(void *arg, const struct tl_event *ev)
{
    struct bodies *b = arg;

    (void)ev;
    b->events++;
}

static void
on_reject(void *arg, struct tl_str record, uint64_t at, const char *reason)
{
    (void)arg, (void)record, (void)at, (void)reason;
}

static void
on_ignored(void *arg, const char *name)
{
    (void)arg, (void)name;
}

/* -------------------------------------------------------------------- load */

static void
unload(struct bodies *b)
{
    for (size_t i = 0; i < b->count; i++)
        buf_free(&b->all[i]);
    free(b->all);
    free(b->map_text);
}

static int
load_map(struct bodies *b, const char *dir, const char *name)
{
    char path[PATH_BYTES];
    size_t len;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if ((b->map_text = input_load(path, &len)) == NULL)
        return verb_cannot(path);
    b->options.map_text = b->map_text;
    b->options.map_name = b->format->name;
    return 0;
}

/* The rows again and again under one header. */
static void
repeat_rows(struct buf *table)
{
    const char *header = memchr(table->ptr, '\n', table->len);
    struct buf rows = {0};

    if (header == NULL)
        return;
    header++;
    buf_append(&rows, header, table->len - (size_t)(header - (const char *)table->ptr));
    while (rows.len > 0 && table->len < TABLE_BYTES)
        buf_append(table, rows.ptr, rows.len);
    must(!rows.failed && !table->failed);
    buf_free(&rows);
}

static int
load_file(struct bodies *b, const char *path)
{
    struct buf *body = &b->all[b->count];
    size_t len;
    char *text = input_load(path, &len);

    if (text == NULL)
        return verb_cannot(path);
    buf_append(body, text, len);
    must(!body->failed);
    free(text);
    b->count++;
    return 0;
}

static int
load(struct bodies *b, const char *dir)
{
    const struct place *place = NULL;
    char pattern[PATH_BYTES];
    glob_t found;
    int err = 0;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strcmp(places[i].format, b->format->name) == 0)
            place = &places[i];
    if (place != NULL)
        snprintf(pattern, sizeof pattern, "%s/%s", dir, place->pattern);
    else
        snprintf(pattern, sizeof pattern, "%s/%s/" BODIES, dir, b->format->name);
    if (glob(pattern, GLOB_BRACE, NULL, &found) != 0) {
        fprintf(stderr, "touchline: no bodies of %s: %s\n", b->format->name, pattern);
        return VERB_USAGE;
    }
    must((b->all = calloc(found.gl_pathc, sizeof *b->all)) != NULL);
    for (size_t i = 0; err == 0 && i < found.gl_pathc; i++)
        err = load_file(b, found.gl_pathv[i]);
    globfree(&found);
    if (err == 0 && place != NULL && place->map != NULL) {
        repeat_rows(&b->all[0]);
        err = load_map(b, dir, place->map);
    }
    return err;
}

/* ----------------------------------------------------------------- measure */

static int64_t
cpu_now(void)
{
    struct timespec t;

    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return t.tv_sec * CLOCK_SECOND + t.tv_nsec;
}

static int
decode(struct bodies *b, const struct buf *body)
{
    struct format_sink sink = {on_event, on_reject, on_ignored, b};
    struct decoder *decoder;
    char why[WHY_BYTES];

    if (b->format->open(&decoder, &b->options, &sink, why) != 0) {
        fprintf(stderr, "touchline: %s: %s\n", b->format->name, why);
        return VERB_USAGE;
    }
    b->format->feed(decoder, body->ptr, body->len);
    b->format->end(decoder);
    b->format->close(&decoder);
    b->bytes += body->len;
    return 0;
}

static int
decode_all(struct bodies *b)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < b->count; i++)
        err = decode(b, &b->all[i]);
    return err;
}

/* Of a ping, or a booking, comes no event, and no figure either. */
static int
choose(struct bodies *b)
{
    size_t chosen = 0;
    int err = 0;

    for (size_t i = 0; err == 0 && i < b->count; i++) {
        uint64_t before = b->events;
        struct buf body = b->all[i];

        err = decode(b, &body);
        b->all[i] = b->all[chosen];
        b->all[chosen] = body;
        chosen += b->events > before;
    }
    while (b->count > chosen)
        buf_free(&b->all[--b->count]);
    return err;
}

static void
add_row(struct decode_rows *out, const struct bodies *b, int64_t ns, double done,
        const char *behind, const char *unit)
{
    struct row *row = &out->rows[out->count];

    must(out->count < DECODE_ROWS_MAX);
    row->name = out->names[out->count];
    snprintf(out->names[out->count++], DECODE_NAME_BYTES, "decode_%s%s", b->format->name, behind);
    row->unit = unit;
    row->client_cpu_s = (double)ns / 1e9;
    row->value = done / row->client_cpu_s;
}

static int
measure(struct decode_rows *out, struct bodies *b)
{
    int64_t began, ns = 0;
    int err;

    if ((err = choose(b)) != 0)
        return err;
    if (b->events == 0) {
        fprintf(stderr, "touchline: not one event came of the bodies of %s\n", b->format->name);
        return VERB_USAGE;
    }
    b->events = b->bytes = 0;
    for (began = cpu_now(); err == 0 && ns < DECODE_NS; ns = cpu_now() - began)
        err = decode_all(b);
    if (err != 0)
        return err;
    add_row(out, b, ns, (double)b->events, "", "events/s");
    add_row(out, b, ns, (double)b->bytes / 1e6, "_bytes", "MB/s");
    return 0;
}

static bool
is_named(const struct format *f, char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], f->name) == 0)
            return true;
    return count == 0;
}

int
decode_measure(struct decode_rows *out, const char *dir, char *const *names, size_t count)
{
    int err = 0;

    out->count = 0;
    for (size_t i = 0; i < count; i++)
        if (format_find(names[i]) == NULL) {
            fprintf(stderr, "touchline: no format %s; `touchline formats` lists them\n", names[i]);
            return VERB_USAGE;
        }
    for (const struct format *f = formats; err == 0 && f->name != NULL; f++) {
        struct bodies b = {.format = f, .options = {.region = "US", .written = clock_now()}};

        if (!is_named(f, names, count))
            continue;
        if ((err = load(&b, dir)) == 0)
            err = measure(out, &b);
        unload(&b);
    }
    return err;
}
