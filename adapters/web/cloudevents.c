#include "adapters/web/cloudevents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adapters/member.h"
#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/timeformat.h"
#include "adapters/web/ceproto.h"
#include "adapters/web/eventtype.h"
#include "adapters/web/intake.h"

#define ID_BYTES_MAX 256
#define TYPE_BYTES_MAX 64
#define WHY_BYTES 512
#define DATA_BYTES_MAX (10u << 10)      /* of what is kept whole, with room for the rest */

#define SEQUENCE_DIGITS_MAX 18

static struct tl_str
say(struct decoder *d, const struct value *envelope, const char *name)
{
    return member_text(&d->draft, envelope, name);
}

/* The extension `sequence`, when it counts the events of `source`: text that sorts, such
 * as "0012", and a `sequencetype` of Integer, or none.  0: it is something else. */
static uint64_t
sequence(struct decoder *d, const struct value *envelope, struct tl_str source)
{
    struct tl_str text = say(d, envelope, "sequence"), type = say(d, envelope, "sequencetype");
    struct tl_str counted = say(d, envelope, "source");
    uint64_t count = 0;

    if (counted.len != source.len || memcmp(counted.ptr, source.ptr, source.len) != 0)
        return 0;
    if (text.len == 0 || text.len > SEQUENCE_DIGITS_MAX ||
        (type.len > 0 && !text_is(type, "Integer")))
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        count = count * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return count;
}

/* ------------------------------------------------------------ our own event */

/* Fills in what the data leaves to the envelope. */
static void
complete(struct decoder *d, const struct value *envelope, struct tl_event *ev)
{
    struct timeformat_time t;

    if (ev->id.len == 0)
        ev->id = say(d, envelope, "id");
    if (d->source_given)
        ev->source = d->source;
    else if (ev->source.len == 0)
        ev->source = say(d, envelope, "source");
    if (ev->type.len == 0)
        ev->type = say(d, envelope, "type");
    if (ev->time == 0 && timeformat_iso(&t, say(d, envelope, "time"), d->zone))
        ev->time = t.ns;
    if (ev->region.len == 0)
        ev->region = d->region;
    if (ev->sequence == 0)
        ev->sequence = sequence(d, envelope, ev->source);
}

static int
decode(const struct value *data, char **bytes, struct tl_event **ev, char why[WHY_BYTES])
{
    struct buf text = {0};
    size_t len;
    int err;

    value_write(&text, data, VALUE_AS_IT_IS);
    err = text.failed ? TL_ENOMEM
                      : tl_event_from_json((struct tl_str){(const char *)text.ptr, text.len},
                                           bytes, &len, why, WHY_BYTES);
    buf_free(&text);
    if (err == 0 && (err = tl_event_decode((struct tl_str){*bytes, len}, ev)) != 0)
        snprintf(why, WHY_BYTES, "%s", tl_code_sentence(err));
    return err;
}

/* True: it was one of ours, and is done with. */
static bool
read_ours(struct decoder *d, const struct value *envelope, const struct value *data)
{
    bool must_be = value_get(data, "identifiers") != NULL;
    struct tl_event *ev = NULL;
    char why[WHY_BYTES] = "", *bytes = NULL, reason[WHY_BYTES];
    int err;

    if (!must_be && value_get(data, "type") == NULL)
        return false;
    err = decode(data, &bytes, &ev, why);
    if (err == 0) {
        complete(d, envelope, ev);
        d->sink.event(d->sink.arg, ev);
    } else if (must_be) {
        snprintf(reason, sizeof reason, "data that is no event: %.400s", why);
        intake_reject_json(d, envelope, reason);
    }
    tl_event_free(&ev);
    free(bytes);
    return err == 0 || must_be;
}

/* ------------------------------------------------------------ a foreign one */

static bool
is_identifier_type(struct tl_str word)
{
    static const char *const types[] = {
        "crm", "user", "account", "loyalty", "email", "payment", "phone", "social", "device",
        "cookie", "anonymous", "receipt",
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (text_is(word, types[i]))
            return true;
    return word.len > 2 && memcmp(word.ptr, "x-", 2) == 0;
}

static bool
put_subject(struct decoder *d, struct tl_str subject)
{
    size_t at = 0;
    struct tl_str type, value;

    while (at < subject.len && subject.ptr[at] != ':' && subject.ptr[at] != '/')
        at++;
    if (at + 1 >= subject.len)
        return false;
    type = (struct tl_str){subject.ptr, at};
    value = (struct tl_str){subject.ptr + at + 1, subject.len - at - 1};
    if (text_is(type, "customer"))
        type = TL_STR("crm");
    if (!is_identifier_type(type) || value.len > DRAFT_IDENTIFIER_BYTES_MAX)
        return false;
    draft_identifier(&d->draft, type, value);
    return true;
}

/* Ours already, or one that could be: lower-case words and dots. */
static bool
is_type(struct draft *d, struct tl_str type)
{
    bool dot = true;

    for (size_t i = 0; i < type.len; i++) {
        char c = type.ptr[i];

        if (c == '.' && dot)
            return false;
        dot = c == '.';
        if (!dot && c != '_' && c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9'))
            return false;
    }
    return type.len > 0 && type.len <= TYPE_BYTES_MAX && !dot
           && strncmp(eventtype_pair(d, type, TL_STR("x")).ptr, "track.", 6) != 0;
}

static void
put_type(struct decoder *d, struct value *envelope)
{
    struct tl_str type = say(d, envelope, "type");

    d->draft.event.type = type;
    if (!is_type(&d->draft, type)) {
        d->draft.event.type = TL_STR("cloudevent.received");
        draft_attribute(&d->draft, TL_STR("ce-type"), type);
    }
    value_drop(envelope, "type");
}

static const char *
put_data(struct decoder *d, struct value *envelope)
{
    struct value *data = value_get(envelope, "data");
    struct tl_str text = value_is_string(data) ? member_value(&d->draft, data)
                         : data != NULL       ? member_json(&d->draft, data)
                                              : say(d, envelope, "data_base64");

    if (text.len > DATA_BYTES_MAX)
        return "foreign data of more than 10 KiB";
    draft_attribute(&d->draft, data != NULL ? TL_STR("data") : TL_STR("data_base64"), text);
    value_drop(envelope, "data");
    value_drop(envelope, "data_base64");
    return NULL;
}

static void
read_foreign(struct decoder *d, struct value *envelope)
{
    struct tl_event *ev = &d->draft.event;
    struct timeformat_time t = {0};
    struct tl_str subject = say(d, envelope, "subject");
    const char *reason;
    struct value *rest;

    if (!put_subject(d, subject)) {
        intake_reject_json(d, envelope,
                           "foreign data whose `subject` names no customer as TYPE:VALUE");
        return;
    }
    rest = values_copy(&d->draft.json, envelope);
    if (!d->source_given)
        ev->source = member_take(&d->draft, rest, "source");
    ev->id = member_take(&d->draft, rest, "id");
    if (timeformat_iso(&t, say(d, rest, "time"), d->zone))
        value_drop(rest, "time");
    ev->time = t.ns;
    if ((ev->sequence = sequence(d, envelope, ev->source)) != 0) {
        value_drop(rest, "sequence");
        value_drop(rest, "sequencetype");
    }
    put_type(d, rest);
    value_drop(rest, "subject");
    value_drop(rest, "specversion");
    if ((reason = put_data(d, rest)) != NULL) {
        intake_reject_json(d, envelope, reason);
    } else {
        member_attributes(&d->draft, rest, "");
        intake_finish(d, subject);
    }
}

/* --------------------------------------------------------------- envelopes */

static const char *
refusal(struct decoder *d, const struct value *envelope)
{
    static const char *const required[] = {"id", "source", "type"};
    struct tl_str time = say(d, envelope, "time"), version = say(d, envelope, "specversion");
    struct timeformat_time t;

    if (!value_is_object(envelope))
        return "an event that is no object";
    if (version.len < 2 || memcmp(version.ptr, "1.", 2) != 0)
        return "no CloudEvent: `specversion` is not 1.0";
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        struct tl_str value = say(d, envelope, required[i]);

        if (value.len == 0 || value.len > ID_BYTES_MAX)
            return "`id`, `source` and `type` are text of 1 to 256 bytes";
    }
    if (time.len > 0 && !timeformat_iso(&t, time, d->zone))
        return "a `time` that is no RFC 3339 time from 1970 to 2100";
    return NULL;
}

static void
read_envelope(struct decoder *d, struct value *envelope)
{
    const char *reason;
    const struct value *data;

    intake_begin(d);
    if ((reason = refusal(d, envelope)) != NULL) {
        intake_reject_json(d, envelope, reason);
        return;
    }
    data = value_get(envelope, "data");
    if (!value_is_object(data) || !read_ours(d, envelope, data))
        read_foreign(d, envelope);
}

/* ------------------------------------------------------------- binary mode */

/* Header values are percent-encoded (binding, 3.1.3.2). */
static struct value *
header_value(struct values *in, struct tl_str text)
{
    char *out = malloc(text.len + 1);
    struct value *value = NULL;

    if (out != NULL)
        value = values_string(in, (struct tl_str){out, text_unescape(out, text, '+')});
    free(out);
    return value;
}

/* A `ce-NAME: value` line; false when its value is no UTF-8. */
static bool
put_header(struct values *in, struct value *envelope, struct tl_str line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    size_t len = colon != NULL ? (size_t)(colon - line.ptr) : 0;
    struct tl_str text;
    char name[64];

    if (len <= 3 || len - 3 >= sizeof name || strncasecmp(line.ptr, "ce-", 3) != 0)
        return true;
    for (size_t i = 0; i < len - 3; i++)
        name[i] = (char)(line.ptr[i + 3] | 0x20);
    name[len - 3] = '\0';
    text = text_trim((struct tl_str){colon + 1, line.len - len - 1});
    return value_put(in, envelope, text_of(name), header_value(in, text));
}

static bool
put_headers(struct values *in, struct value *envelope, struct tl_str headers)
{
    bool ok = true;

    while (ok && headers.len > 0) {
        struct tl_str line = text_line(&headers);

        if (line.len > 0)
            ok = put_header(in, envelope, line);
    }
    return ok;
}

/* JSON when it says it is, or reads as it; else text. */
static struct value *
body_value(struct values *in, struct tl_str body)
{
    struct value *value = parse_json_any(in, body);

    return value != NULL ? value : values_string(in, body);
}

static void
read_binary(struct decoder *d, const struct capture_request *r)
{
    struct values *in = &d->draft.json;
    struct value *envelope = values_object(in);
    struct tl_str type = capture_header(r, "content-type");
    bool ok = envelope != NULL && put_headers(in, envelope, r->headers);

    if (type.len > 0)
        ok = ok && value_put(in, envelope, TL_STR("datacontenttype"), values_string(in, type));
    if (r->body.len > 0)
        ok = ok && value_put(in, envelope, TL_STR("data"), body_value(in, r->body));
    if (ok)
        read_envelope(d, envelope);
    else
        intake_reject(d, r->body, "a binary mode event whose headers or data are not UTF-8");
}

/* Of a body alone the first byte tells: JSON does not begin so, but for blanks. */
static bool
is_protobuf(const struct capture_request *r)
{
    struct tl_str type = capture_header(r, "content-type"), body = text_trim(r->body);

    if (type.len > 0)
        return text_find(type, "+protobuf") != NULL;
    return r->body.len > 0 && r->body.ptr[0] == '\n' && body.len > 0 && body.ptr[0] != '{'
           && body.ptr[0] != '[';
}

static struct value *
read_body(struct decoder *d, const struct capture_request *r)
{
    struct value *body;

    if (!is_protobuf(r))
        return intake_json(d, r->body);
    if ((body = ceproto_read(&d->draft.json, r->body)) == NULL)
        intake_reject(d, r->body, "no CloudEvent in protobuf, nor a batch of them");
    return body;
}

static void
read_request(struct decoder *d, const struct capture_request *r)
{
    struct value *body, *envelope;

    if (capture_header(r, "ce-specversion").len > 0) {
        read_binary(d, r);
        return;
    }
    if ((body = read_body(d, r)) == NULL)
        return;
    if (value_is_array(body))
        value_each(body, envelope)
            read_envelope(d, envelope);
    else
        read_envelope(d, body);
}

int
cloudevents_open(struct decoder **out, const struct format_options *o,
                 const struct format_sink *sink, char *why)
{
    return intake_open(out, o, sink, why, "cloudevents", read_request);
}
