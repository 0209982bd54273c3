/* Dead letters of an adapter: what came and could not be understood, or was
 * refused by the bus. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/formats.h"
#include "adapters/letter.h"
#include "base/clock.h"
#include "tools/outlet.h"
#include "tools/print.h"
#include "tools/verb.h"

#define NAMES_MAX LETTERS_MAX
#define WHY_BYTES 512

struct letterbox {
    struct verb_call *call;
    int dir;
    char **names;
    int count;
};

/* Of one letter that is retried. */
struct retry {
    struct outlet outlet;
    size_t events, taken, failed;
    char why[WHY_BYTES];        /* the first failure */
    int err;
};

/* ---------------------------------------------------------------- directory */

static int
is_letter(const struct dirent *entry)
{
    return letter_is_name(entry->d_name);
}

static int
open_box(struct letterbox *b, const char *data)
{
    char path[4096];
    struct dirent **entries;
    int count;

    snprintf(path, sizeof path, "%s/deadletters", data);
    if ((b->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return verb_cannot(path);
    if ((count = scandir(path, &entries, is_letter, alphasort)) < 0)
        return verb_cannot(path);
    b->names = calloc((size_t)count + 1, sizeof *b->names);
    for (int i = 0; i < count; i++) {
        if (b->names != NULL && (b->names[b->count] = strdup(entries[i]->d_name)) != NULL)
            b->count++;
        free(entries[i]);
    }
    free(entries);
    return b->count == count ? 0 : verb_failed(b->call, TL_ENOMEM, (struct tl_str){0});
}

static void
close_box(struct letterbox *b)
{
    for (int i = 0; i < b->count; i++)
        free(b->names[i]);
    free(b->names);
    if (b->dir >= 0)
        close(b->dir);
}

/* One that is not there, or is none, is said and left alone. */
static bool
read_letter(const struct letterbox *b, const char *name, struct letter *out)
{
    int err = letter_is_name(name) ? letter_read(b->dir, name, out) : ENOENT;

    if (err == 0)
        return true;
    fprintf(stderr, "touchline: %s: %s\n", name,
            err == EBADMSG ? "this is no dead letter" : strerror(err));
    return false;
}

/* ------------------------------------------------------------- list and show */

static struct tl_str
text(const char *s)
{
    return (struct tl_str){s, strlen(s)};
}

static void
put_json(struct buf *out, const struct letter *l)
{
    char received[CLOCK_TEXT_BYTES];

    buf_printf(out, "{\"name\":\"%s\",\"received\":\"%s\",\"adapter\":", l->name,
               clock_format(received, l->received));
    print_json_text(out, text(l->adapter));
    buf_text(out, ",\"format\":");
    print_json_text(out, text(l->format));
    buf_text(out, ",\"where\":");
    print_json_text(out, text(l->where));
    buf_text(out, ",\"reason\":");
    print_json_text(out, text(l->reason));
    buf_printf(out, ",\"bytes\":%zu", l->bytes_len);
}

static int
list_json(const struct letterbox *b)
{
    struct buf out = {0};
    struct letter l;
    bool first = true;
    int err;

    buf_text(&out, "{\"letters\":[");
    for (int i = 0; i < b->count; i++) {
        if (!read_letter(b, b->names[i], &l))
            continue;
        buf_text(&out, first ? "" : ",");
        put_json(&out, &l);
        buf_byte(&out, '}');
        letter_free(&l);
        first = false;
    }
    buf_text(&out, "]}");
    err = print_line(&out, false);
    buf_free(&out);
    return err;
}

static int
list_table(const struct letterbox *b)
{
    struct print_table t = {.columns = 5};
    char when[PRINT_WHEN_BYTES];
    struct letter l;

    for (int i = 0; i < b->count; i++) {
        if (!read_letter(b, b->names[i], &l))
            continue;
        print_cellf(&t, "%s", l.name);
        print_cellf(&t, "%s", print_moment(when, l.received));
        print_cellf(&t, "%s", l.format);
        print_cellf(&t, "%s", l.where);
        print_cellf(&t, "%s", l.reason);
        letter_free(&l);
    }
    return print_rows(&t, 0, stdout);
}

static int
list(struct letterbox *b)
{
    int err = b->call->output == OUTPUT_JSON ? list_json(b) : list_table(b);

    return err != 0 ? verb_failed(b->call, err, (struct tl_str){0}) : VERB_FINE;
}

static int
show_one(struct letterbox *b, const struct letter *l)
{
    char received[CLOCK_TEXT_BYTES];
    struct buf out = {0};
    int err;

    if (b->call->output == OUTPUT_JSON) {
        put_json(&out, l);
        buf_text(&out, ",\"content\":");
        print_json_text(&out, (struct tl_str){l->bytes, l->bytes_len});
        buf_byte(&out, '}');
    } else {
        buf_printf(&out, "%s  %s  %s\n%s\n%s\n\n", l->name,
                   clock_format(received, l->received), l->format, l->where, l->reason);
        print_clean(&out, (struct tl_str){l->bytes, l->bytes_len});
    }
    err = print_line(&out, false);
    buf_free(&out);
    return err != 0 ? verb_failed(b->call, err, (struct tl_str){0}) : VERB_FINE;
}

static int
show(struct letterbox *b, char **names, int count)
{
    int code = count > 0 ? VERB_FINE : verb_misused(b->call, "which one?");

    for (int i = 0; i < count && code == VERB_FINE; i++) {
        struct letter l;

        if (!read_letter(b, names[i], &l))
            return VERB_NO;
        code = show_one(b, &l);
        letter_free(&l);
    }
    return code;
}

/* --------------------------------------------------------------------- retry */

static void
fail(struct retry *r, const char *what, struct tl_str detail)
{
    if (r->failed++ == 0)
        snprintf(r->why, sizeof r->why, "%s%s%.*s", what, detail.len > 0 ? ": " : "",
                 (int)(detail.len < 300 ? detail.len : 300), detail.len > 0 ? detail.ptr : "");
}

static void
on_answer(void *arg, const struct tl_answer *a)
{
    struct retry *r = arg;

    if (a->code == TL_ECLOSED)
        return;
    outlet_heard(&r->outlet);
    if (a->code == 0)
        r->taken++;
    else
        fail(r, tl_code_name(a->code), a->detail);
}

static void
publish(struct retry *r, struct tl_str bytes)
{
    r->events++;
    if (r->err == 0)
        r->err = outlet_publish(&r->outlet, bytes, 0);
}

static void
on_event(void *arg, const struct tl_event *ev)
{
    struct retry *r = arg;
    char *bytes;
    size_t len;

    if (tl_event_encode(ev, &bytes, &len) != 0) {
        r->err = TL_ENOMEM;
        return;
    }
    publish(r, (struct tl_str){bytes, len});
    free(bytes);
}

static void
on_reject(void *arg, struct tl_str record, uint64_t at, const char *reason)
{
    (void)record;
    (void)at;
    fail(arg, reason, (struct tl_str){0});
}

static void
on_ignored(void *arg, const char *name)
{
    (void)arg;
    (void)name;
}

static const char *
or_null(const char *setting)
{
    return setting[0] != '\0' ? setting : NULL;
}

static void
decode(struct retry *r, const struct letter *l)
{
    const struct format *format = format_find(l->format);
    const struct format_options options = {
        .source = or_null(l->source),
        .region = or_null(l->region),
        .timezone = or_null(l->timezone),
        .received = l->received,
    };
    const struct format_sink sink = {on_event, on_reject, on_ignored, r};
    struct decoder *decoder;
    char why[WHY_BYTES] = "";

    if (format == NULL) {
        fail(r, "this program has no such format", text(l->format));
    } else if (format->open(&decoder, &options, &sink, why) != 0) {
        fail(r, why, (struct tl_str){0});
    } else {
        format->feed(decoder, l->bytes, l->bytes_len);
        format->end(decoder);
        format->close(&decoder);
    }
}

static void
publish_json(struct retry *r, const struct letter *l)
{
    char *bytes, why[WHY_BYTES] = "";
    size_t len;

    if (tl_event_from_json((struct tl_str){l->bytes, l->bytes_len}, &bytes, &len, why, sizeof why)
        != 0) {
        fail(r, why, (struct tl_str){0});
        return;
    }
    publish(r, (struct tl_str){bytes, len});
    free(bytes);
}

/* A letter goes when everything in it was understood and taken. */
static bool
retry_letter(struct retry *r, const struct letterbox *b, const struct letter *l)
{
    r->events = r->taken = r->failed = 0;
    if (strcmp(l->format, "event") == 0)
        publish_json(r, l);
    else
        decode(r, l);
    if (r->err == 0)
        r->err = outlet_flush(&r->outlet);
    if (r->err > 0) {
        fail(r, tl_code_sentence(r->err), (struct tl_str){0});
        r->err = 0;
    }
    if (r->err == 0 && r->failed == 0 && r->taken == r->events)
        return unlinkat(b->dir, l->name, 0) == 0;
    if (r->err == 0)
        fprintf(stderr, "touchline: %s is kept: %s\n", l->name, r->why);
    return false;
}

static int
retry_all(struct letterbox *b, struct retry *r, char **names, int count)
{
    unsigned long long gone = 0, kept = 0, taken = 0;

    for (int i = 0; i < count && r->err == 0; i++) {
        struct letter l;

        if (!read_letter(b, names[i], &l)) {
            kept++;
            continue;
        }
        *(retry_letter(r, b, &l) ? &gone : &kept) += 1;
        taken += r->taken;
        letter_free(&l);
    }
    if (r->err != 0)
        return verb_failed(b->call, r->err, (struct tl_str){0});
    printf(b->call->output == OUTPUT_JSON
               ? "{\"retried\":%llu,\"kept\":%llu,\"events\":%llu}\n"
               : "%llu letters understood and gone, %llu kept, %llu events on the bus\n",
           gone, kept, taken);
    return kept > 0 ? VERB_PARTLY : VERB_FINE;
}

static int
retry(struct letterbox *b, char **names, int count)
{
    struct retry r = {.events = 0};
    int code = outlet_open(&r.outlet, b->call, on_answer, &r);

    if (code == 0)
        code = count > 0 ? retry_all(b, &r, names, count) : retry_all(b, &r, b->names, b->count);
    tl_close(&r.outlet.client);
    return code;
}

/* ---------------------------------------------------------------------- verb */

int
verb_deadletters(struct verb_call *call)
{
    struct letterbox box = {.call = call, .dir = -1};
    const char *data = NULL, *what;
    const struct verb_option options[] = {{"--data", VERB_TEXT, &data}, {0}};
    int code;

    if ((code = verb_options(call, options, 1, NAMES_MAX)) != 0)
        return code;
    what = call->argv[0];
    if (strcmp(what, "list") != 0 && strcmp(what, "show") != 0 && strcmp(what, "retry") != 0)
        return verb_misused(call, "`%s' is neither list nor show nor retry", what);
    if (data == NULL)
        return verb_misused(call, "whose dead letters? say --data DIR, as the adapter has it");
    if ((code = open_box(&box, data)) == 0) {
        if (strcmp(what, "list") == 0)
            code = list(&box);
        else if (strcmp(what, "show") == 0)
            code = show(&box, call->argv + 1, call->argc - 1);
        else
            code = retry(&box, call->argv + 1, call->argc - 1);
    }
    close_box(&box);
    return code;
}
