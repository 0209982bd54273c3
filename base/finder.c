#include "base/finder.h"

#define SLOTS_MIN 128

static const void *
item_at(const struct finder *f, const void *items, size_t at)
{
    return (const unsigned char *)items + at * f->size;
}

static size_t
look_through(const struct finder *f, const void *items, size_t count, const void *one)
{
    size_t at = 0;

    while (at < count && !f->same(item_at(f, items, at), one))
        at++;
    return at;
}

/* Its slot, or the empty one where it would be. */
static uint32_t *
find_slot(const struct finder *f, const void *items, const void *one)
{
    size_t mask = f->slots_count - 1, at = f->hash(one) & mask;

    while (f->slots[at] != 0 && !f->same(item_at(f, items, f->slots[at] - 1), one))
        at = (at + 1) & mask;
    return &f->slots[at];
}

/* At most half of the slots are taken.  Of items that are the same the first stays. */
static bool
take_in(struct finder *f, const void *items, size_t count)
{
    if (count > f->slots_count / 2) {
        size_t room = f->slots_count > 0 ? f->slots_count : SLOTS_MIN;
        uint32_t *slots;

        while (room / 4 < count)
            room *= 2;
        if ((slots = arena_alloc(f->arena, room * sizeof slots[0])) == NULL)
            return false;
        f->slots = slots;
        f->slots_count = room;
        f->known = 0;
    }
    for (; f->known < count; f->known++) {
        uint32_t *slot = find_slot(f, items, item_at(f, items, f->known));

        if (*slot == 0)
            *slot = (uint32_t)f->known + 1;
    }
    return true;
}

size_t
finder_find(struct finder *f, const void *items, size_t count, const void *one)
{
    uint32_t slot;

    if (count <= FINDER_FEW || !take_in(f, items, count))
        return look_through(f, items, count, one);
    slot = *find_slot(f, items, one);
    return slot != 0 ? slot - 1 : count;
}
