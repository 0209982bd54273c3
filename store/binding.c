#include "store/binding.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/card.h"
#include "store/key.h"
#include "store/record.h"

#define BINDING_BYTES_MAX ((3 + IDENTITY_PAST_MAX) * RECORD_VARINT_MAX + \
                           IDENTITY_HOLDERS_MAX * (2 * RECORD_VARINT_MAX + 8))

uint64_t
store_hash(struct tl_str type, struct tl_str value)
{
    struct key k;

    key_identifier(&k, type, value);
    return views_hash(k.bytes, k.len);
}

int
binding_get(struct views *v, struct tl_str type, struct tl_str value, uint64_t hash,
            struct binding *b)
{
    struct tl_str bytes;
    struct record r;
    struct key k;

    b->home = 0;
    b->holders_count = b->past_count = 0;
    key_identifier(&k, type, value);
    if (hash == 0)
        hash = views_hash(k.bytes, k.len);
    if (!views_get_hashed(v, hash, k.bytes, k.len, &bytes))
        return TL_NOT_FOUND;
    r = record_open(bytes);
    b->home = record_varint(&r);
    b->holders_count = record_count(&r, IDENTITY_HOLDERS_MAX);
    for (size_t i = 0; i < b->holders_count; i++) {
        b->holders[i].profile = record_varint(&r);
        b->holders[i].time = record_time(&r);
        b->holders[i].number = record_varint(&r);
    }
    b->past_count = r.at != r.end ? record_count(&r, IDENTITY_PAST_MAX + 1) : 0;
    for (size_t i = 0; b->past_count <= IDENTITY_PAST_MAX && i < b->past_count; i++)
        b->past[i] = record_varint(&r);
    return r.bad || r.at != r.end ? TL_EDAMAGED : 0;
}

int
binding_get_all(struct views *v, const struct store_identifier *ids, size_t count,
                struct binding *bindings, bool *known)
{
    for (size_t i = 0; i < count; i++) {
        int err = binding_get(v, ids[i].type, ids[i].value, ids[i].hash, &bindings[i]);

        if (err != 0 && err != TL_NOT_FOUND)
            return err;
        known[i] = err == 0;
    }
    return 0;
}

bool
binding_names(const struct binding *b, uint64_t profile)
{
    bool held = b->home == profile;

    for (size_t i = 0; i < b->holders_count && !held; i++)
        held = b->holders[i].profile == profile;
    return held;
}

static void
binding_put(struct views *v, struct tl_str type, struct tl_str value, const struct binding *b)
{
    unsigned char out[BINDING_BYTES_MAX], *at = out;
    struct key k;

    at = record_write_varint(at, b->home);
    at = record_write_varint(at, b->holders_count);
    for (size_t i = 0; i < b->holders_count; i++) {
        at = record_write_varint(at, b->holders[i].profile);
        at = record_write_time(at, b->holders[i].time);
        at = record_write_varint(at, b->holders[i].number);
    }
    if (b->past_count > 0)
        at = record_write_varint(at, b->past_count);
    for (size_t i = 0; b->past_count <= IDENTITY_PAST_MAX && i < b->past_count; i++)
        at = record_write_varint(at, b->past[i]);
    key_identifier(&k, type, value);
    views_put(v, k.bytes, k.len, out, (size_t)(at - out));
}

/* ----------------------------------------------------------- what frames say */

static size_t
past_place(const struct binding *b, uint64_t profile)
{
    size_t at = 0;

    while (at < b->past_count && b->past[at] < profile)
        at++;
    return at;
}

static void
past_add(struct binding *b, uint64_t profile)
{
    size_t at;

    if (b->past_count > IDENTITY_PAST_MAX)
        return;
    at = past_place(b, profile);
    if (at < b->past_count && b->past[at] == profile)
        return;
    if (b->past_count++ == IDENTITY_PAST_MAX)
        return;
    memmove(&b->past[at + 1], &b->past[at], (b->past_count - 1 - at) * sizeof(b->past[0]));
    b->past[at] = profile;
}

static void
past_remove(struct binding *b, uint64_t profile)
{
    size_t at;

    if (b->past_count > IDENTITY_PAST_MAX)
        return;
    at = past_place(b, profile);
    if (at == b->past_count || b->past[at] != profile)
        return;
    b->past_count--;
    memmove(&b->past[at], &b->past[at + 1], (b->past_count - at) * sizeof(b->past[0]));
}

/* Going back and forth between two homes, as when views catch up, ends where it
 * began. */
static void
binding_own(struct binding *b, uint64_t profile)
{
    uint64_t before = b->home;

    b->home = profile;
    past_remove(b, profile);
    if (before != 0 && before != profile)
        past_add(b, before);
}

static bool
held_later(const struct holder *a, const struct holder *b)
{
    return a->time != b->time ? a->time > b->time : a->number > b->number;
}

/* Keeps the holders latest first.  Returns whether anything changed. */
static bool
binding_hold(struct binding *b, const struct holder *h)
{
    size_t i = 0, at = 0;

    while (i < b->holders_count && b->holders[i].profile != h->profile)
        i++;
    if (i < b->holders_count) {
        if (!held_later(h, &b->holders[i]) || b->holders_count == 1)
            return false;
        b->holders_count--;
        memmove(&b->holders[i], &b->holders[i + 1],
                (b->holders_count - i) * sizeof(b->holders[0]));
    }
    while (at < b->holders_count && !held_later(h, &b->holders[at]))
        at++;
    memmove(&b->holders[at + 1], &b->holders[at],
            (b->holders_count - at) * sizeof(b->holders[0]));
    b->holders[at] = *h;
    if (b->holders_count < IDENTITY_HOLDERS_MAX)
        b->holders_count++;
    else
        past_add(b, b->holders[IDENTITY_HOLDERS_MAX].profile);
    return true;
}

/* As long as there is one holder, his card alone says when he last logged in
 * with it: a binding is not written with every page.  The second one brings it
 * up to date, so that the latest login is the latest in event time. */
static int
refresh_sole_holder(struct views *v, struct binding *b, const struct frame_identifier *id)
{
    struct holder *holder = &b->holders[0];
    struct card card;
    int err = card_find(v, holder->profile, &card);

    if (err != 0)
        return err;
    for (size_t i = 0; i < card.identifiers_count; i++) {
        const struct card_identifier *known = &card.identifiers[i];

        if (str_equal(known->type, id->type) && str_equal(known->value, id->value) &&
            known->last_login > holder->time)
            *holder = (struct holder){holder->profile, known->last_login, 0};
    }
    return 0;
}

static int
apply_one(struct views *v, const struct frame *f, const struct frame_identifier *id)
{
    unsigned action = id->action & FRAME_ACTION_MASK;
    struct binding b;
    bool changed = true;
    int err;

    if (action == FRAME_KEEP || action == FRAME_ELSEWHERE)
        return 0;
    err = binding_get(v, id->type, id->value, 0, &b);
    if (err != 0 && err != TL_NOT_FOUND)
        return err;
    if (action == FRAME_SEEN && b.holders_count == 1 && b.holders[0].profile != f->profile &&
        (err = refresh_sole_holder(v, &b, id)) != 0)
        return err;
    if (action == FRAME_SEEN)
        changed = binding_hold(&b, &(struct holder){f->profile, f->time, f->number});
    else
        binding_own(&b, f->profile);
    if (changed)
        binding_put(v, id->type, id->value, &b);
    return 0;
}

int
binding_apply(struct views *v, const struct frame *f)
{
    struct frame_identifier id;
    size_t at = 0;
    int err = 0;

    while (err == 0 && frame_next_identifier(f, &at, &id))
        err = apply_one(v, f, &id);
    return err;
}
