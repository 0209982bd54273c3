/* table.c -- descriptors into tables; the one file that sees protobuf-c. */

#include "proto/table.h"

#include <stddef.h>
#include <string.h>

#include "base/must.h"
#include "touchline.pb-c.h"

struct mirror {
    const ProtobufCMessageDescriptor *message;
    size_t size;
};

#define MIRROR(message, type) {&touchline__v1__##message##__descriptor, sizeof(struct type)}

/* Every message and its struct; the first are those of enum codec_message. */
static const struct mirror mirrors[] = {
    [CODEC_EVENT] = MIRROR(event, tl_event),
    [CODEC_REQUEST] = MIRROR(request, wire_request),
    [CODEC_REPLY] = MIRROR(reply, wire_reply),
    [CODEC_CONTEXT] = MIRROR(context, tl_context),
    [CODEC_TIMELINE] = MIRROR(timeline, tl_timeline),
    [CODEC_OFFERS] = MIRROR(offers, tl_offers),
    [CODEC_STAT] = MIRROR(stat, tl_stat),
    [CODEC_VERIFICATION] = MIRROR(verification, tl_verification),
    [CODEC_CAMPAIGNS] = MIRROR(campaigns, tl_campaigns),
    [CODEC_CONTACT_VERDICT] = MIRROR(contact_verdict, tl_contact_verdict),
    [CODEC_MESSAGES] = MIRROR(event__attributes_entry, tl_attribute),
    MIRROR(who__attributes_entry, tl_attribute),
    MIRROR(identifier, tl_identifier),
    MIRROR(offer_touch, tl_offer_touch),
    MIRROR(message, tl_message),
    MIRROR(page, tl_page),
    MIRROR(call, tl_call),
    MIRROR(sale, tl_sale),
    MIRROR(sale_line, tl_sale_line),
    MIRROR(tender, tl_tender),
    MIRROR(feedback, tl_feedback),
    MIRROR(commitment, tl_commitment),
    MIRROR(consent, tl_consent),
    MIRROR(identity_link, tl_identity_link),
    MIRROR(household, tl_household),
    MIRROR(who, tl_who),
    MIRROR(known_identifier, tl_known_identifier),
    MIRROR(identity_conflict, tl_identity_conflict),
    MIRROR(candidate, tl_candidate),
    MIRROR(reason, tl_reason),
    MIRROR(offer, tl_offer),
    MIRROR(outcome_seen, tl_outcome_seen),
    MIRROR(commitment_state, tl_commitment_state),
    MIRROR(consent_state, tl_consent_state),
    MIRROR(feedback_state, tl_feedback_state),
    MIRROR(conversation, tl_conversation),
    MIRROR(relationship, tl_relationship),
    MIRROR(value, tl_value),
    MIRROR(other_value, tl_other_value),
    MIRROR(household_member, tl_household_member),
    MIRROR(recent, tl_recent),
    MIRROR(freshness, tl_freshness),
    MIRROR(count, tl_count),
    MIRROR(ignored, tl_ignored),
    MIRROR(campaign_count, tl_campaign_count),
    MIRROR(hello, wire_hello),
    MIRROR(welcome, wire_welcome),
    MIRROR(publish, wire_publish),
    MIRROR(publish_ack, wire_publish_ack),
    MIRROR(event_answer, wire_event_answer),
    MIRROR(context_query, wire_context_query),
    MIRROR(offers_query, wire_offers_query),
    MIRROR(timeline_query, wire_timeline_query),
    MIRROR(contact_query, wire_contact_query),
    MIRROR(stat_query, wire_stat_query),
    MIRROR(verify_query, wire_verify_query),
    MIRROR(campaign_query, wire_campaign_query),
    MIRROR(filter, wire_filter),
    MIRROR(stream_open, wire_stream_open),
    MIRROR(stream_credit, wire_stream_credit),
    MIRROR(stream_close, wire_stream_close),
    MIRROR(stream_batch, wire_stream_batch),
    MIRROR(stream_event, wire_stream_event),
    MIRROR(stream_end, wire_stream_end),
    MIRROR(group_commit, wire_group_commit),
    MIRROR(group_committed, wire_group_committed),
    MIRROR(report, wire_report),
    MIRROR(reported, wire_reported),
    MIRROR(refusal, wire_refusal),
};

#define MIRRORS (sizeof mirrors / sizeof *mirrors)
#define FIELDS_MAX 512

static struct table tables[MIRRORS];

/* Of all messages.  Not from the heap: the first call of a client must be able
 * to say that memory is out. */
static struct table_field fields[FIELDS_MAX];
static size_t fields_used;

static const struct table *
find(const ProtobufCMessageDescriptor *message)
{
    for (size_t i = 0; i < MIRRORS; i++) {
        if (mirrors[i].message == message)
            return &tables[i];
    }
    must(!"a message without a struct");
    return NULL;
}

static size_t
size_of(const ProtobufCMessageDescriptor *message)
{
    return mirrors[find(message) - tables].size;
}

/* protobuf-c forgets which messages are the entries of a map. */
static bool
is_entry(const ProtobufCMessageDescriptor *message)
{
    const char *name = message->short_name;
    size_t len = strlen(name);

    return len > 5 && strcmp(name + len - 5, "Entry") == 0 && message->n_fields == 2 &&
           strcmp(message->fields[0].name, "key") == 0 &&
           strcmp(message->fields[1].name, "value") == 0;
}

static void
set_kind(struct table_field *f, const ProtobufCFieldDescriptor *d)
{
    f->wire = TABLE_VARINT;
    switch (d->type) {
    case PROTOBUF_C_TYPE_STRING: f->kind = TABLE_TEXT; f->wire = TABLE_LENGTH; return;
    case PROTOBUF_C_TYPE_BYTES: f->kind = TABLE_BYTES; f->wire = TABLE_LENGTH; return;
    case PROTOBUF_C_TYPE_BOOL: f->kind = TABLE_BOOL; return;
    case PROTOBUF_C_TYPE_UINT32: f->kind = TABLE_U32; return;
    case PROTOBUF_C_TYPE_UINT64: f->kind = TABLE_U64; return;
    case PROTOBUF_C_TYPE_INT64: f->kind = TABLE_I64; return;
    case PROTOBUF_C_TYPE_ENUM:
        f->kind = TABLE_ENUM;
        f->words = d->descriptor;
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        f->wire = TABLE_LENGTH;
        if (d->descriptor == &google__protobuf__timestamp__descriptor) {
            f->kind = TABLE_TIME;
            return;
        }
        f->kind = TABLE_MESSAGE;
        f->sub = find(d->descriptor);
        f->map = is_entry(d->descriptor);
        return;
    default:
        must(!"a kind of field the codec does not know");
    }
}

static void
set_tag(struct table_field *f)
{
    unsigned tag = (unsigned)f->number << 3 | f->wire;

    f->tag_bytes = tag < 0x80 ? 1 : 2;
    f->tag[0] = (uint8_t)(tag < 0x80 ? tag : (tag & 0x7f) | 0x80);
    f->tag[1] = (uint8_t)(tag >> 7);
}

struct layout {
    size_t end;
    size_t align;
};

static size_t
round_up(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

/* The C ABI's rule: the next multiple of the alignment. */
static uint16_t
place(struct layout *at, size_t size, size_t align)
{
    size_t offset = round_up(at->end, align);

    at->end = offset + size;
    at->align = align > at->align ? align : at->align;
    must(at->end <= UINT16_MAX);
    return (uint16_t)offset;
}

static void
place_single(struct table_field *f, struct layout *at)
{
    switch ((enum table_kind)f->kind) {
    case TABLE_TEXT:
    case TABLE_BYTES:
        f->offset = place(at, sizeof(struct tl_str), _Alignof(struct tl_str));
        return;
    case TABLE_BOOL:
        f->offset = place(at, sizeof(bool), _Alignof(bool));
        return;
    case TABLE_U32:
    case TABLE_ENUM:
        f->offset = place(at, sizeof(uint32_t), _Alignof(uint32_t));
        return;
    case TABLE_U64:
    case TABLE_I64:
    case TABLE_TIME:
        f->offset = place(at, sizeof(uint64_t), _Alignof(uint64_t));
        return;
    case TABLE_MESSAGE:
        f->offset = place(at, sizeof(void *), _Alignof(void *));
        return;
    }
}

static void
place_repeated(struct table_field *f, const ProtobufCFieldDescriptor *d, struct layout *at)
{
    must(f->kind == TABLE_TEXT || f->kind == TABLE_BYTES || f->kind == TABLE_MESSAGE);
    f->size = (uint16_t)(f->kind == TABLE_MESSAGE ? size_of(d->descriptor) : sizeof(struct tl_str));
    f->offset = place(at, sizeof(void *), _Alignof(void *));
    f->count_offset = place(at, sizeof(size_t), _Alignof(size_t));
}

/* Of all kinds one word says whether the field is there, and writing a message
 * is mostly finding out that fields are not. */
static void
set_look(struct table_field *f, size_t size)
{
    size_t bytes = sizeof(uint64_t), at = f->offset;
    unsigned char there[sizeof(uint64_t)] = {0};

    if (f->repeated)
        at = f->count_offset;
    else if (f->kind == TABLE_TEXT || f->kind == TABLE_BYTES)
        at += offsetof(struct tl_str, len);
    else if (f->kind == TABLE_BOOL)
        bytes = sizeof(bool);
    else if (f->kind == TABLE_U32 || f->kind == TABLE_ENUM)
        bytes = sizeof(uint32_t);
    must(size >= sizeof there);
    f->look = (uint16_t)(at < size - sizeof there ? at : size - sizeof there);
    memset(there + (at - f->look), 0xff, bytes);
    memcpy(&f->there, there, sizeof there);
}

static void
build(struct table *t, const struct mirror *m)
{
    struct layout at = {0, 1};
    size_t count = m->message->n_fields;

    must(count <= FIELDS_MAX - fields_used);
    t->fields = fields + fields_used;
    fields_used += count;
    t->fields_count = count;
    t->size = m->size;
    for (size_t i = 0; i < count; i++) {
        const ProtobufCFieldDescriptor *d = &m->message->fields[i];
        struct table_field *f = &t->fields[i];

        must(d->id < TABLE_NUMBERS);
        f->name = d->name;
        f->number = (uint8_t)d->id;
        f->repeated = d->label == PROTOBUF_C_LABEL_REPEATED;
        f->oneof = (d->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
        set_kind(f, d);
        set_tag(f);
        must(!f->oneof || f->kind == TABLE_MESSAGE);
        if (f->repeated)
            place_repeated(f, d, &at);
        else
            place_single(f, &at);
        set_look(f, m->size);
        t->by_number[d->id] = f;
    }
    must(m->size == round_up(at.end, at.align));
}

/* A recursive schema would let a stranger choose how deep our stack goes. */
static void
must_end(const struct table *t, unsigned depth)
{
    must(depth < MIRRORS);
    for (size_t i = 0; i < t->fields_count; i++) {
        if (t->fields[i].sub != NULL)
            must_end(t->fields[i].sub, depth + 1);
    }
}

void
table_init(void)
{
    if (tables[0].fields != NULL)
        return;
    for (size_t i = 0; i < MIRRORS; i++)
        build(&tables[i], &mirrors[i]);
    for (size_t i = 0; i < MIRRORS; i++)
        must_end(&tables[i], 0);
}

const struct table *
table_of(enum codec_message what)
{
    must(what < CODEC_MESSAGES && tables[what].fields != NULL);
    return &tables[what];
}

const char *
table_word(const struct table_field *f, uint32_t value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->words, (int)value);

    return v != NULL ? v->name : NULL;
}

int64_t
table_word_value(const struct table_field *f, const char *word)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(f->words, word);

    return v != NULL ? v->value : INT64_MIN;
}
