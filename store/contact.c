#include "store/contact.h"

#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/fold.h"
#include "store/key.h"
#include "store/offer.h"
#include "store/record.h"

/* Of a record's parts; they stand in this order, lists by channel and purpose. */
enum kind { DECLINED = 'd', COMPLAINTS = 'f', RESERVATIONS = 'r', SENT = 's' };

/* Which of a contact's fields are in its record. */
enum { HAS_KEY = 1, HAS_NAMES = 2, HAS_CAMPAIGN = 4, HAS_OFFER = 8, HAS_UNTIL = 16 };

#define CONTACT_BYTES_MAX (8 + RECORD_VARINT_MAX + 1 + 8 + 8 + 4 + 4 + 8)

struct contacts {
    struct contact items[CONTACTS_KEPT_MAX + 1];    /* newest first */
    size_t count;
};

static bool
later(int64_t time_a, uint64_t number_a, int64_t time_b, uint64_t number_b)
{
    return time_a > time_b || (time_a == time_b && number_a > number_b);
}

/* ---------------------------------------------------------------- names */

/* FNV-1a.  Names of one customer meet only each other, so 64 bits without a
 * secret do. */
static uint64_t
add_to_hash(uint64_t h, struct tl_str text)
{
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.ptr[i]) * 0x100000001b3;
    return h;
}

/* 0: the text is empty. */
static uint64_t
hash_in(const char *kind, struct tl_str place, struct tl_str text)
{
    uint64_t h = add_to_hash(0xcbf29ce484222325, (struct tl_str){kind, strlen(kind)});

    if (text.len == 0)
        return 0;
    h = add_to_hash(h, place);
    return add_to_hash(h, text) | 1;
}

static uint64_t
hash(const char *kind, struct tl_str text)
{
    return hash_in(kind, (struct tl_str){"", 0}, text);
}

uint64_t
contact_name(struct tl_str text)
{
    return hash("name", text);
}

/* Of what is only compared for as long as a lease. */
static uint32_t
short_name(struct tl_str text)
{
    uint64_t h = contact_name(text);

    return (uint32_t)(h ^ h >> 32) | (h != 0);
}

static struct tl_str
attribute(const struct tl_event *ev, const char *name)
{
    for (size_t i = 0; i < ev->attributes_count; i++)
        if (str_is(ev->attributes[i].key, name))
            return ev->attributes[i].value;
    return (struct tl_str){"", 0};
}

/* What the event says it is for; a word, or nothing. */
static struct tl_str
purpose_of(const struct tl_event *ev)
{
    struct tl_str purpose = attribute(ev, CONTACT_PURPOSE);

    return valid_word(purpose) ? purpose : (struct tl_str){"", 0};
}

/* --------------------------------------------------------------- a record */

/* A part: u16 its bytes, u8 kind, channel, purpose, and what it holds. */
struct part {
    enum kind kind;
    struct tl_str channel;
    struct tl_str purpose;
    struct tl_str held;
};

static bool
next_part(struct record *r, struct part *p)
{
    const unsigned char *at = r->at;
    struct record in;
    size_t bytes;

    if (r->end - at < 2)
        return at < r->end ? record_fault(r) : false;
    bytes = (size_t)(at[0] | at[1] << 8);
    if (bytes > (size_t)(r->end - at) - 2)
        return record_fault(r);
    in = record_open((struct tl_str){(const char *)at + 2, bytes});
    p->kind = record_byte(&in);
    p->channel = record_text(&in);
    p->purpose = record_text(&in);
    p->held = (struct tl_str){(const char *)in.at, (size_t)(in.end - in.at)};
    r->at = in.end;
    return in.bad ? record_fault(r) : true;
}

static int
compare_parts(const struct part *a, const struct part *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);

    if (order == 0)
        order = str_compare(a->channel, b->channel);
    return order != 0 ? order : str_compare(a->purpose, b->purpose);
}

/* A profile's record, with one part of it to be written anew. */
struct change {
    struct card *card;
    struct key key;
    struct part part;           /* as it is: holds nothing when it is not there */
    struct tl_str before;
    struct tl_str after;
    struct buf *out;            /* lent */
    size_t part_at;
    bool full;                  /* it is not there, and no part more fits */
};

static int
change_begin(struct change *c, struct fold *fold, struct card *card, uint64_t profile,
             const struct part *wanted)
{
    struct tl_str bytes = {"", 0};
    struct record r, at;
    struct part p;
    size_t parts = 1;           /* with the one that is wanted */

    c->card = card;
    c->part = *wanted;
    c->out = &fold->bytes;
    key_profile(&c->key, profile, KEY_CONTACT);
    if (card->has & CARD_CONTACTS)
        views_get(fold->views, c->key.bytes, c->key.len, &bytes);
    for (at = r = record_open(bytes); next_part(&r, &p) && compare_parts(&p, wanted) < 0; at = r)
        parts++;
    c->before = (struct tl_str){bytes.ptr, bytes.len - (size_t)(r.end - at.at)};
    if (at.at < at.end && !r.bad && compare_parts(&p, wanted) == 0) {
        c->part = p;
        at = r;
    }
    c->after = (struct tl_str){(const char *)at.at, (size_t)(at.end - at.at)};
    for (r = at; next_part(&r, &p); )
        parts++;
    c->full = c->part.held.len == 0 && parts > CONTACT_PARTS_MAX;
    return r.bad ? TL_EDAMAGED : 0;
}

static struct buf *
change_write(struct change *c)
{
    struct buf *out = c->out;

    buf_clear(out);
    buf_append(out, c->before.ptr, c->before.len);
    c->part_at = out->len;
    buf_u16(out, 0);
    buf_byte(out, (unsigned char)c->part.kind);
    record_put_text(out, c->part.channel);
    record_put_text(out, c->part.purpose);
    return out;
}

static void
change_end(struct change *c, struct views *v)
{
    struct buf *out = c->out;
    size_t bytes = out->len - c->part_at - 2;

    must(!out->failed && bytes <= UINT16_MAX);
    out->ptr[c->part_at] = (unsigned char)bytes;
    out->ptr[c->part_at + 1] = (unsigned char)(bytes >> 8);
    buf_append(out, c->after.ptr, c->after.len);
    must(!out->failed);
    views_put(v, c->key.bytes, c->key.len, out->ptr, out->len);
    c->card->has |= CARD_CONTACTS;
}

/* -------------------------------------------------------- what parts hold */

static unsigned char *
write_u32(unsigned char *at, uint32_t v)
{
    memcpy(at, &v, 4);
    return at + 4;
}

static unsigned char *
write_u64(unsigned char *at, uint64_t v)
{
    memcpy(at, &v, 8);
    return at + 8;
}

/* At most CONTACT_BYTES_MAX. */
static unsigned char *
write_contact(const struct contact *c, unsigned char *at)
{
    unsigned has = (c->key != 0 ? HAS_KEY : 0u) | (c->names != 0 ? HAS_NAMES : 0u) |
                   (c->campaign != 0 ? HAS_CAMPAIGN : 0u) | (c->offer != 0 ? HAS_OFFER : 0u) |
                   (c->until != 0 ? HAS_UNTIL : 0u);

    at = write_u64(at, (uint64_t)c->time);
    at = record_write_varint(at, c->number);
    *at++ = (unsigned char)has;
    if (c->key != 0)
        at = write_u64(at, c->key);
    if (c->names != 0)
        at = write_u64(at, c->names);
    if (c->campaign != 0)
        at = write_u32(at, c->campaign);
    if (c->offer != 0)
        at = write_u32(at, c->offer);
    if (c->until != 0)
        at = write_u64(at, (uint64_t)c->until);
    return at;
}

static void
write_contacts(const struct contacts *list, struct buf *out)
{
    size_t room = RECORD_VARINT_MAX + list->count * CONTACT_BYTES_MAX;
    unsigned char *start = buf_grow(out, room), *at = start;

    must(start != NULL);
    at = record_write_varint(at, list->count);
    for (size_t i = 0; i < list->count; i++)
        at = write_contact(&list->items[i], at);
    out->len -= room - (size_t)(at - start);
}

static uint32_t
read_u32(struct record *r)
{
    uint32_t v;

    if (r->end - r->at < 4)
        return (uint32_t)record_fault(r);
    memcpy(&v, r->at, 4);
    r->at += 4;
    return v;
}

static void
read_contact(struct record *r, struct contact *c)
{
    unsigned has;

    c->time = record_time(r);
    c->number = record_varint(r);
    has = record_byte(r);
    c->key = has & HAS_KEY ? (uint64_t)record_time(r) : 0;
    c->names = has & HAS_NAMES ? (uint64_t)record_time(r) : 0;
    c->campaign = has & HAS_CAMPAIGN ? read_u32(r) : 0;
    c->offer = has & HAS_OFFER ? read_u32(r) : 0;
    c->until = has & HAS_UNTIL ? record_time(r) : 0;
}

static int
read_contacts(struct contacts *out, struct tl_str held)
{
    struct record r = record_open(held);

    out->count = held.len > 0 ? record_count(&r, CONTACTS_KEPT_MAX) : 0;
    for (size_t i = 0; i < out->count; i++)
        read_contact(&r, &out->items[i]);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static int
read_complaints(struct contact_complaints *out, struct tl_str held)
{
    struct record r = record_open(held);

    out->count = held.len > 0 ? record_count(&r, COMPLAINTS_KEPT_MAX) : 0;
    for (size_t i = 0; i < out->count; i++) {
        struct contact_complaint *c = &out->items[i];

        c->time = record_time(&r);
        c->number = record_varint(&r);
        c->id = (uint64_t)record_time(&r);
        c->open = record_byte(&r) != 0;
    }
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static int
read_word(struct contact_word *out, struct tl_str held)
{
    struct record r = record_open(held);

    *out = (struct contact_word){0};
    if (held.len == 0)
        return 0;
    out->time = record_time(&r);
    out->number = record_varint(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

/* ---------------------------------------------------- contacts, as folded */

/* Takes out what is known of the same message, and leaves the sum in `one`. */
static void
take_same(struct contacts *list, struct contact *one)
{
    for (size_t i = 0; one->key != 0 && i < list->count; i++) {
        struct contact known = list->items[i];

        if (known.key != one->key)
            continue;
        if (later(known.time, known.number, one->time, one->number)) {
            one->time = known.time;
            one->number = known.number;
        }
        one->names = known.names > one->names ? known.names : one->names;
        one->campaign = known.campaign > one->campaign ? known.campaign : one->campaign;
        one->offer = known.offer > one->offer ? known.offer : one->offer;
        list->count--;
        memmove(&list->items[i], &list->items[i + 1],
                (list->count - i) * sizeof(list->items[0]));
        return;
    }
}

/* The oldest goes when there are too many. */
static void
insert(struct contacts *list, const struct contact *one)
{
    size_t at = list->count;

    while (at > 0 && later(one->time, one->number, list->items[at - 1].time,
                           list->items[at - 1].number))
        at--;
    memmove(&list->items[at + 1], &list->items[at],
            (list->count - at) * sizeof(list->items[0]));
    list->items[at] = *one;
    if (list->count < CONTACTS_KEPT_MAX)
        list->count++;
}

/* Reservations come in the order of the log, so what was over for one is over
 * for all that follow. */
static void
drop_over(struct contacts *list, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].until > now)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

static int
add(struct fold *fold, struct card *card, uint64_t profile, const struct part *part,
    const struct contact *said)
{
    struct contacts list;
    struct contact one = *said;
    struct change c;
    struct buf *out;

    if (change_begin(&c, fold, card, profile, part) != 0 || read_contacts(&list, c.part.held) != 0)
        return TL_EDAMAGED;
    if (c.full)
        return 0;
    if (part->kind == RESERVATIONS)
        drop_over(&list, one.time);
    take_same(&list, &one);
    insert(&list, &one);
    out = change_write(&c);
    write_contacts(&list, out);
    change_end(&c, fold->views);
    return 0;
}

/* The first word of a type: `email` of email.sent. */
static struct tl_str
object_of(struct tl_str type)
{
    const char *dot = memchr(type.ptr, '.', type.len);

    return (struct tl_str){type.ptr, dot != NULL ? (size_t)(dot - type.ptr) : type.len};
}

static bool
is_channel_of_messages(struct tl_str name)
{
    static const char *const channels[] = {"email", "sms", "push", "mail", "chat", "social"};

    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
        if (str_is(name, channels[i]))
            return true;
    return false;
}

bool
contact_reaches_out(const struct tl_event *ev)
{
    struct tl_str object = object_of(ev->type);
    struct tl_str word = {ev->type.ptr + object.len, ev->type.len - object.len};

    if (str_is(ev->direction, "inbound"))
        return false;
    if (str_is(object, "call"))
        return str_is(ev->direction, "outbound");
    if (str_is(ev->type, "offer.made"))
        return is_channel_of_messages(ev->channel);
    return (str_is(word, ".sent") || str_is(word, ".delivered")) &&
           (is_channel_of_messages(object) ||
            (str_is(object, "message") && is_channel_of_messages(ev->channel)));
}

static struct tl_str
channel_of(const struct frame *f)
{
    return f->channel.len > 0 ? f->channel : object_of(f->type);
}

/* All events of one message, or call, are one contact.  Two channels that count
 * their messages alike do not mean the same one. */
static uint64_t
key_of(const struct frame *f, const struct tl_event *ev)
{
    bool call = str_is(object_of(f->type), "call");

    if (!call)
        return ev->message != NULL ? hash_in("message", channel_of(f), ev->message->id) : 0;
    if (ev->call != NULL && ev->call->id.len > 0)
        return hash("call", ev->call->id);
    return hash("subject", ev->subject);
}

static int
fold_contact(struct fold *fold, struct card *card, const struct frame *f,
             const struct tl_event *ev)
{
    struct tl_str named = attribute(ev, CONTACT_RESERVATION);
    struct contact one = {
        .time = f->time,
        .number = f->number,
        .key = key_of(f, ev),
        .names = contact_name(named.len > 0 ? named : ev->causation_id),
        .campaign = short_name(ev->campaign),
    };
    const struct part part = {SENT, channel_of(f), purpose_of(ev), {"", 0}};

    if (ev->offers_count > 0) {
        one.campaign = short_name(offer_campaign(ev, &ev->offers[0]));
        one.offer = short_name(offer_id(ev, &ev->offers[0]));
    }
    return add(fold, card, f->profile, &part, &one);
}

static int
fold_reservation(struct fold *fold, struct card *card, const struct frame *f,
                 const struct tl_event *ev)
{
    struct tl_str until = attribute(ev, CONTACT_UNTIL);
    struct contact one = {
        .time = f->time,
        .number = f->number,
        .key = contact_name(attribute(ev, CONTACT_RESERVATION)),
        .campaign = short_name(ev->campaign),
        .offer = short_name(attribute(ev, CONTACT_OFFER)),
    };
    const struct part part = {RESERVATIONS, f->channel, purpose_of(ev), {"", 0}};

    if (clock_parse(&one.until, until.ptr, until.len) != 0)
        return TL_EDAMAGED;
    return add(fold, card, f->profile, &part, &one);
}

/* ------------------------------------------------ declines and complaints */

static bool
declines(const struct tl_event *ev)
{
    for (size_t i = 0; i < ev->offers_count; i++)
        if (outcome_of(ev, &ev->offers[i]) == OUTCOME_DECLINED)
            return true;
    return false;
}

static int
fold_declined(struct fold *fold, struct card *card, const struct frame *f)
{
    const struct part part = {DECLINED, {"", 0}, {"", 0}, {"", 0}};
    struct contact_word known;
    struct change c;
    struct buf *out;

    if (change_begin(&c, fold, card, f->profile, &part) != 0 || read_word(&known, c.part.held) != 0)
        return TL_EDAMAGED;
    if (c.full || !later(f->time, f->number, known.time, known.number))
        return 0;
    out = change_write(&c);
    buf_u64(out, (uint64_t)f->time);
    buf_varint(out, f->number);
    change_end(&c, fold->views);
    return 0;
}

enum said { NOTHING, COMPLAINED, RESOLVED };

static enum said
said_of_complaint(const struct tl_event *ev)
{
    if (str_is(ev->type, "feedback.resolved") || str_is(ev->feedback->state, "resolved"))
        return RESOLVED;
    if (str_is(ev->type, "feedback.answered"))
        return NOTHING;
    if (str_is(ev->feedback->kind, "complaint") || str_is(ev->type, "feedback.complaint"))
        return COMPLAINED;
    return NOTHING;
}

/* As for contacts; what goes with the oldest is at most a word that a later one
 * on the same complaint makes void. */
static void
insert_complaint(struct contact_complaints *list, const struct contact_complaint *one)
{
    size_t at = 0;

    while (at < list->count && list->items[at].id != one->id)
        at++;
    if (at < list->count) {
        if (!later(one->time, one->number, list->items[at].time, list->items[at].number))
            return;
        list->count--;
        memmove(&list->items[at], &list->items[at + 1],
                (list->count - at) * sizeof(list->items[0]));
    }
    at = list->count;
    while (at > 0 && later(one->time, one->number, list->items[at - 1].time,
                           list->items[at - 1].number))
        at--;
    memmove(&list->items[at + 1], &list->items[at],
            (list->count - at) * sizeof(list->items[0]));
    list->items[at] = *one;
    if (list->count < COMPLAINTS_KEPT_MAX)
        list->count++;
}

static int
fold_complaint(struct fold *fold, struct card *card, const struct frame *f,
               const struct tl_event *ev, enum said said)
{
    struct tl_str id = ev->feedback->id.len > 0 ? ev->feedback->id
                       : ev->subject.len > 0    ? ev->subject
                                                : ev->id;
    struct contact_complaint one = {f->time, f->number, hash("complaint", id), said == COMPLAINED};
    const struct part part = {COMPLAINTS, {"", 0}, {"", 0}, {"", 0}};
    struct contact_complaints list;
    struct change c;
    struct buf *out;

    if (change_begin(&c, fold, card, f->profile, &part) != 0 ||
        read_complaints(&list, c.part.held) != 0)
        return TL_EDAMAGED;
    if (c.full)
        return 0;
    insert_complaint(&list, &one);
    out = change_write(&c);
    buf_varint(out, list.count);
    for (size_t i = 0; i < list.count; i++) {
        buf_u64(out, (uint64_t)list.items[i].time);
        buf_varint(out, list.items[i].number);
        buf_u64(out, list.items[i].id);
        buf_byte(out, list.items[i].open);
    }
    change_end(&c, fold->views);
    return 0;
}

int
contact_fold(struct fold *fold, struct card *c, const struct frame *f, const struct tl_event *ev)
{
    bool reserved = f->flags & FRAME_BUS && str_is(f->type, CONTACT_RESERVED);
    enum said said = NOTHING;
    bool contact = false, declined = false;
    int err = 0;

    if (f->flags & FRAME_ERASED)
        return 0;
    if (!(f->flags & FRAME_HIDDEN)) {
        said = ev->feedback != NULL ? said_of_complaint(ev) : NOTHING;
        contact = contact_reaches_out(ev);
        declined = declines(ev);
    }
    if (reserved)
        err = fold_reservation(fold, c, f, ev);
    if (contact)
        err = fold_contact(fold, c, f, ev);
    if (declined && err == 0)
        err = fold_declined(fold, c, f);
    if (said != NOTHING && err == 0)
        err = fold_complaint(fold, c, f, ev, said);
    return err;
}

/* --------------------------------------------------------------- reading */

static struct contact_entry *
next_entry(struct contact_record *out, struct arena *arena)
{
    if (out->count == out->room) {
        size_t room = out->room > 0 ? 2 * out->room : 8;
        struct contact_entry *grown = arena_take(arena, room * sizeof(*grown));

        if (grown == NULL)
            return NULL;
        if (out->count > 0)
            memcpy(grown, out->entries, out->count * sizeof(*grown));
        out->entries = grown;
        out->room = room;
    }
    return &out->entries[out->count++];
}

static int
add_list(const struct part *p, struct contact_record *out, struct arena *arena)
{
    struct contacts list;

    if (read_contacts(&list, p->held) != 0)
        return TL_EDAMAGED;
    for (size_t i = 0; i < list.count; i++) {
        struct contact_entry *entry = next_entry(out, arena);

        if (entry == NULL)
            return TL_TOO_MANY;
        *entry = (struct contact_entry){p->channel, p->purpose, list.items[i]};
    }
    return 0;
}

static int
add_word(const struct part *p, struct contact_record *out)
{
    struct contact_word word;

    if (read_word(&word, p->held) != 0)
        return TL_EDAMAGED;
    if (later(word.time, word.number, out->declined.time, out->declined.number))
        out->declined = word;
    return 0;
}

static int
add_complaints(const struct part *p, struct contact_record *out)
{
    struct contact_complaints list;

    if (read_complaints(&list, p->held) != 0)
        return TL_EDAMAGED;
    for (size_t i = 0; i < list.count; i++)
        insert_complaint(&out->complaints, &list.items[i]);
    return 0;
}

int
contact_read(struct views *v, uint64_t profile, struct contact_record *out, struct arena *arena)
{
    struct tl_str bytes;
    struct record r;
    struct part p;
    struct key k;
    int err = 0;

    key_profile(&k, profile, KEY_CONTACT);
    if (!views_get(v, k.bytes, k.len, &bytes))
        return 0;
    bytes.ptr = arena_copy(arena, bytes.ptr, bytes.len);
    if (bytes.ptr == NULL)
        return TL_TOO_MANY;
    r = record_open(bytes);
    while (err == 0 && next_part(&r, &p)) {
        if (p.kind == DECLINED)
            err = add_word(&p, out);
        else if (p.kind == COMPLAINTS)
            err = add_complaints(&p, out);
        else
            err = add_list(&p, out, arena);
    }
    return r.bad ? TL_EDAMAGED : err;
}
