#include "store/generation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/must.h"

#define SLOTS_MIN 256
#define PROFILE_GROUP_BYTES 9           /* table, profile */

/* ------------------------------------------------------------ hash tables */

/* A profile's number is ours, not a stranger's choice: it is mixed (as splitmix64
 * does) and not hashed under a key. */
static uint64_t
mix(const unsigned char *key, size_t len)
{
    uint64_t z;

    memcpy(&z, key + len - sizeof z, sizeof z);
    z += (uint64_t)key[1] << 56 | len;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t
generation_hash(const void *key, size_t key_len)
{
    const unsigned char *bytes = key;

    if (key_len > 0 && bytes[0] == GENERATION_PROFILE &&
        (key_len == PROFILE_GROUP_BYTES || key_len == PROFILE_GROUP_BYTES + 1))
        return mix(bytes, key_len);
    return hash_table(key, key_len);
}

static void
index_init(struct index *t, size_t expected)
{
    *t = (struct index){.slots_count = SLOTS_MIN};
    while (t->slots_count / 4 * 3 < expected)
        t->slots_count *= 2;
    t->slots = mmap(NULL, t->slots_count * sizeof *t->slots, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(t->slots != MAP_FAILED);
    madvise(t->slots, t->slots_count * sizeof *t->slots, MADV_HUGEPAGE);
    /* All of it now: what is looked at before it is written to would be cleared twice,
     * and each time the other processors would have to forget a page. */
    madvise(t->slots, t->slots_count * sizeof *t->slots, MADV_POPULATE_WRITE);
}

static void
index_fini(struct index *t)
{
    munmap(t->slots, t->slots_count * sizeof *t->slots);
}

/* Where the key is, or the empty slot where it would be. */
static struct slot *
index_find(const struct index *t, uint64_t hash, const void *key, size_t len)
{
    size_t mask = t->slots_count - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct slot *slot = &t->slots[i];

        if (slot->key == NULL)
            return slot;
        if (slot->hash == hash && slot->key->len == len && memcmp(slot->key->bytes, key, len) == 0)
            return slot;
    }
}

static void
index_grow(struct index *t)
{
    struct index larger;

    index_init(&larger, t->slots_count);
    for (size_t i = 0; i < t->slots_count; i++) {
        size_t mask = larger.slots_count - 1, at = t->slots[i].hash & mask;

        if (t->slots[i].key == NULL)
            continue;
        while (larger.slots[at].key != NULL)
            at = (at + 1) & mask;
        larger.slots[at] = t->slots[i];
    }
    larger.count = t->count;
    index_fini(t);
    *t = larger;
}

/* A new thing of `size` bytes, zeroed, with a copy of the key behind it. */
static void *
index_add(struct index *t, struct slab *slab, struct slot *slot, uint64_t hash, const void *bytes,
          size_t len, size_t size)
{
    unsigned char *thing = slab_alloc(slab, size + sizeof(struct omap_key) + len);
    struct omap_key *key = (struct omap_key *)(void *)(thing + size);

    memset(thing, 0, size);
    key->len = (uint16_t)len;
    memcpy(key->bytes, bytes, len);
    *slot = (struct slot){hash, key};
    if (++t->count > t->slots_count / 4 * 3)
        index_grow(t);
    return thing;
}

/* -------------------------------------------------- a thing and its key */

const struct entry *
entry_of(const struct omap_key *key)
{
    return (const struct entry *)(const void *)key - 1;
}

const struct omap_key *
entry_key(const struct entry *e)
{
    return (const struct omap_key *)(const void *)(e + 1);
}

struct tl_str
entry_value(const struct entry *e)
{
    if (e->len == 0 || e->len == ENTRY_DELETED)
        return TL_STR("");
    return (struct tl_str){(const char *)e->value, e->len};
}

const struct group *
group_of(const struct omap_key *key)
{
    return (const struct group *)(const void *)key - 1;
}

/* How many bytes of a key name its group; 0: it is in none. */
static size_t
group_bytes(const unsigned char *key, size_t len)
{
    if (len > 0 && key[0] == GENERATION_GLOBAL)
        return 1;
    if (len >= PROFILE_GROUP_BYTES && key[0] == GENERATION_PROFILE)
        return PROFILE_GROUP_BYTES;
    return 0;
}

/* ------------------------------------------------------------- generation */

struct generation *
generation_new(struct slab_block **spare, const struct generation *like)
{
    struct generation *g = calloc(1, sizeof *g);

    must(g != NULL);
    slab_init(&g->slab, spare);
    index_init(&g->entries, like != NULL ? like->entries.count : 0);
    index_init(&g->groups, like != NULL ? like->groups.count : 0);
    return g;
}

void
generation_free(struct generation **g)
{
    if (*g == NULL)
        return;
    slab_drop(&(*g)->slab);
    index_fini(&(*g)->entries);
    index_fini(&(*g)->groups);
    free(*g);
    *g = NULL;
}

const struct entry *
generation_get(const struct generation *g, uint64_t hash, const void *key, size_t key_len)
{
    const struct slot *slot = index_find(&g->entries, hash, key, key_len);

    return slot->key != NULL ? entry_of(slot->key) : NULL;
}

void
generation_fetch(const struct generation *g, uint64_t hash)
{
    __builtin_prefetch(&g->entries.slots[hash & (g->entries.slots_count - 1)]);
}

void
generation_fetch_group(const struct generation *g, const void *prefix, size_t len)
{
    size_t name = group_bytes(prefix, len);

    if (name > 0)
        __builtin_prefetch(&g->groups.slots[generation_hash(prefix, name) &
                                            (g->groups.slots_count - 1)]);
}

const struct entry *
generation_fetch_entry(const struct generation *g, uint64_t hash)
{
    const struct index *t = &g->entries;
    size_t mask = t->slots_count - 1;

    for (size_t i = hash & mask; t->slots[i].key != NULL; i = (i + 1) & mask)
        if (t->slots[i].hash == hash) {
            const struct entry *e = entry_of(t->slots[i].key);

            __builtin_prefetch(e);
            __builtin_prefetch(entry_key(e) + 1);
            return e;
        }
    return NULL;
}

/* Records of one profile are mostly put one after the other. */
static struct group *
find_group(struct generation *g, const unsigned char *key, size_t len)
{
    const struct omap_key *last = g->last != NULL ? (const void *)(g->last + 1) : NULL;
    struct slot *slot;
    uint64_t hash;

    if (last != NULL && last->len == len && memcmp(last->bytes, key, len) == 0)
        return g->last;
    hash = generation_hash(key, len);
    slot = index_find(&g->groups, hash, key, len);
    if (slot->key != NULL)
        g->last = (struct group *)(uintptr_t)slot->key - 1;
    else
        g->last = index_add(&g->groups, &g->slab, slot, hash, key, len, sizeof *g->last);
    return g->last;
}

static struct entry *
find_or_add(struct generation *g, uint64_t hash, const void *key, size_t key_len)
{
    struct slot *slot = index_find(&g->entries, hash, key, key_len);
    size_t len = group_bytes(key, key_len);
    struct entry *e;

    if (slot->key != NULL)
        return (struct entry *)(uintptr_t)slot->key - 1;
    must(key_len > 0 && key_len <= GENERATION_KEY_BYTES_MAX);
    e = index_add(&g->entries, &g->slab, slot, hash, key, key_len, sizeof *e);
    if (len > 0)
        omap_add(&find_group(g, key, len)->keys, &g->slab, entry_key(e));
    return e;
}

void
generation_put(struct generation *g, uint64_t hash, const void *key, size_t key_len,
               const void *value, size_t len)
{
    struct entry *e = find_or_add(g, hash, key, key_len);

    must(len < ENTRY_DELETED / 2);
    if (len > e->room) {
        size_t room = slab_room(len);
        unsigned char *larger = slab_alloc(&g->slab, room);

        /* The new value may lie in the old one. */
        memcpy(larger, value, len);
        slab_free(&g->slab, e->value, e->room);
        e->value = larger;
        e->room = (uint32_t)room;
    } else if (len > 0) {
        memmove(e->value, value, len);
    }
    e->len = (uint32_t)len;
}

void
generation_delete(struct generation *g, uint64_t hash, const void *key, size_t key_len)
{
    find_or_add(g, hash, key, key_len)->len = ENTRY_DELETED;
}

const struct omap *
generation_group(const struct generation *g, const void *prefix, size_t len)
{
    size_t name = group_bytes(prefix, len);
    const struct slot *slot;

    must(name > 0 || g->entries.count == 0);
    if (name == 0)
        return NULL;
    slot = index_find(&g->groups, generation_hash(prefix, name), prefix, name);
    return slot->key != NULL ? &group_of(slot->key)->keys : NULL;
}

static void
copy_entry(struct generation *to, uint64_t hash, const struct omap_key *key)
{
    const struct entry *e = entry_of(key);

    if (e->len == ENTRY_DELETED)
        generation_delete(to, hash, key->bytes, key->len);
    else
        generation_put(to, hash, key->bytes, key->len, e->value, e->len);
}

struct generation *
generation_merge(struct generation **older, struct generation **newer)
{
    bool into_older = generation_count(*newer) < generation_count(*older);
    struct generation *into = into_older ? *older : *newer;
    struct generation **from = into_older ? newer : older;

    for (size_t i = 0; i < (*from)->entries.slots_count; i++) {
        const struct slot *s = &(*from)->entries.slots[i];

        if (s->key == NULL)
            continue;
        if (into_older || generation_get(into, s->hash, s->key->bytes, s->key->len) == NULL)
            copy_entry(into, s->hash, s->key);
    }
    generation_free(from);
    *older = *newer = NULL;
    return into;
}

size_t
generation_count(const struct generation *g)
{
    return g->entries.count;
}

size_t
generation_bytes(const struct generation *g)
{
    return sizeof *g + slab_bytes(&g->slab) +
           (g->entries.slots_count + g->groups.slots_count) * sizeof(struct slot);
}

/* --------------------------------------------------------------- in order */

/* Eight bytes of the key beside the pointer decide most comparisons without a
 * cache miss. */
struct sortable {
    uint64_t head;
    const struct omap_key *key;
};

#define SORT_FEW 12

static uint64_t
head_of(const struct omap_key *key, size_t from)
{
    uint64_t head = 0;

    for (size_t i = from; i < from + sizeof head; i++)
        head = head << 8 | (i < key->len ? key->bytes[i] : 0);
    return head;
}

static bool
comes_before(const struct sortable *a, const struct sortable *b)
{
    if (a->head != b->head)
        return a->head < b->head;
    return omap_compare(a->key->bytes, a->key->len, b->key->bytes, b->key->len) < 0;
}

static void
sort_few(struct sortable *s, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct sortable one = s[i];
        size_t at = i;

        for (; at > 0 && comes_before(&one, &s[at - 1]); at--)
            s[at] = s[at - 1];
        s[at] = one;
    }
}

static void
swap(struct sortable *a, struct sortable *b)
{
    struct sortable was = *a;

    *a = *b;
    *b = was;
}

static uint64_t
middle_of(uint64_t a, uint64_t b, uint64_t c)
{
    if (a < b)
        return b < c ? b : a < c ? c : a;
    return a < c ? a : b < c ? c : b;
}

/* Multikey quicksort (Bentley and Sedgewick 1997), eight bytes at a time; heads
 * are of the bytes from `from` on.  Keys come in the order of a keyed hash, so
 * nobody can choose them to be slow. */
static void
sort(struct sortable *s, size_t count, size_t from)
{
    while (count > SORT_FEW) {
        uint64_t pivot = middle_of(s[0].head, s[count / 2].head, s[count - 1].head);
        size_t less = 0, i = 0, more = count;

        while (i < more)
            if (s[i].head < pivot)
                swap(&s[i++], &s[less++]);
            else if (s[i].head > pivot)
                swap(&s[i], &s[--more]);
            else
                i++;
        sort(s, less, from);
        sort(s + more, count - more, from);
        s += less;
        count = more - less;
        from += sizeof pivot;
        if (from >= GENERATION_KEY_BYTES_MAX)
            break;
        for (i = 0; i < count; i++)
            s[i].head = head_of(s[i].key, from);
    }
    sort_few(s, count);
}

static const struct omap_key **
in_order(const struct index *t, bool loose_only, size_t *count)
{
    struct sortable *sorted = malloc((t->count + 1) * sizeof *sorted);
    const struct omap_key **keys = malloc((t->count + 1) * sizeof *keys);
    size_t n = 0;

    must(sorted != NULL && keys != NULL);
    for (size_t i = 0; i < t->slots_count; i++) {
        const struct omap_key *key = t->slots[i].key;

        if (key == NULL || (loose_only && group_bytes(key->bytes, key->len) > 0))
            continue;
        sorted[n++] = (struct sortable){head_of(key, 0), key};
    }
    sort(sorted, n, 0);
    for (size_t i = 0; i < n; i++)
        keys[i] = sorted[i].key;
    free(sorted);
    *count = n;
    return keys;
}

const struct omap_key **
generation_groups(const struct generation *g, size_t *count)
{
    return in_order(&g->groups, false, count);
}

const struct omap_key **
generation_loose(const struct generation *g, size_t *count)
{
    return in_order(&g->entries, true, count);
}
