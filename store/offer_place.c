#include "store/offer_place.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
#include "store/catalogue.h"
#include "store/key.h"
#include "store/offer_state.h"
#include "store/record.h"

/* ------------------------------------------------------------- on the card */

bool
offer_here_next(struct tl_str here, size_t *at, struct offer_here *one)
{
    struct record r = record_open((struct tl_str){here.ptr + *at, here.len - *at});

    if (*at == here.len)
        return false;
    one->offer = record_text(&r);
    one->group = record_text(&r);
    if (r.bad)
        return false;
    *at = (size_t)((const char *)r.at - here.ptr);
    return true;
}

static size_t
here_bytes(const struct offer_here *one)
{
    return one->offer.len + one->group.len + 2 * RECORD_VARINT_MAX;
}

/* ----------------------------------------------------------------- apart */

static void
record_key(struct key *k, uint64_t profile, struct tl_str offer)
{
    key_profile(k, profile, KEY_OFFER);
    key_add(k, offer);
}

static void
order_key(struct key *k, uint64_t profile, const struct offer_order *order, struct tl_str offer)
{
    key_profile(k, profile, KEY_OFFER_ORDER);
    key_add_byte(k, order->class);
    key_add_time_descending(k, order->time);
    key_add(k, offer);
}

static int
order_now(const struct offer_place *p, const struct offer_here *one, struct offer_order *order)
{
    struct catalogue_offer defined = {0};
    struct offer_group g;
    int err = offer_read(&g, one->offer, one->group, p->scratch);

    if (err == 0 && !catalogue_is_empty(p->counters))
        err = catalogue_read(p->views, one->offer, &defined, p->scratch);
    return err != 0 ? err : offer_order(&g, &defined, p->scratch, order);
}

static int
move_out(const struct offer_place *p, const struct offer_here *one)
{
    struct offer_order order;
    struct buf bytes = {0};
    struct key k;
    int err = order_now(p, one, &order);

    if (err != 0)
        return err;
    buf_byte(&bytes, order.class);
    record_put_time(&bytes, order.time);
    buf_append(&bytes, one->group.ptr, one->group.len);
    record_key(&k, p->profile, one->offer);
    views_put(p->views, k.bytes, k.len, bytes.ptr, bytes.len);
    buf_free(&bytes);
    order_key(&k, p->profile, &order, one->offer);
    views_put(p->views, k.bytes, k.len, "", 0);
    p->card->has |= CARD_OFFERS_APART;
    return 0;
}

static bool
read_apart(struct tl_str record, struct offer_order *order, struct tl_str *group)
{
    struct record r = record_open(record);

    order->class = (unsigned char)record_byte(&r);
    order->time = record_time(&r);
    *group = (struct tl_str){(const char *)r.at, (size_t)(r.end - r.at)};
    return !r.bad;
}

bool
offer_place_group(struct tl_str record, struct tl_str *group)
{
    struct offer_order order;

    return read_apart(record, &order, group);
}

static int
bring_back(const struct offer_place *p, struct tl_str offer, struct tl_str *group)
{
    struct offer_order order;
    struct tl_str bytes;
    struct key k;

    record_key(&k, p->profile, offer);
    if (!views_get(p->views, k.bytes, k.len, &bytes))
        return 0;
    if (!read_apart(bytes, &order, group))
        return TL_EDAMAGED;
    group->ptr = arena_copy(p->arena, group->ptr, group->len);
    if (group->ptr == NULL)
        return TL_TOO_MANY;
    views_delete(p->views, k.bytes, k.len);
    order_key(&k, p->profile, &order, offer);
    views_delete(p->views, k.bytes, k.len);
    return 0;
}

/* -------------------------------------------------------------- take and put */

int
offer_place_take(const struct offer_place *p, struct tl_str offer, struct tl_str *group)
{
    struct offer_here one;
    size_t at = 0;

    *group = TL_STR("");
    while (offer_here_next(p->card->offers_here, &at, &one))
        if (str_equal(one.offer, offer)) {
            *group = one.group;
            return 0;
        }
    if (at != p->card->offers_here.len)
        return TL_EDAMAGED;
    return p->card->has & CARD_OFFERS_APART ? bring_back(p, offer, group) : 0;
}

/* Keeps it on the card when it fits there, else apart. */
static int
place(const struct offer_place *p, const struct offer_here *one, unsigned char **to, size_t *used)
{
    unsigned char *end;

    if (*used + here_bytes(one) > OFFERS_HERE_BYTES_KEPT)
        return move_out(p, one);
    end = record_write_text(record_write_text(*to, one->offer), one->group);
    *used += (size_t)(end - *to);
    *to = end;
    return 0;
}

/* `here`, latest touched first, had outgrown the card. */
static int
make_room(const struct offer_place *p, struct tl_str *here)
{
    unsigned char *bytes = arena_alloc(p->arena, OFFERS_HERE_BYTES_KEPT), *to = bytes;
    size_t used = 0, at = 0;
    struct offer_here one;
    int err = bytes != NULL ? 0 : TL_TOO_MANY;

    while (err == 0 && offer_here_next(*here, &at, &one))
        err = place(p, &one, &to, &used);
    *here = (struct tl_str){(const char *)bytes, used};
    return err;
}

int
offer_place_put(const struct offer_place *p, struct tl_str offer, struct tl_str group)
{
    struct tl_str here = p->card->offers_here, all;
    size_t before = 0, after = 0;
    unsigned char *to;
    struct offer_here one;
    char *bytes = arena_take(p->arena, here.len + here_bytes(&(struct offer_here){offer, group}));

    if (bytes == NULL)
        return TL_TOO_MANY;
    while (offer_here_next(here, &after, &one) && !str_equal(one.offer, offer))
        before = after;
    to = record_write_text(record_write_text((unsigned char *)bytes, offer), group);
    memcpy(to, here.ptr, before);
    memcpy(to + before, here.ptr + after, here.len - after);
    all = (struct tl_str){bytes, (size_t)((char *)to - bytes) + before + here.len - after};
    p->card->has |= CARD_OFFERS;
    p->card->offers_here = all;
    return all.len > OFFERS_HERE_BYTES_MAX ? make_room(p, &p->card->offers_here) : 0;
}

int
offer_place_drop(const struct offer_place *p, struct tl_str offer)
{
    struct tl_str here = p->card->offers_here;
    size_t before = 0, after = 0;
    struct offer_here one;
    char *bytes = arena_take(p->arena, here.len + 1);

    if (bytes == NULL)
        return TL_TOO_MANY;
    while (offer_here_next(here, &after, &one) && !str_equal(one.offer, offer))
        before = after;
    memcpy(bytes, here.ptr, before);
    memcpy(bytes + before, here.ptr + after, here.len - after);
    p->card->offers_here = (struct tl_str){bytes, before + here.len - after};
    return 0;
}
