#include "store/offer_place.h"

#include <string.h>

#include "proto/code.h"
#include "proto/str.h"
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

static int
order_key(struct key *k, const struct offer_place *p, const struct offer_here *one)
{
    struct offer_order order;
    struct offer_group g;
    int err = offer_read(&g, one->offer, one->group, p->scratch);

    if (err != 0)
        return err;
    order = offer_order(&g, p->scratch);
    key_profile(k, p->profile, KEY_OFFER_ORDER);
    key_add_byte(k, order.class);
    key_add_time_descending(k, order.time);
    key_add(k, one->offer);
    return 0;
}

static int
move_out(const struct offer_place *p, const struct offer_here *one)
{
    struct key record, order;
    int err = order_key(&order, p, one);

    if (err != 0)
        return err;
    record_key(&record, p->profile, one->offer);
    views_put(p->views, record.bytes, record.len, one->group.ptr, one->group.len);
    views_put(p->views, order.bytes, order.len, "", 0);
    p->card->has |= CARD_OFFERS_APART;
    return 0;
}

static int
bring_back(const struct offer_place *p, struct tl_str offer, struct tl_str *group)
{
    struct offer_here one = {.offer = offer};
    struct key record, order;
    int err;

    record_key(&record, p->profile, offer);
    if (!views_get(p->views, record.bytes, record.len, &one.group))
        return 0;
    one.group.ptr = arena_copy(p->arena, one.group.ptr, one.group.len);
    if (one.group.ptr == NULL)
        return TL_TOO_MANY;
    if ((err = order_key(&order, p, &one)) != 0)
        return err;
    views_delete(p->views, record.bytes, record.len);
    views_delete(p->views, order.bytes, order.len);
    *group = one.group;
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
