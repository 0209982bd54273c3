#include "adapters/web/ceproto.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/draft.h"
#include "adapters/parse.h"
#include "adapters/web/base64url.h"
#include "base/buf.h"
#include "base/clock.h"

#define OUR_EVENT "/touchline.v1.Event"

/* Field numbers of cloudevents.proto. */
enum {
    EVENT_ID = 1, EVENT_SOURCE = 2, EVENT_VERSION = 3, EVENT_TYPE = 4, EVENT_ATTRIBUTES = 5,
    EVENT_BINARY = 6, EVENT_TEXT = 7, EVENT_PROTO = 8,
    ENTRY_KEY = 1, ENTRY_VALUE = 2,
    VALUE_BOOLEAN = 1, VALUE_INTEGER = 2, VALUE_STRING = 3, VALUE_BYTES = 4, VALUE_URI = 5,
    VALUE_URI_REF = 6, VALUE_TIMESTAMP = 7,
    TIME_SECONDS = 1, TIME_NANOS = 2,
    ANY_TYPE = 1, ANY_VALUE = 2,
    BATCH_EVENTS = 1,
};

/* A field: a number, or bytes. */
struct field {
    uint64_t number;
    bool is_bytes;
    uint64_t value;
    struct tl_str bytes;
};

/* ---------------------------------------------------------------- the wire */

static bool
take_varint(struct tl_str *rest, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && rest->len > 0; shift += 7) {
        unsigned char byte = (unsigned char)*rest->ptr;

        rest->ptr++;
        rest->len--;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* No message of these has a field of fixed width. */
static bool
take_field(struct tl_str *rest, struct field *f)
{
    uint64_t key;

    if (!take_varint(rest, &key))
        return false;
    *f = (struct field){.number = key >> 3, .is_bytes = (key & 7) == 2};
    if ((key & 7) == 0)
        return take_varint(rest, &f->value);
    if (!f->is_bytes || !take_varint(rest, &f->value) || f->value > rest->len)
        return false;
    f->bytes = (struct tl_str){rest->ptr, (size_t)f->value};
    rest->ptr += f->value;
    rest->len -= (size_t)f->value;
    return true;
}

/* The field of that number; false when the message is none or does not have it. */
static bool
find(struct tl_str message, uint64_t number, struct field *f)
{
    while (message.len > 0 && take_field(&message, f))
        if (f->number == number)
            return true;
    return false;
}

/* ------------------------------------------------------------------ values */

static json_t *
text(struct tl_str bytes)
{
    return json_stringn(bytes.len > 0 ? bytes.ptr : "", bytes.len);
}

static json_t *
base64(struct tl_str bytes)
{
    struct buf out = {0};
    json_t *value;

    base64url_write(&out, bytes);
    value = out.failed ? NULL : json_stringn(out.len > 0 ? (const char *)out.ptr : "", out.len);
    buf_free(&out);
    return value;
}

static json_t *
timestamp(struct tl_str message)
{
    struct field f;
    char out[CLOCK_TEXT_BYTES];
    int64_t seconds = find(message, TIME_SECONDS, &f) ? (int64_t)f.value : 0;
    int64_t nanos = find(message, TIME_NANOS, &f) ? (int64_t)f.value : 0;

    if (seconds < 0 || seconds > INT64_MAX / CLOCK_SECOND - 1 || nanos < 0
        || nanos >= CLOCK_SECOND)
        return NULL;
    return json_string(clock_format(out, seconds * CLOCK_SECOND + nanos));
}

static json_t *
attribute(struct tl_str message)
{
    struct field f;

    if (!take_field(&message, &f))
        return NULL;
    switch (f.number) {
    case VALUE_BOOLEAN: return json_boolean(f.value != 0);
    case VALUE_INTEGER: return json_integer((json_int_t)(int32_t)(uint32_t)f.value);
    case VALUE_BYTES: return base64(f.bytes);
    case VALUE_TIMESTAMP: return timestamp(f.bytes);
    case VALUE_STRING:
    case VALUE_URI:
    case VALUE_URI_REF: return text(f.bytes);
    default: return NULL;
    }
}

static bool
put_attribute(json_t *event, struct tl_str entry)
{
    struct field key, value;
    char *name;
    bool ok;

    if (!find(entry, ENTRY_KEY, &key) || !find(entry, ENTRY_VALUE, &value)
        || (name = strndup(key.bytes.ptr, key.bytes.len)) == NULL)
        return false;
    ok = json_object_set_new(event, name, attribute(value.bytes)) == 0;
    free(name);
    return ok;
}

/* JSON when it reads as it; else text. */
static json_t *
text_data(struct tl_str bytes)
{
    json_t *value = json_loadb(bytes.len > 0 ? bytes.ptr : "", bytes.len,
                               JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    return value != NULL ? value : text(bytes);
}

static bool
put_message(json_t *event, struct tl_str any)
{
    struct field type, value;
    size_t ours = strlen(OUR_EVENT);
    char *json = NULL;
    bool ok;

    if (!find(any, ANY_TYPE, &type) || !find(any, ANY_VALUE, &value))
        return false;
    if (type.bytes.len < ours
        || memcmp(type.bytes.ptr + type.bytes.len - ours, OUR_EVENT, ours) != 0)
        return json_object_set_new(event, "data_type", text(type.bytes)) == 0
               && json_object_set_new(event, "data_base64", base64(value.bytes)) == 0;
    ok = tl_event_to_json(value.bytes, &json) == 0
         && json_object_set_new(event, "data", parse_json(json, strlen(json), NULL, NULL)) == 0;
    free(json);
    return ok;
}

/* ------------------------------------------------------------------ events */

static bool
put_field(json_t *event, const struct field *f)
{
    static const char *const names[] = {
        [EVENT_ID] = "id", [EVENT_SOURCE] = "source", [EVENT_VERSION] = "specversion",
        [EVENT_TYPE] = "type",
    };

    switch (f->number) {
    case EVENT_ID:
    case EVENT_SOURCE:
    case EVENT_VERSION:
    case EVENT_TYPE: return json_object_set_new(event, names[f->number], text(f->bytes)) == 0;
    case EVENT_ATTRIBUTES: return put_attribute(event, f->bytes);
    case EVENT_BINARY: return json_object_set_new(event, "data_base64", base64(f->bytes)) == 0;
    case EVENT_TEXT: return json_object_set_new(event, "data", text_data(f->bytes)) == 0;
    case EVENT_PROTO: return put_message(event, f->bytes);
    default: return false;
    }
}

static json_t *
read_event(struct tl_str bytes)
{
    json_t *event = json_object();
    struct field f;

    while (event != NULL && bytes.len > 0)
        if (!take_field(&bytes, &f) || !f.is_bytes || !put_field(event, &f)) {
            json_decref(event);
            return NULL;
        }
    return event;
}

/* An event has its source and type beside its id; a batch has only events. */
static bool
is_batch(struct tl_str bytes)
{
    struct field f;

    while (bytes.len > 0)
        if (!take_field(&bytes, &f) || f.number != BATCH_EVENTS)
            return false;
    return true;
}

json_t *
ceproto_read(struct tl_str bytes)
{
    json_t *events, *event;
    struct field f;

    if (bytes.len == 0 || !is_batch(bytes))
        return bytes.len > 0 ? read_event(bytes) : NULL;
    events = json_array();
    while (bytes.len > 0 && take_field(&bytes, &f)) {
        event = f.is_bytes ? read_event(f.bytes) : NULL;
        if (event == NULL || json_array_append_new(events, event) != 0) {
            json_decref(events);
            return NULL;
        }
    }
    return events;
}
