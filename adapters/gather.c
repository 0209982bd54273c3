#include "adapters/gather.h"

#include <stdio.h>
#include <stdlib.h>

#include "adapters/ignored.h"
#include "base/clock.h"
#include "base/must.h"

/* So many are kept of one body or piece; the others are counted. */
#define REJECTS_MAX 100

static void
on_event(void *arg, const struct tl_event *ev)
{
    struct gather *in = arg;
    struct tl_event seen = *ev;
    char *bytes;
    size_t len;

    seen.recorded_time = in->now;
    must(tl_event_encode(&seen, &bytes, &len) == 0);
    must(len <= SPOOL_RECORD_BYTES_MAX);
    buf_u32(&in->events, (uint32_t)len);
    buf_append(&in->events, bytes, len);
    must(!in->events.failed);
    free(bytes);
    in->events_count++;
}

static void
on_reject(void *arg, struct tl_str record, uint64_t at, const char *reason)
{
    struct gather *in = arg;
    struct gather_reject *r;

    count_add(in->counts, 1, "touchline_rejected_total", "format", in->format->name, NULL);
    if (in->rejects_count++ >= REJECTS_MAX)
        return;
    must((r = calloc(1, sizeof *r)) != NULL);
    r->at = at;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    buf_append(&r->record, record.ptr, record.len);
    must(!r->record.failed);
    *in->rejects_end = r;
    in->rejects_end = &r->next;
}

static void
on_ignored(void *arg, const char *name)
{
    struct gather *in = arg;
    const char *source = in->options.map_name != NULL ? in->options.map_name : in->format->name;

    in->ignored++;
    count_add(in->counts, 1, "touchline_ignored_total", "format", in->format->name, "name", name,
              NULL);
    if (in->counts->ignored != NULL)
        ignored_add(in->counts->ignored,
                    in->options.source != NULL ? in->options.source : source, name);
}

static int
open_decoder(struct gather *in, char why[GATHER_WHY_BYTES])
{
    struct format_sink sink = {on_event, on_reject, on_ignored, in};

    return in->format->open(&in->decoder, &in->options, &sink, why) == 0 ? 0 : -1;
}

int
gather_open(struct gather *in, const struct format *format, const struct format_options *options,
            bool live, struct counts *counts, char why[GATHER_WHY_BYTES])
{
    *in = (struct gather){
        .format = format,
        .options = *options,
        .counts = counts,
        .now = clock_now(),
    };
    in->options.received = live ? in->now : 0;
    in->options.written = in->now;
    in->rejects_end = &in->rejects;
    return open_decoder(in, why);
}

void
gather_restart(struct gather *in)
{
    char why[GATHER_WHY_BYTES] = "";

    in->format->close(&in->decoder);
    must(open_decoder(in, why) == 0);
}

void
gather_feed(struct gather *in, const void *bytes, size_t len)
{
    in->now = clock_now();
    in->format->feed(in->decoder, bytes, len);
}

void
gather_end(struct gather *in)
{
    in->format->end(in->decoder);
}

void
gather_forget(struct gather *in)
{
    struct gather_reject *r;

    buf_clear(&in->events);
    in->events_count = in->ignored = in->rejects_count = 0;
    while ((r = in->rejects) != NULL) {
        in->rejects = r->next;
        buf_free(&r->record);
        free(r);
    }
    in->rejects_end = &in->rejects;
}

void
gather_close(struct gather *in)
{
    gather_forget(in);
    buf_free(&in->events);
    if (in->decoder != NULL)
        in->format->close(&in->decoder);
}

void
gather_keep(struct gather *in, struct spool *spool)
{
    const unsigned char *p = in->events.ptr, *end = p + in->events.len;

    while (p < end) {
        size_t len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;

        spool_add(spool, p + 4, len);
        p += 4 + len;
    }
    if (in->events_count > 0)
        count_add(in->counts, in->events_count, "touchline_accepted_total", "format",
                  in->format->name, NULL);
}

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

struct letter
gather_letter(const struct gather *in, const char *adapter, const char *where, const char *reason)
{
    return (struct letter){
        .received = in->now,
        .adapter = adapter,
        .format = in->format->name,
        .source = or_empty(in->options.source),
        .region = or_empty(in->options.region),
        .timezone = or_empty(in->options.timezone),
        .where = where,
        .reason = reason,
    };
}

int
gather_keep_rejects(struct gather *in, struct letters *letters, const char *adapter,
                    const char *where)
{
    int err = 0;

    for (const struct gather_reject *r = in->rejects; r != NULL; r = r->next) {
        char place[LETTER_FIELD_BYTES];
        struct letter letter = gather_letter(in, adapter, place, r->reason);
        int failed;

        snprintf(place, sizeof place, "%.400s at %llu", where, (unsigned long long)r->at);
        letter.bytes = (const char *)r->record.ptr;
        letter.bytes_len = r->record.len;
        if ((failed = letter_write(letters, &letter, true)) != 0 && err == 0)
            err = failed;
    }
    return err;
}
