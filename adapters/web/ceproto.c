#include "adapters/web/ceproto.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/parse.h"
#include "adapters/text.h"
#include "adapters/web/base64url.h"
#include "base/buf.h"
#include "base/clock.h"

#define OUR_EVENT "/touchline.v1.Event"

/* Field numbers of cloudevents.proto. */
enum {
    EVENT_ID = 1, EVENT_SOURCE = 2, EVENT_VERSION = 3, EVENT_TYPE = 4, EVENT_ATTRIBUTES = 5,
    EVENT_BINARY = 6, EVENT_TEXT = 7, EVENT_PROTO = 8,
    ENTRY_KEY = 1, ENTRY_VALUE = 2,
    TYPED_BOOLEAN = 1, TYPED_INTEGER = 2, TYPED_STRING = 3, TYPED_BYTES = 4, TYPED_URI = 5,
    TYPED_URI_REF = 6, TYPED_TIMESTAMP = 7,
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

static struct value *
base64(struct values *in, struct tl_str bytes)
{
    struct buf out = {0};
    struct value *value = NULL;

    base64url_write(&out, bytes);
    if (!out.failed)
        value = values_string(in, (struct tl_str){(const char *)out.ptr, out.len});
    buf_free(&out);
    return value;
}

static struct value *
timestamp(struct values *in, struct tl_str message)
{
    struct field f;
    char out[CLOCK_TEXT_BYTES];
    int64_t seconds = find(message, TIME_SECONDS, &f) ? (int64_t)f.value : 0;
    int64_t nanos = find(message, TIME_NANOS, &f) ? (int64_t)f.value : 0;

    if (seconds < 0 || seconds > INT64_MAX / CLOCK_SECOND - 1 || nanos < 0
        || nanos >= CLOCK_SECOND)
        return NULL;
    return values_string(in, text_of(clock_format(out, seconds * CLOCK_SECOND + nanos)));
}

static struct value *
attribute(struct values *in, struct tl_str message)
{
    struct field f;

    if (!take_field(&message, &f))
        return NULL;
    switch (f.number) {
    case TYPED_BOOLEAN: return values_boolean(in, f.value != 0);
    case TYPED_INTEGER: return values_integer(in, (int32_t)(uint32_t)f.value);
    case TYPED_BYTES: return base64(in, f.bytes);
    case TYPED_TIMESTAMP: return timestamp(in, f.bytes);
    case TYPED_STRING:
    case TYPED_URI:
    case TYPED_URI_REF: return values_string(in, f.bytes);
    default: return NULL;
    }
}

static bool
put_attribute(struct values *in, struct value *event, struct tl_str entry)
{
    struct field key, value;

    if (!find(entry, ENTRY_KEY, &key) || !key.is_bytes || !find(entry, ENTRY_VALUE, &value))
        return false;
    key.bytes.len = strnlen(key.bytes.ptr, key.bytes.len);
    return value_put(in, event, key.bytes, attribute(in, value.bytes));
}

/* JSON when it reads as it; else text. */
static struct value *
text_data(struct values *in, struct tl_str bytes)
{
    struct value *value = parse_json_any(in, bytes);

    return value != NULL ? value : values_string(in, bytes);
}

static bool
put_message(struct values *in, struct value *event, struct tl_str any)
{
    struct field type, value;
    size_t ours = strlen(OUR_EVENT);
    char *json = NULL;
    bool ok;

    if (!find(any, ANY_TYPE, &type) || !find(any, ANY_VALUE, &value))
        return false;
    if (type.bytes.len < ours
        || memcmp(type.bytes.ptr + type.bytes.len - ours, OUR_EVENT, ours) != 0)
        return value_put(in, event, TL_STR("data_type"), values_string(in, type.bytes))
               && value_put(in, event, TL_STR("data_base64"), base64(in, value.bytes));
    ok = tl_event_to_json(value.bytes, &json) == 0
         && value_put(in, event, TL_STR("data"), parse_json(in, text_of(json), NULL));
    free(json);
    return ok;
}

/* ------------------------------------------------------------------ events */

static bool
put_field(struct values *in, struct value *event, const struct field *f)
{
    switch (f->number) {
    case EVENT_ID: return value_put(in, event, TL_STR("id"), values_string(in, f->bytes));
    case EVENT_SOURCE: return value_put(in, event, TL_STR("source"), values_string(in, f->bytes));
    case EVENT_VERSION:
        return value_put(in, event, TL_STR("specversion"), values_string(in, f->bytes));
    case EVENT_TYPE: return value_put(in, event, TL_STR("type"), values_string(in, f->bytes));
    case EVENT_ATTRIBUTES: return put_attribute(in, event, f->bytes);
    case EVENT_BINARY: return value_put(in, event, TL_STR("data_base64"), base64(in, f->bytes));
    case EVENT_TEXT: return value_put(in, event, TL_STR("data"), text_data(in, f->bytes));
    case EVENT_PROTO: return put_message(in, event, f->bytes);
    default: return false;
    }
}

static struct value *
read_event(struct values *in, struct tl_str bytes)
{
    struct value *event = values_object(in);
    struct field f;

    while (event != NULL && bytes.len > 0)
        if (!take_field(&bytes, &f) || !f.is_bytes || !put_field(in, event, &f))
            return NULL;
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

struct value *
ceproto_read(struct values *in, struct tl_str bytes)
{
    struct value *events;
    struct field f;

    if (bytes.len == 0 || !is_batch(bytes))
        return bytes.len > 0 ? read_event(in, bytes) : NULL;
    events = values_array(in);
    while (bytes.len > 0 && take_field(&bytes, &f))
        if (!f.is_bytes || !value_append(events, read_event(in, f.bytes)))
            return NULL;
    return events;
}
