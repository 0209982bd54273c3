#include "store/consent.h"

#include "base/hash.h"
#include "proto/code.h"
#include "proto/str.h"
#include "store/key.h"
#include "store/record.h"

struct state {
    int64_t time;
    uint64_t number;
    int64_t expires;
    struct tl_str status;
    struct tl_str evidence;
};

static int
read_state(struct state *s, struct tl_str bytes)
{
    struct record r = record_open(bytes);

    s->time = record_time(&r);
    s->number = record_varint(&r);
    s->expires = record_time(&r);
    s->status = record_text(&r);
    s->evidence = record_text(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

/* ---------------------------------------------------------------- folding */

struct tl_str
consent_address_type(struct tl_str channel)
{
    if (str_is(channel, "email"))
        return TL_STR("email");
    if (str_is(channel, "call") || str_is(channel, "sms"))
        return TL_STR("phone");
    if (str_is(channel, "push"))
        return TL_STR("device");
    return TL_STR("");
}

/* The canonical address this consent is about; none: the whole customer. */
static struct tl_identifier
address_of(const struct frame *f, const struct tl_consent *consent)
{
    struct frame_identifier id;
    struct tl_identifier named = {0};
    struct tl_str type = consent_address_type(consent->channel);
    size_t at = 0;

    if (consent->identifier != NULL) {
        named = *consent->identifier;
        type = named.type;
    }
    while (type.len > 0 && frame_next_identifier(f, &at, &id))
        if (str_equal(id.type, type))
            return (struct tl_identifier){id.type, id.value};
    return named;
}

/* The strongest name that came with it, as one text; nothing when it has only weak ones. */
static void
add_sayer(struct key *k, const struct frame *f)
{
    struct frame_identifier id;
    size_t at = 0;

    key_add_end(k, TL_STR(""));
    if (!frame_next_identifier(f, &at, &id) || !(id.action & FRAME_STRONG))
        return;
    key_add(k, id.type);
    key_add(k, TL_STR(":"));
    key_add(k, id.value);
}

int
consent_fold(struct views *v, uint64_t profile, struct card *c, const struct frame *f,
             const struct tl_consent *consent)
{
    struct tl_identifier address = address_of(f, consent);
    struct tl_str bytes;
    struct state known;
    struct buf out = {0};
    struct key k;

    key_profile(&k, profile, KEY_CONSENT);
    key_add_end(&k, consent->purpose);
    key_add_end(&k, consent->channel);
    if (address.type.len > 0) {
        key_add_end(&k, address.type);
        key_add(&k, address.value);
    } else {
        add_sayer(&k, f);
    }
    if (views_get(v, k.bytes, k.len, &bytes)) {
        if (read_state(&known, bytes) != 0)
            return TL_EDAMAGED;
        if (known.time > f->time || (known.time == f->time && known.number > f->number))
            return 0;
    }
    record_put_time(&out, f->time);
    buf_varint(&out, f->number);
    record_put_time(&out, consent->expires);
    record_put_text(&out, consent->status);
    record_put_text(&out, consent->evidence);
    views_put(v, k.bytes, k.len, out.ptr, out.len);
    buf_free(&out);
    c->has |= CARD_CONSENTS;
    return 0;
}

/* ---------------------------------------------------------------- reading */

static int
strictness(struct tl_str status)
{
    static const char *const order[] = {"granted", "expired", "revoked", "denied"};

    for (int i = 0; i < 4; i++)
        if (str_is(status, order[i]))
            return i;
    return 4;
}

static bool
same_subject(const void *x, const void *y)
{
    const struct tl_consent_state *a = x, *b = y;

    return str_equal(a->purpose, b->purpose) && str_equal(a->channel, b->channel) &&
           str_equal(a->identifier->type, b->identifier->type) &&
           str_equal(a->identifier->value, b->identifier->value);
}

/* What they differ in, if there are many: addresses. */
static uint64_t
hash_subject(const void *x)
{
    const struct tl_consent_state *a = x;

    return hash_table(a->identifier->value.ptr, a->identifier->value.len) ^
           hash_table(a->purpose.ptr, a->purpose.len) * 3 ^
           hash_table(a->channel.ptr, a->channel.len) * 5;
}

struct finder
consent_finder(struct arena *arena)
{
    return finder_new(sizeof(struct tl_consent_state), same_subject, hash_subject, arena);
}

/* Adds one, or keeps whichever of the two that are about the same counts more. */
static void
add_state(struct finder *known, struct tl_consent_state *out, uint64_t *numbers, size_t *count,
          const struct tl_consent_state *one, uint64_t number, bool strictest)
{
    size_t i = finder_find(known, out, *count, one);
    int difference = 0;

    if (i == *count) {
        numbers[i] = number;
        out[(*count)++] = *one;
        return;
    }
    if (strictest)
        difference = strictness(one->status) - strictness(out[i].status);
    if (difference > 0 ||
        (difference == 0 && (one->time > out[i].time ||
                             (one->time == out[i].time && number > numbers[i])))) {
        out[i] = *one;
        numbers[i] = number;
    }
}

void
consent_settle(struct tl_consent_state *out, uint64_t *numbers, size_t *count,
               struct arena *arena)
{
    struct finder known = consent_finder(arena);
    size_t all = *count;

    *count = 0;
    for (size_t i = 0; i < all; i++) {
        struct tl_consent_state one = out[i];

        if (one.identifier->type.len == 0)
            one.identifier->value = TL_STR("");
        add_state(&known, out, numbers, count, &one, numbers[i], true);
    }
}

static int
read_one(const struct views_walk *w, size_t prefix_len, int64_t now, struct arena *arena,
         struct tl_consent_state *one, uint64_t *number)
{
    struct tl_str key = {arena_copy(arena, w->key.ptr, w->key.len), w->key.len};
    struct tl_str value = {arena_copy(arena, w->value.ptr, w->value.len), w->value.len};
    struct state s;
    size_t at = prefix_len;

    *one = (struct tl_consent_state){.identifier = arena_alloc(arena, sizeof(*one->identifier))};
    if (key.ptr == NULL || value.ptr == NULL || one->identifier == NULL)
        return TL_TOO_MANY;
    if (read_state(&s, value) != 0)
        return TL_EDAMAGED;
    one->purpose = key_read_text(key, &at);
    one->channel = key_read_text(key, &at);
    one->identifier->type = key_read_text(key, &at);
    one->identifier->value = key_read_text(key, &at);
    one->status = s.status;
    if (s.expires != 0 && s.expires <= now && str_is(s.status, "granted"))
        one->status = TL_STR("expired");
    one->time = s.time;
    one->evidence = s.evidence;
    one->expires = s.expires;
    *number = s.number;
    return 0;
}

int
consent_list(struct views *v, uint64_t profile, struct finder *known,
             struct tl_consent_state *out, uint64_t *numbers, size_t *count, int64_t now,
             struct arena *arena)
{
    size_t room = *count + CONSENTS_LISTED_MAX;
    struct views_walk w;
    struct key prefix;
    int err = 0;
    bool more;

    key_profile(&prefix, profile, KEY_CONSENT);
    more = views_first(&w, v, prefix.bytes, prefix.len, NULL, 0, false);
    for (; more && err == 0 && *count < room; more = views_next(&w)) {
        struct tl_consent_state one;
        uint64_t number;

        err = read_one(&w, prefix.len, now, arena, &one, &number);
        if (err == 0)
            add_state(known, out, numbers, count, &one, number, false);
    }
    views_end(&w);
    return err;
}
