#include "store/contact.h"

#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/offer.h"
#include "store/record.h"

enum kind { DECLINED = 'd', COMPLAINTS = 'f', RESERVATIONS = 'r', SENT = 's' };

/* Which of a contact's parts are in its record. */
enum { HAS_KEY = 1, HAS_NAMES = 2, HAS_CAMPAIGN = 4, HAS_OFFER = 8, HAS_UNTIL = 16 };

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
hash(const char *kind, struct tl_str text)
{
    uint64_t h = 0xcbf29ce484222325;

    if (text.len == 0)
        return 0;
    for (const char *at = kind; *at != '\0'; at++)
        h = (h ^ (unsigned char)*at) * 0x100000001b3;
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char)text.ptr[i]) * 0x100000001b3;
    return h | 1;
}

uint64_t
contact_name(struct tl_str text)
{
    return hash("name", text);
}

static struct tl_str
attribute(const struct tl_event *ev, const char *name)
{
    for (size_t i = 0; i < ev->attributes_count; i++)
        if (str_is(ev->attributes[i].key, name))
            return ev->attributes[i].value;
    return (struct tl_str){"", 0};
}

/* --------------------------------------------------------------- records */

static void
write_contact(const struct contact *c, struct buf *out)
{
    const uint64_t parts[] = {c->key, c->names, c->campaign, c->offer, (uint64_t)c->until};
    unsigned char has = 0;

    for (unsigned i = 0; i < 5; i++)
        has |= (unsigned char)(parts[i] != 0 ? 1u << i : 0);
    record_put_time(out, c->time);
    buf_varint(out, c->number);
    buf_byte(out, has);
    for (unsigned i = 0; i < 5; i++)
        if (parts[i] != 0)
            buf_u64(out, parts[i]);
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
    c->campaign = has & HAS_CAMPAIGN ? (uint64_t)record_time(r) : 0;
    c->offer = has & HAS_OFFER ? (uint64_t)record_time(r) : 0;
    c->until = has & HAS_UNTIL ? record_time(r) : 0;
}

static int
read_contacts(struct contacts *out, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    out->count = record_count(&r, CONTACTS_KEPT_MAX);
    for (size_t i = 0; i < out->count; i++)
        read_contact(&r, &out->items[i]);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static int
read_complaints(struct contact_complaints *out, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    out->count = record_count(&r, COMPLAINTS_KEPT_MAX);
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
read_word(struct contact_word *out, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    out->time = record_time(&r);
    out->number = record_varint(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

static void
start_key(struct key *k, uint64_t profile, enum kind kind)
{
    key_profile(k, profile, KEY_CONTACT);
    key_add_byte(k, (unsigned char)kind);
}

static void
put(struct views *v, const struct key *k, struct buf *out)
{
    must(!out->failed);
    views_put(v, k->bytes, k->len, out->ptr, out->len);
    buf_free(out);
}

/* ---------------------------------------------------- contacts, as folded */

static uint64_t
greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

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
        one->names = greater(one->names, known.names);
        one->campaign = greater(one->campaign, known.campaign);
        one->offer = greater(one->offer, known.offer);
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

/* Most profiles have no such record: the card says so. */
static bool
look(struct views *v, const struct card *c, const struct key *k, struct tl_str *bytes)
{
    return c->has & CARD_CONTACTS && views_get(v, k->bytes, k->len, bytes);
}

static int
add(struct views *v, const struct card *c, uint64_t profile, enum kind kind,
    struct tl_str channel, struct tl_str purpose, const struct contact *said)
{
    struct contacts list = {.count = 0};
    struct contact one = *said;
    struct tl_str bytes;
    struct buf out = {0};
    struct key k;

    start_key(&k, profile, kind);
    key_add_end(&k, channel);
    key_add(&k, purpose);
    if (look(v, c, &k, &bytes) && read_contacts(&list, bytes) != 0)
        return TL_EDAMAGED;
    if (kind == RESERVATIONS)
        drop_over(&list, one.time);
    take_same(&list, &one);
    insert(&list, &one);
    buf_varint(&out, list.count);
    for (size_t i = 0; i < list.count; i++)
        write_contact(&list.items[i], &out);
    put(v, &k, &out);
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

/* Is it something of ours that reached out to the customer: a message that was
 * sent or delivered, an offer sent to him, a call we made? */
static bool
reaches_out(const struct frame *f, const struct tl_event *ev)
{
    struct tl_str object = object_of(f->type);
    struct tl_str word = {f->type.ptr + object.len, f->type.len - object.len};

    if (str_is(ev->direction, "inbound"))
        return false;
    if (str_is(object, "call"))
        return str_is(ev->direction, "outbound");
    if (str_is(f->type, "offer.made"))
        return is_channel_of_messages(f->channel);
    return (str_is(word, ".sent") || str_is(word, ".delivered")) &&
           (is_channel_of_messages(object) ||
            (str_is(object, "message") && is_channel_of_messages(f->channel)));
}

static struct tl_str
channel_of(const struct frame *f)
{
    return f->channel.len > 0 ? f->channel : object_of(f->type);
}

/* All events of one message, or call, are one contact. */
static uint64_t
key_of(const struct tl_event *ev, bool call)
{
    if (!call)
        return ev->message != NULL ? hash("message", ev->message->id) : 0;
    if (ev->call != NULL && ev->call->id.len > 0)
        return hash("call", ev->call->id);
    return hash("subject", ev->subject);
}

static int
fold_contact(struct views *v, const struct card *c, const struct frame *f,
             const struct tl_event *ev)
{
    struct tl_str named = attribute(ev, CONTACT_RESERVATION);
    struct contact one = {
        .time = f->time,
        .number = f->number,
        .key = key_of(ev, str_is(object_of(f->type), "call")),
        .names = contact_name(named.len > 0 ? named : ev->causation_id),
        .campaign = contact_name(ev->campaign),
    };

    if (ev->offers_count > 0) {
        one.campaign = contact_name(offer_campaign(ev, &ev->offers[0]));
        one.offer = contact_name(offer_id(ev, &ev->offers[0]));
    }
    return add(v, c, f->profile, SENT, channel_of(f), attribute(ev, CONTACT_PURPOSE), &one);
}

static int
fold_reservation(struct views *v, const struct card *c, const struct frame *f,
                 const struct tl_event *ev)
{
    struct tl_str until = attribute(ev, CONTACT_UNTIL);
    struct contact one = {
        .time = f->time,
        .number = f->number,
        .key = contact_name(attribute(ev, CONTACT_RESERVATION)),
        .campaign = contact_name(ev->campaign),
    };

    if (clock_parse(&one.until, until.ptr, until.len) != 0)
        return TL_EDAMAGED;
    one.offer = contact_name(attribute(ev, CONTACT_OFFER));
    return add(v, c, f->profile, RESERVATIONS, f->channel, attribute(ev, CONTACT_PURPOSE),
               &one);
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
fold_declined(struct views *v, const struct card *c, const struct frame *f)
{
    struct contact_word known = {0};
    struct tl_str bytes;
    struct buf out = {0};
    struct key k;

    start_key(&k, f->profile, DECLINED);
    if (look(v, c, &k, &bytes)) {
        if (read_word(&known, bytes) != 0)
            return TL_EDAMAGED;
        if (!later(f->time, f->number, known.time, known.number))
            return 0;
    }
    record_put_time(&out, f->time);
    buf_varint(&out, f->number);
    put(v, &k, &out);
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
fold_complaint(struct views *v, const struct card *c, const struct frame *f,
               const struct tl_event *ev, enum said said)
{
    struct tl_str id = ev->feedback->id.len > 0 ? ev->feedback->id
                       : ev->subject.len > 0    ? ev->subject
                                                : ev->id;
    struct contact_complaint one = {f->time, f->number, hash("complaint", id), said == COMPLAINED};
    struct contact_complaints list = {.count = 0};
    struct tl_str bytes;
    struct buf out = {0};
    struct key k;

    start_key(&k, f->profile, COMPLAINTS);
    if (look(v, c, &k, &bytes) && read_complaints(&list, bytes) != 0)
        return TL_EDAMAGED;
    insert_complaint(&list, &one);
    buf_varint(&out, list.count);
    for (size_t i = 0; i < list.count; i++) {
        record_put_time(&out, list.items[i].time);
        buf_varint(&out, list.items[i].number);
        buf_u64(&out, list.items[i].id);
        buf_byte(&out, list.items[i].open);
    }
    put(v, &k, &out);
    return 0;
}

int
contact_fold(struct views *v, struct card *c, const struct frame *f, const struct tl_event *ev)
{
    bool reserved = f->flags & FRAME_BUS && str_is(f->type, CONTACT_RESERVED);
    enum said said = NOTHING;
    bool contact = false, declined = false;
    int err = 0;

    if (f->flags & FRAME_ERASED)
        return 0;
    if (!(f->flags & FRAME_HIDDEN)) {
        said = ev->feedback != NULL ? said_of_complaint(ev) : NOTHING;
        contact = reaches_out(f, ev);
        declined = declines(ev);
    }
    if (!reserved && !contact && !declined && said == NOTHING)
        return 0;
    if (reserved)
        err = fold_reservation(v, c, f, ev);
    if (contact)
        err = fold_contact(v, c, f, ev);
    if (declined && err == 0)
        err = fold_declined(v, c, f);
    if (said != NOTHING && err == 0)
        err = fold_complaint(v, c, f, ev, said);
    c->has |= CARD_CONTACTS;
    return err;
}

/* --------------------------------------------------------------- reading */

static struct contact_entry *
next_entry(struct contact_record *out, struct arena *arena)
{
    if (out->count == out->room) {
        size_t room = out->room > 0 ? 2 * out->room : CONTACTS_KEPT_MAX;
        struct contact_entry *grown = arena_alloc(arena, room * sizeof(*grown));

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
add_list(const struct views_walk *w, struct contact_record *out, struct arena *arena)
{
    struct tl_str key = {arena_copy(arena, w->key.ptr, w->key.len), w->key.len};
    size_t at = KEY_PROFILE_BYTES + 1;
    struct tl_str channel, purpose;
    struct contacts list;

    if (key.ptr == NULL)
        return TL_TOO_MANY;
    if (read_contacts(&list, w->value) != 0)
        return TL_EDAMAGED;
    channel = key_read_text(key, &at);
    purpose = key_read_text(key, &at);
    for (size_t i = 0; i < list.count; i++) {
        struct contact_entry *entry = next_entry(out, arena);

        if (entry == NULL)
            return TL_TOO_MANY;
        *entry = (struct contact_entry){channel, purpose, list.items[i]};
    }
    return 0;
}

static int
add_word(const struct views_walk *w, struct contact_record *out)
{
    struct contact_word word;

    if (read_word(&word, w->value) != 0)
        return TL_EDAMAGED;
    if (later(word.time, word.number, out->declined.time, out->declined.number))
        out->declined = word;
    return 0;
}

static int
add_complaints(const struct views_walk *w, struct contact_record *out)
{
    struct contact_complaints list;

    if (read_complaints(&list, w->value) != 0)
        return TL_EDAMAGED;
    for (size_t i = 0; i < list.count; i++)
        insert_complaint(&out->complaints, &list.items[i]);
    return 0;
}

int
contact_read(struct views *v, uint64_t profile, struct contact_record *out, struct arena *arena)
{
    struct views_walk w;
    struct key prefix;
    size_t lists = 0;
    int err = 0;
    bool more;

    key_profile(&prefix, profile, KEY_CONTACT);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && lists < CONTACT_LISTS_MAX; more = views_next(&w)) {
        if (w.key.len <= KEY_PROFILE_BYTES)
            err = TL_EDAMAGED;
        else if (w.key.ptr[KEY_PROFILE_BYTES] == DECLINED)
            err = add_word(&w, out);
        else if (w.key.ptr[KEY_PROFILE_BYTES] == COMPLAINTS)
            err = add_complaints(&w, out);
        else {
            err = add_list(&w, out, arena);
            lists++;
        }
    }
    views_end(&w);
    return err;
}
