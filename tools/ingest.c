/* What a channel's own system wrote, through the decoder its adapter uses. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/formats.h"
#include "base/clock.h"
#include "tools/input.h"
#include "tools/outlet.h"
#include "tools/print.h"
#include "tools/progress.h"

#define READ_BYTES 65536
#define REFUSALS_TOLD 10
#define IGNORED_NAMES 32
#define REPORTER_BYTES 40
#define TABLES_MAX 16
#define WHY_BYTES 512

/* A joined table, loaded when a decoder asks for it. */
struct table {
    char *text;
    size_t len;
};

struct ingest {
    struct verb_call *call;
    const struct format *format;
    struct format_options options;
    const char *map_path, *rejects_path;
    char *map_text, map_name[128];
    bool dry_run;

    struct outlet outlet;
    FILE *rejects;
    const char *path;           /* of the file being read */
    struct table tables[TABLES_MAX];
    size_t tables_count;
    struct progress progress;
    struct input input;

    uint64_t read, published, duplicates, refused, rejected;
    struct {
        char name[64];
        uint64_t count;
    } ignored[IGNORED_NAMES];   /* the last: all others */
    uint64_t damaged;           /* files that ended before their time */
    int err;                    /* stops everything */
};

/* An event until it is answered, to say which one was refused. */
struct sent {
    size_t len;
    char *bytes;
};

/* ------------------------------------------------------------------- aside */

static void
put_aside(struct ingest *in, uint64_t at, const char *reason, struct tl_str record)
{
    struct buf line = {0};

    if (in->rejects == NULL)
        return;
    buf_printf(&line, "{\"at\":%llu,\"reason\":", (unsigned long long)at);
    print_json_text(&line, (struct tl_str){reason, strlen(reason)});
    buf_text(&line, ",\"record\":");
    print_json_text(&line, record);
    buf_text(&line, ",\"file\":");
    print_json_text(&line, (struct tl_str){in->path, strlen(in->path)});
    buf_text(&line, "}\n");
    if (line.failed)
        in->err = TL_ENOMEM;
    else if (fwrite(line.ptr, 1, line.len, in->rejects) != line.len)
        in->err = TL_EIO;
    buf_free(&line);
}

static void
on_reject(void *arg, struct tl_str record, uint64_t at, const char *reason)
{
    struct ingest *in = arg;

    in->read++;
    in->rejected++;
    put_aside(in, at, reason, record);
    if (in->rejects == NULL && in->rejected <= REFUSALS_TOLD)
        fprintf(stderr, "touchline: %s at %llu: %s\n", in->path, (unsigned long long)at, reason);
}

static void
on_ignored(void *arg, const char *name)
{
    struct ingest *in = arg;
    size_t i = 0;

    while (i < IGNORED_NAMES - 1 && in->ignored[i].count > 0
           && strcmp(in->ignored[i].name, name) != 0)
        i++;
    if (in->ignored[i].count++ == 0)
        snprintf(in->ignored[i].name, sizeof in->ignored[i].name, "%s",
                 i < IGNORED_NAMES - 1 ? name : "others");
}

static void
refuse(struct ingest *in, const struct sent *s, int code, struct tl_str detail)
{
    char reason[WHY_BYTES], *json = NULL;
    struct tl_event *ev = NULL;
    struct tl_str bytes = {s->bytes, s->len};

    in->refused++;
    snprintf(reason, sizeof reason, "%s: %.*s", tl_code_name(code), (int)detail.len,
             detail.len > 0 ? detail.ptr : "");
    if (in->rejects != NULL && tl_event_to_json(bytes, &json) == 0)
        put_aside(in, 0, reason, (struct tl_str){json, strlen(json)});
    else if (in->refused <= REFUSALS_TOLD && tl_event_decode(bytes, &ev) == 0)
        fprintf(stderr, "touchline: event %.*s of %.*s: %s\n", (int)ev->id.len, ev->id.ptr,
                (int)ev->source.len, ev->source.ptr, reason);
    tl_event_free(&ev);
    free(json);
}

/* ------------------------------------------------------------------ events */

static void
forget(struct sent *s)
{
    if (s != NULL)
        free(s->bytes);
    free(s);
}

static void
on_answer(void *arg, const struct tl_answer *a)
{
    struct ingest *in = arg;
    struct sent *s = (struct sent *)(uintptr_t)a->tag;

    if (a->code != TL_ECLOSED)
        outlet_heard(&in->outlet);
    if (a->code == 0)
        *(a->duplicate ? &in->duplicates : &in->published) += 1;
    else if (a->code != TL_ECLOSED)
        refuse(in, s, a->code, a->detail);
    forget(s);
}

static void
publish(struct ingest *in, struct sent *s)
{
    struct tl_str bytes = {s->bytes, s->len};
    int err = outlet_publish(&in->outlet, bytes, (uint64_t)(uintptr_t)s);

    if (err == 0)
        return;
    if (err > 0) {
        const char *sentence = tl_code_sentence(err);

        refuse(in, s, err, (struct tl_str){sentence, strlen(sentence)});
    } else {
        in->err = err;
    }
    forget(s);
}

static void
print_event(struct ingest *in, struct sent *s)
{
    char *json;

    if ((in->err = tl_event_to_json((struct tl_str){s->bytes, s->len}, &json)) == 0
        && puts(json) < 0)
        in->err = TL_EIO;
    free(json);
    forget(s);
}

static void
on_event(void *arg, const struct tl_event *ev)
{
    struct ingest *in = arg;
    struct sent *s;

    if (in->err != 0)
        return;
    in->read++;
    if ((s = calloc(1, sizeof *s)) == NULL || tl_event_encode(ev, &s->bytes, &s->len) != 0) {
        forget(s);
        in->err = TL_ENOMEM;
        return;
    }
    if (in->dry_run)
        print_event(in, s);
    else
        publish(in, s);
    progress_at(&in->progress, input_done(&in->input), in->input.size, in->read);
}

/* ------------------------------------------------------------------ tables */

/* Tries the name beside the input, as it is, as CSV, and compressed. */
static char *
load_beside(const struct ingest *in, const char *name, size_t *len)
{
    static const char *const endings[] = {"", ".gz", ".csv", ".csv.gz"};
    const char *slash = strrchr(in->path, '/');
    int dir = slash != NULL ? (int)(slash - in->path) + 1 : 0;
    char path[4096], *text;

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (snprintf(path, sizeof path, "%.*s%s%s", dir, in->path, name, endings[i])
            >= (int)sizeof path)
            return NULL;
        if ((text = input_load(path, len)) != NULL)
            return text;
        if (errno != ENOENT)
            (void)verb_cannot(path);
    }
    return NULL;
}

static const char *
on_table(void *arg, const char *name, size_t *len)
{
    struct ingest *in = arg;
    struct table *t;

    if (in->tables_count == TABLES_MAX)
        return NULL;
    t = &in->tables[in->tables_count];
    if ((t->text = load_beside(in, name, &t->len)) == NULL)
        return NULL;
    in->tables_count++;
    *len = t->len;
    return t->text;
}

static void
drop_tables(struct ingest *in)
{
    while (in->tables_count > 0)
        free(in->tables[--in->tables_count].text);
}

/* ------------------------------------------------------------------- files */

static void
feed(struct ingest *in, struct decoder *decoder)
{
    static char bytes[READ_BYTES];
    const char *why;
    ssize_t got;

    while (in->err == 0 && (got = input_read(&in->input, bytes, sizeof bytes, &why)) != 0) {
        if (got < 0) {
            fprintf(stderr, "touchline: %s: %s\n", in->path, why);
            in->damaged++;
            return;
        }
        in->format->feed(decoder, bytes, (size_t)got);
    }
    if (in->err == 0)
        in->format->end(decoder);
}

/* What comes through a pipe is written now. */
static int64_t
written_at(const char *path)
{
    struct stat st;

    if (strcmp(path, "-") == 0 || stat(path, &st) != 0)
        return clock_now();
    return st.st_mtim.tv_sec * CLOCK_SECOND + st.st_mtim.tv_nsec;
}

static int
ingest_file(struct ingest *in, const char *path)
{
    struct format_sink sink = {on_event, on_reject, on_ignored, in};
    struct decoder *decoder;
    char why[WHY_BYTES] = "";

    in->path = path;
    if (input_open(&in->input, path) != 0)
        return verb_cannot(path);
    in->options.written = written_at(path);
    if (in->format->open(&decoder, &in->options, &sink, why) != 0) {
        input_close(&in->input);
        drop_tables(in);
        fprintf(stderr, "touchline: %s\n", why);
        return VERB_USAGE;
    }
    feed(in, decoder);
    in->format->close(&decoder);
    drop_tables(in);
    input_close(&in->input);
    return 0;
}

static int
visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* One file is one body, in the order of their names. */
static int
ingest_dir(struct ingest *in, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, visible, alphasort), code = 0;

    if (count < 0)
        return verb_cannot(path);
    for (int i = 0; i < count; i++) {
        char file[4096];
        struct stat st;

        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (code == 0 && in->err == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
            code = ingest_file(in, file);
        free(entries[i]);
    }
    free(entries);
    return code;
}

static int
ingest_path(struct ingest *in, const char *path)
{
    struct stat st;

    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return ingest_dir(in, path);
    return ingest_file(in, path);
}

/* ----------------------------------------------------------------- summary */

static void
tell_ignored(const struct ingest *in)
{
    for (size_t i = 0; i < IGNORED_NAMES && in->ignored[i].count > 0; i++)
        fprintf(stderr, "%s%s %llu", i == 0 ? "of no interest to a timeline: " : ", ",
                in->ignored[i].name, (unsigned long long)in->ignored[i].count);
    if (in->ignored[0].count > 0)
        fputc('\n', stderr);
}

/* The broker counts it too, for `touchline stat`; the events are safe whatever it says. */
static void
report_ignored(struct ingest *in)
{
    const char *name = in->options.map_name != NULL ? in->options.map_name : in->format->name;
    const char *source = in->options.source != NULL ? in->options.source : name;
    struct tl_ignored sums[IGNORED_NAMES];
    char reporter[REPORTER_BYTES];
    size_t count = 0;
    int err;

    for (; count < IGNORED_NAMES && in->ignored[count].count > 0; count++)
        sums[count] = (struct tl_ignored){
            {source, strlen(source)},
            {in->ignored[count].name, strlen(in->ignored[count].name)},
            in->ignored[count].count};
    if (count == 0)
        return;
    snprintf(reporter, sizeof reporter, "ingest-%08x%08x%08x", arc4random(), arc4random(),
             arc4random());
    if ((err = tl_report(in->outlet.client, reporter, 1, sums, count)) != 0)
        fprintf(stderr, "touchline: what was ignored is not counted by the broker: %s\n",
                tl_code_sentence(err));
}

static void
summarise(const struct ingest *in)
{
    const unsigned long long counts[] = {in->read, in->published, in->duplicates, in->refused,
                                         in->rejected};
    FILE *out = in->dry_run ? stderr : stdout;

    if (in->call->output == OUTPUT_JSON) {
        fprintf(out,
                "{\"read\":%llu,\"published\":%llu,\"duplicates\":%llu,\"refused\":%llu,"
                "\"rejected\":%llu}\n",
                counts[0], counts[1], counts[2], counts[3], counts[4]);
        return;
    }
    tell_ignored(in);
    fprintf(out,
            "%llu read, %llu published, %llu duplicates, %llu refused, %llu rejected\n",
            counts[0], counts[1], counts[2], counts[3], counts[4]);
}

/* -------------------------------------------------------------------- verb */

static int
load_map(struct ingest *in)
{
    const char *slash;
    size_t len;

    if (in->map_path == NULL)
        return in->format->needs_map ? verb_misused(in->call, "format %s wants a --map FILE",
                                                    in->format->name)
                                     : 0;
    if ((in->map_text = input_load(in->map_path, &len)) == NULL)
        return verb_cannot(in->map_path);
    slash = strrchr(in->map_path, '/');
    snprintf(in->map_name, sizeof in->map_name, "%s", slash != NULL ? slash + 1 : in->map_path);
    if (strlen(in->map_name) > 4 && strcmp(in->map_name + strlen(in->map_name) - 4, ".map") == 0)
        in->map_name[strlen(in->map_name) - 4] = '\0';
    in->options.map_text = in->map_text;
    in->options.map_name = in->map_name;
    in->options.table = on_table;
    in->options.table_arg = in;
    return 0;
}

static int
run(struct ingest *in, const char *path)
{
    int code;

    if (in->rejects_path != NULL && (in->rejects = fopen(in->rejects_path, "we")) == NULL)
        return verb_cannot(in->rejects_path);
    if (!in->dry_run && (code = outlet_open(&in->outlet, in->call, on_answer, in)) != 0)
        return code;
    progress_begin(&in->progress, "events");
    code = ingest_path(in, path);
    if (in->err == 0 && !in->dry_run)
        in->err = outlet_flush(&in->outlet);
    if (in->err == 0 && !in->dry_run)
        report_ignored(in);
    progress_end(&in->progress);
    return code;
}

static int
finish(struct ingest *in, int code)
{
    tl_close(&in->outlet.client);
    free(in->map_text);
    if (in->rejects != NULL && fclose(in->rejects) != 0 && in->err == 0)
        in->err = TL_EIO;
    if (in->err != 0)
        return verb_failed(in->call, in->err, (struct tl_str){0});
    if (code != 0)
        return code;
    summarise(in);
    return in->refused + in->rejected + in->damaged > 0 ? VERB_PARTLY : VERB_FINE;
}

int
verb_ingest(struct verb_call *call)
{
    struct ingest in = {.call = call};
    char why[FORMAT_WHY_BYTES];
    const char *format = NULL;
    const struct verb_option options[] = {
        {"--format", VERB_TEXT, &format},
        {"--map", VERB_TEXT, &in.map_path},
        {"--dry-run", VERB_FLAG, &in.dry_run},
        {"--source", VERB_TEXT, &in.options.source},
        {"--default-region", VERB_TEXT, &in.options.region},
        {"--timezone", VERB_TEXT, &in.options.timezone},
        {"--rejects", VERB_TEXT, &in.rejects_path},
        {0},
    };
    int code;

    if ((code = verb_options(call, options, 0, 1)) != 0)
        return code;
    if (format == NULL)
        return verb_misused(call, "--format NAME is missing; `touchline formats' lists them");
    if ((in.format = format_find(format)) == NULL)
        return verb_misused(call, "unknown format `%s'; `touchline formats' lists them", format);
    if (format_options_check(&in.options, why) != 0)
        return verb_misused(call, "%s", why);
    if ((code = load_map(&in)) == 0)
        code = run(&in, call->argc == 1 ? call->argv[0] : "-");
    return finish(&in, code);
}
