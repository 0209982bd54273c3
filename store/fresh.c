#include "store/fresh.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/le.h"

#define SLOTS_MIN 16
#define SCATTER 2654435761u         /* odd: steps of it come by every slot */

struct fresh *
fresh_new(void)
{
    struct fresh *f = calloc(1, sizeof *f);

    must(f != NULL);
    slab_init(&f->slabs[0], &f->spare);
    slab_init(&f->slabs[1], &f->spare);
    return f;
}

void
fresh_free(struct fresh **f)
{
    if (*f == NULL)
        return;
    slab_drop(&(*f)->slabs[0]);
    slab_drop(&(*f)->slabs[1]);
    slab_free_blocks((*f)->spare);
    free(*f);
    *f = NULL;
}

uint64_t
fresh_number(const struct fresh_slot *slot)
{
    return le_get64(slot->number);
}

/* Keys are spread evenly, so one lies about where its value stands among all: the
 * slots are nearly in order, and a part that grows, or is sorted, is walked from
 * one end to the other. */
static size_t
home(const struct fresh_part *p, const unsigned char key[SEEN_KEY_BYTES])
{
    uint32_t value;

    memcpy(&value, key + 1, sizeof value);
    return (size_t)((uint64_t)be32toh(value) * p->slots_count >> 32);
}

/* Where the key is, or the empty slot where it would be. */
static struct fresh_slot *
place(const struct fresh_part *p, const unsigned char key[SEEN_KEY_BYTES])
{
    size_t i = home(p, key);

    for (;; i++) {
        struct fresh_slot *slot = &p->slots[i & (p->slots_count - 1)];

        if (fresh_number(slot) == 0 || memcmp(slot->key, key, SEEN_KEY_BYTES) == 0)
            return slot;
    }
}

static void
leave(struct fresh *f, unsigned slab)
{
    if (--f->living[slab] > 0)
        return;
    slab_drop(&f->slabs[slab]);
    slab_free_blocks(f->spare);
    f->spare = NULL;
}

static void
grow(struct fresh *f, struct fresh_part *p)
{
    struct fresh_part bigger = {.count = p->count, .slab = 1 - p->slab};

    bigger.slots_count = p->slots_count != 0 ? p->slots_count * 2 : SLOTS_MIN;
    bigger.slots = slab_alloc(&f->slabs[bigger.slab], bigger.slots_count * sizeof *bigger.slots);
    f->living[bigger.slab]++;
    memset(bigger.slots, 0, bigger.slots_count * sizeof *bigger.slots);
    for (size_t i = 0; i < p->slots_count; i++)
        if (fresh_number(&p->slots[i]) != 0)
            *place(&bigger, p->slots[i].key) = p->slots[i];
    if (p->slots_count != 0)
        leave(f, p->slab);
    *p = bigger;
}

void
fresh_prefetch(const struct fresh *f, const unsigned char key[SEEN_KEY_BYTES])
{
    const struct fresh_part *p = &f->parts[key[0]];

    if (p->count != 0)
        __builtin_prefetch(&p->slots[home(p, key)]);
}

uint64_t
fresh_find(const struct fresh *f, const unsigned char key[SEEN_KEY_BYTES])
{
    const struct fresh_part *p = &f->parts[key[0]];

    return p->count != 0 ? fresh_number(place(p, key)) : 0;
}

void
fresh_add(struct fresh *f, const unsigned char key[SEEN_KEY_BYTES], uint64_t number)
{
    struct fresh_part *p = &f->parts[key[0]];
    struct fresh_slot *slot;

    if (p->count >= p->slots_count - p->slots_count / 4)
        grow(f, p);
    slot = place(p, key);
    if (fresh_number(slot) != 0)
        return;
    memcpy(slot->key, key, SEEN_KEY_BYTES);
    le_put64(slot->number, number);
    p->count++;
}

/* Line by line, as memory likes to be read, but not in their order: until the part
 * has grown they would all lie in one heap. */
void
fresh_add_after(struct fresh *f, const struct fresh *from, uint64_t after)
{
    for (size_t part = 0; part < FRESH_PARTS; part++) {
        const struct fresh_part *p = &from->parts[part];

        for (size_t i = 0; i < p->slots_count; i += SLOTS_MIN) {
            const struct fresh_slot *slots = &p->slots[i * SCATTER & (p->slots_count - 1)];

            for (size_t j = 0; j < SLOTS_MIN; j++)
                if (fresh_number(&slots[j]) > after)
                    fresh_add(f, slots[j].key, fresh_number(&slots[j]));
        }
    }
}

/* By insertion: all but the few behind the end, which lie at the beginning, are
 * near their place. */
static void
sort(struct fresh_slot *slots, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct fresh_slot one = slots[i];
        size_t at = i;

        for (; at > 0 && memcmp(one.key, slots[at - 1].key, SEEN_KEY_BYTES) < 0; at--)
            slots[at] = slots[at - 1];
        slots[at] = one;
    }
}

size_t
fresh_sorted(const struct fresh *f, size_t part, struct fresh_slot *out)
{
    const struct fresh_part *p = &f->parts[part];
    size_t count = 0;

    for (size_t i = 0; i < p->slots_count; i++) {
        uint64_t number = fresh_number(&p->slots[i]);

        if (number != 0 && number >= f->first && number <= f->last)
            out[count++] = p->slots[i];
    }
    sort(out, count);
    return count;
}
