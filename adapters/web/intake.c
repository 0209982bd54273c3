#include "adapters/web/intake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/form.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "base/clock.h"

#define WHY_BYTES 512
#define FIRST_BYTES 6           /* enough to tell a request from a body */

int
intake_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
            char *why, const char *name, intake_read *read)
{
    struct decoder *d = calloc(1, sizeof *d);
    char zone_why[ZONE_WHY_BYTES];

    if (d == NULL) {
        snprintf(why, WHY_BYTES, "out of memory");
        return TL_EARGUMENT;
    }
    if (zone_open(&d->zone, o->timezone != NULL ? o->timezone : "UTC", zone_why) != 0) {
        snprintf(why, WHY_BYTES, "%s", zone_why);
        free(d);
        return TL_EARGUMENT;
    }
    d->sink = *sink;
    d->name = name;
    d->source = text_of(o->source != NULL ? o->source : name);
    d->source_given = o->source != NULL;
    d->region = text_of(o->region);
    d->received = o->received;
    d->read = read;
    draft_init(&d->draft);
    *out = d;
    return 0;
}

void
intake_close(struct decoder **d)
{
    if (*d == NULL)
        return;
    zone_close(&(*d)->zone);
    draft_fini(&(*d)->draft);
    capture_fini(&(*d)->capture);
    buf_free(&(*d)->bytes);
    free(*d);
    *d = NULL;
}

/* ---------------------------------------------------------------- the input */

static struct tl_str
unread(const struct decoder *d, size_t used)
{
    if (d->bytes.len == 0)
        return TL_STR("");
    return (struct tl_str){(const char *)d->bytes.ptr + used, d->bytes.len - used};
}

/* Behind one that is wrong nobody knows where the next begins: the rest goes
 * aside as one, when all of it is there. */
static void
read_requests(struct decoder *d)
{
    enum capture_result result = CAPTURE_REQUEST;
    struct capture_request request;
    const char *why = "";
    size_t done = 0, used;

    while (done < d->bytes.len
           && (result = capture_next(&d->capture, unread(d, done), &request, &used, &why))
                  == CAPTURE_REQUEST) {
        values_clear(&d->draft.json);
        d->read(d, &request);
        done += used;
        d->at += used;
    }
    if (result == CAPTURE_WRONG)
        d->broken = why;
    buf_drop_front(&d->bytes, done);
}

void
intake_feed(struct decoder *d, const void *bytes, size_t len)
{
    if (d->too_long)
        return;
    if (d->bytes.len + len > INTAKE_BODY_BYTES_MAX + CAPTURE_HEAD_BYTES_MAX) {
        d->too_long = true;
        return;
    }
    buf_append(&d->bytes, bytes, len);
    if (!d->begun && d->bytes.len >= FIRST_BYTES) {
        d->begun = true;
        d->requests = capture_is(unread(d, 0));
    }
    if (d->requests && d->broken == NULL && !d->bytes.failed)
        read_requests(d);
}

void
intake_end(struct decoder *d)
{
    struct capture_request body = {.body = unread(d, 0)};

    if (d->too_long || (!d->requests && d->bytes.len > INTAKE_BODY_BYTES_MAX))
        intake_reject(d, unread(d, 0), "a body of more than 32 MiB");
    else if (d->bytes.failed)
        intake_reject(d, unread(d, 0), "out of memory");
    else if (d->broken != NULL)
        intake_reject(d, unread(d, 0), d->broken);
    else if (d->requests && text_trim(unread(d, 0)).len > 0)
        intake_reject(d, unread(d, 0), "a request that is cut off");
    else if (!d->requests && text_trim(body.body).len > 0)
        d->read(d, &body);
    values_clear(&d->draft.json);
    buf_clear(&d->bytes);
    d->at = 0;
    d->broken = NULL;
    d->too_long = d->begun = d->requests = false;
}

struct value *
intake_json(struct decoder *d, struct tl_str text)
{
    char why[WHY_BYTES];
    struct parse_error error;
    struct value *value = parse_json(&d->draft.json, text, &error);

    if (value == NULL) {
        snprintf(why, sizeof why, "not JSON: %s (line %d)", error.text, error.line);
        intake_reject(d, text, why);
    }
    return value;
}

static bool
put_field(struct decoder *d, struct value *object, const struct form_field *f)
{
    struct values *in = &d->draft.json;
    struct value *value = values_string(in, f->value);
    struct tl_str name = {f->name.ptr, strnlen(f->name.ptr, f->name.len)};

    if (value == NULL || value_find(object, name) == NULL)
        return value_put(in, object, name, value);
    intake_ignore(d, "%.*s, said again", (int)name.len, name.ptr);
    return true;
}

struct value *
intake_query(struct decoder *d, struct tl_str query)
{
    struct value *object = values_object(&d->draft.json);
    struct form form;
    bool ok = object != NULL;

    if (form_read(&form, query) != 0) {
        intake_reject(d, query, "more than 1000 fields in a query");
        ok = false;
    } else {
        for (size_t i = 0; ok && i < form.count; i++)
            ok = put_field(d, object, &form.fields[i]);
        if (!ok)
            intake_reject(d, query, "a query that is not UTF-8");
    }
    form_free(&form);
    return ok ? object : NULL;
}

/* --------------------------------------------------------------- the output */

void
intake_reject(struct decoder *d, struct tl_str record, const char *reason)
{
    d->sink.reject(d->sink.arg, record, d->at, reason);
}

void
intake_reject_json(struct decoder *d, const struct value *record, const char *reason)
{
    struct buf text = {0};

    value_write(&text, record, VALUE_AS_IT_IS);
    intake_reject(d, (struct tl_str){(const char *)text.ptr, text.len}, reason);
    buf_free(&text);
}

void
intake_ignore(struct decoder *d, const char *fmt, ...)
{
    char name[INTAKE_NAME_BYTES];
    va_list args;

    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    d->sink.ignored(d->sink.arg, name);
}

struct tl_event *
intake_begin(struct decoder *d)
{
    struct tl_event *ev = &d->draft.event;

    draft_begin(&d->draft);
    ev->source = d->source;
    ev->region = d->region;
    ev->channel = TL_STR("web");
    ev->direction = TL_STR("inbound");
    return ev;
}

void
intake_finish(struct decoder *d, struct tl_str record)
{
    draft_end(&d->draft);
    if (d->draft.failed)
        intake_reject(d, record, "a record of more than a MiB");
    else
        d->sink.event(d->sink.arg, &d->draft.event);
}

int64_t
intake_time(const struct decoder *d, int64_t happened, int64_t sent)
{
    int64_t skew = d->received - sent;

    if (d->received == 0 || sent == 0 || happened == 0
        || llabs(skew) <= INTAKE_SKEW_MIN_S * CLOCK_SECOND)
        return happened;
    return happened + skew > 0 ? happened + skew : happened;
}
