#include "broker/ignored.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "base/utf8.h"
#include "broker/broker.h"
#include "proto/code.h"
#include "proto/str.h"

#define OTHER TL_STR("other")
#define NOBODY TL_STR("-")              /* reports the sums of a file written anew */

struct sum {
    struct tl_str source, name;         /* in one block behind it */
    uint64_t count;
};

struct reporter {
    uint64_t sequence;          /* of the last report taken */
    uint64_t heard;             /* when, by ignored.clock */
};

/* -------------------------------------------------------------------- sums */

static void
make_key(struct buf *key, struct tl_str source, struct tl_str name)
{
    buf_append(key, source.ptr, source.len);
    buf_byte(key, '\0');
    buf_append(key, name.ptr, name.len);
    must(!key->failed);
}

static struct sum *
find_sum(const struct ignored *g, struct tl_str source, struct tl_str name)
{
    struct buf key = {0};
    struct sum *s;

    make_key(&key, source, name);
    s = map_get(&g->sums, key.ptr, key.len);
    buf_free(&key);
    return s;
}

static struct sum *
new_sum(struct ignored *g, struct tl_str source, struct tl_str name)
{
    struct sum *s = malloc(sizeof *s + source.len + name.len);
    struct buf key = {0};
    char *text;

    must(s != NULL);
    text = (char *)(s + 1);
    memcpy(text, source.ptr, source.len);
    memcpy(text + source.len, name.ptr, name.len);
    *s = (struct sum){{text, source.len}, {text + source.len, name.len}, 0};
    make_key(&key, source, name);
    *map_put(&g->sums, key.ptr, key.len) = s;
    buf_free(&key);
    g->others += str_is(name, "other");
    return s;
}

/* Outsiders choose names: they are bounded, and so are sources. */
static struct sum *
sum_of(struct ignored *g, struct tl_str source, struct tl_str name)
{
    struct sum *s = find_sum(g, source, name);

    if (s != NULL)
        return s;
    if (g->sums.count - g->others < IGNORED_SUMS_MAX && !str_is(name, "other"))
        return new_sum(g, source, name);
    if ((s = find_sum(g, source, OTHER)) != NULL)
        return s;
    if (g->others < IGNORED_SOURCES_MAX)
        return new_sum(g, source, OTHER);
    s = find_sum(g, OTHER, OTHER);
    return s != NULL ? s : new_sum(g, OTHER, OTHER);
}

static void
add(struct ignored *g, struct tl_str source, struct tl_str name, uint64_t count)
{
    struct sum *s = sum_of(g, source, name);

    if (__builtin_add_overflow(s->count, count, &s->count))
        s->count = UINT64_MAX;
}

/* --------------------------------------------------------------- reporters */

static void
forget_oldest(struct ignored *g)
{
    struct map_entry *entry, *oldest = NULL;
    size_t i = 0;

    while ((entry = map_next(&g->reporters, &i)) != NULL)
        if (oldest == NULL || ((struct reporter *)entry->value)->heard
                                  < ((struct reporter *)oldest->value)->heard)
            oldest = entry;
    free(map_remove(&g->reporters, oldest->key, oldest->key_len));
}

static void
heard(struct ignored *g, struct tl_str name, uint64_t sequence)
{
    struct reporter *r = map_get(&g->reporters, name.ptr, name.len);

    if (r == NULL) {
        if (g->reporters.count >= IGNORED_REPORTERS_MAX)
            forget_oldest(g);
        must((r = calloc(1, sizeof *r)) != NULL);
        *map_put(&g->reporters, name.ptr, name.len) = r;
    }
    r->sequence = sequence;
    r->heard = ++g->clock;
}

static bool
was_taken(const struct ignored *g, struct tl_str name, uint64_t sequence)
{
    const struct reporter *r = map_get(&g->reporters, name.ptr, name.len);

    return r != NULL && sequence <= r->sequence;
}

/* ---------------------------------------------------------------- the file */

/* A report is a line: reporter, sequence, then source, name and count of each sum. */
static void
put_word(struct buf *line, struct tl_str word)
{
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];

        if (c <= ' ' || c == '%')
            buf_printf(line, "%%%02x", c);
        else
            buf_byte(line, c);
    }
    buf_byte(line, ' ');
}

static void
put_report(struct buf *line, struct tl_str reporter, uint64_t sequence)
{
    put_word(line, reporter);
    buf_printf(line, "%" PRIu64 " ", sequence);
}

static void
put_sum(struct buf *line, struct tl_str source, struct tl_str name, uint64_t count)
{
    put_word(line, source);
    put_word(line, name);
    buf_printf(line, "%" PRIu64 " ", count);
}

/* In place; false at the end of the line. */
static bool
take_word(char **at, struct tl_str *out)
{
    char *from = *at, *to = *at;
    unsigned code;

    out->ptr = *at;
    for (; *from != ' ' && *from != '\0'; from++, to++) {
        *to = *from;
        if (*from == '%' && sscanf(from + 1, "%2x", &code) == 1) {
            *to = (char)code;
            from += 2;
        }
    }
    out->len = (size_t)(to - *at);
    *at = *from == ' ' ? from + 1 : from;
    return out->len > 0;
}

static bool
take_number(char **at, uint64_t *out)
{
    char *end;

    *out = strtoull(*at, &end, 10);
    if (end == *at || *end != ' ')
        return false;
    *at = end + 1;
    return true;
}

static void
read_line(void *arg, char *line)
{
    struct tl_str reporter, source, name;
    struct ignored *g = arg;
    uint64_t sequence, count;

    if (!take_word(&line, &reporter) || !take_number(&line, &sequence))
        return;
    if (!str_is(reporter, "-"))
        heard(g, reporter, sequence);
    while (take_word(&line, &source) && take_word(&line, &name) && take_number(&line, &count))
        add(g, source, name, count);
}

struct told {
    struct tl_str name;
    const struct reporter *reporter;
};

static int
by_heard(const void *a, const void *b)
{
    const struct told *x = a, *y = b;

    return (x->reporter->heard > y->reporter->heard) - (x->reporter->heard < y->reporter->heard);
}

static void
put_reporters(const struct ignored *g, struct buf *text)
{
    struct told *all = calloc(g->reporters.count + 1, sizeof *all);
    struct map_entry *entry;
    size_t i = 0, count = 0;

    must(all != NULL);
    while ((entry = map_next(&g->reporters, &i)) != NULL)
        all[count++] = (struct told){{(const char *)entry->key, entry->key_len},
                                     entry->value};
    qsort(all, count, sizeof *all, by_heard);
    for (i = 0; i < count; i++) {
        put_report(text, all[i].name, all[i].reporter->sequence);
        buf_byte(text, '\n');
    }
    free(all);
}

static void
put_all(const struct ignored *g, struct buf *text)
{
    struct map_entry *entry;
    size_t i = 0;

    put_report(text, NOBODY, 0);
    while ((entry = map_next(&g->sums, &i)) != NULL) {
        const struct sum *s = entry->value;

        put_sum(text, s->source, s->name, s->count);
    }
    buf_byte(text, '\n');
    put_reporters(g, text);
}

static int
write_anew(struct ignored *g)
{
    struct buf text = {0};
    int err;

    put_all(g, &text);
    err = lines_write_anew(&g->file, &text);
    buf_free(&text);
    return err;
}

int
ignored_open(struct ignored *g, const char *dir)
{
    int err;

    *g = (struct ignored){0};
    if ((err = lines_open(&g->file, dir, "ignored", read_line, g)) != 0)
        return err;
    err = write_anew(g);
    return err == 0 || err == TL_NO_SPACE ? 0 : EIO;
}

static void
free_values(struct map *map)
{
    struct map_entry *entry;
    size_t i = 0;

    while ((entry = map_next(map, &i)) != NULL)
        free(entry->value);
    map_fini(map);
}

void
ignored_close(struct ignored *g)
{
    free_values(&g->sums);
    free_values(&g->reporters);
    lines_close(&g->file);
}

/* ----------------------------------------------------------------- reports */

static bool
good_word(struct tl_str word)
{
    return word.len > 0 && word.len <= IGNORED_WORD_BYTES_MAX && utf8_text(word.ptr, word.len);
}

static const char *
refusal(const struct wire_report *report)
{
    if (!good_word(report->reporter) || str_is(report->reporter, "-") || report->sequence == 0)
        return "a report has a reporter, of 1 to 128 bytes, and a sequence from 1 on";
    for (size_t i = 0; i < report->ignored_count; i++)
        if (!good_word(report->ignored[i].source) || !good_word(report->ignored[i].name))
            return "what was ignored has a source and a name, of 1 to 128 bytes";
    return NULL;
}

static int
write_report(struct ignored *g, const struct wire_report *report)
{
    struct buf line = {0};
    int err;

    put_report(&line, report->reporter, report->sequence);
    for (size_t i = 0; i < report->ignored_count; i++)
        put_sum(&line, report->ignored[i].source, report->ignored[i].name,
                report->ignored[i].count);
    buf_byte(&line, '\n');
    err = lines_add(&g->file, &line);
    buf_free(&line);
    return err;
}

static int
take(struct ignored *g, const struct wire_report *report, const char **detail)
{
    int err;

    if ((*detail = refusal(report)) != NULL)
        return TL_BAD_REQUEST;
    *detail = "a report has at most 1000 sums";
    if (report->ignored_count > IGNORED_REPORT_MAX)
        return TL_TOO_MANY;
    *detail = "the report cannot be written down";
    if (was_taken(g, report->reporter, report->sequence))
        return 0;
    if ((err = write_report(g, report)) != 0)
        return err;
    heard(g, report->reporter, report->sequence);
    for (size_t i = 0; i < report->ignored_count; i++)
        add(g, report->ignored[i].source, report->ignored[i].name, report->ignored[i].count);
    if (lines_grown(&g->file) && (err = write_anew(g)) == TL_NO_SPACE)
        err = 0;
    return err;
}

void
ignored_take(struct broker *b, struct asked *q)
{
    const struct wire_report *report = q->request->report;
    const char *detail;
    int err = take(&b->ignored, report, &detail);

    if (err == TL_EIO)
        broker_fail(b, detail);
    if (err != 0)
        session_refuse(b, q->session, q->request->id, err, detail);
    else
        session_reply(b, q->session,
                      &(struct wire_reply){.id = q->request->id,
                                           .reported = &(struct wire_reported){
                                               report->reporter, report->sequence}});
}

static int
by_name(const void *a, const void *b)
{
    const struct tl_ignored *x = a, *y = b;
    int order = str_compare(x->source, y->source);

    return order != 0 ? order : str_compare(x->name, y->name);
}

int
ignored_list(const struct ignored *g, struct tl_stat *out, struct arena *arena)
{
    struct map_entry *entry;
    size_t i = 0;

    out->ignored = arena_alloc(arena, (g->sums.count + 1) * sizeof *out->ignored);
    if (out->ignored == NULL)
        return TL_TOO_MANY;
    while ((entry = map_next(&g->sums, &i)) != NULL) {
        const struct sum *s = entry->value;

        out->ignored[out->ignored_count++] = (struct tl_ignored){s->source, s->name, s->count};
    }
    qsort(out->ignored, out->ignored_count, sizeof *out->ignored, by_name);
    return 0;
}
