/* generation.h -- changed records in memory, until they are in LMDB.
 *
 * A hash table finds a record; records that are walked (those of a profile, and
 * the sums over everything) are also in order within their group.  A group is
 * small, so keeping it in order is cheap, and the groups are what a checkpoint
 * may not tear apart.  One thread changes a generation; when nobody does, any
 * number read. */

#ifndef STORE_GENERATION_H
#define STORE_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/omap.h"
#include "base/slab.h"
#include "proto/event.h"

#define GENERATION_KEY_BYTES_MAX 511    /* LMDB's limit */

/* First bytes of keys, as key.h makes them. */
#define GENERATION_PROFILE 'P'          /* a group for each profile: 9 bytes */
#define GENERATION_GLOBAL 'G'           /* one group */
#define GENERATION_IDENTIFIER 'I'       /* in no group */

/* A record; its key follows it. */
struct entry {
    unsigned char *value;
    uint32_t len;
    uint32_t room;
};

#define ENTRY_DELETED UINT32_MAX        /* as len: hides what older layers have */

/* Records of one profile, or all sums, in order; its key follows it. */
struct group {
    struct omap keys;
};

struct slot {
    uint64_t hash;
    const struct omap_key *key;         /* NULL: empty */
};

struct index {
    struct slot *slots;                 /* a power of two */
    size_t slots_count;
    size_t count;
};

struct generation {
    struct slab slab;
    struct index entries;
    struct index groups;
    struct group *last;                 /* the group of the newest record */
};

/* Expects about as many records as `like` holds (NULL: few). */
struct generation *generation_new(struct slab_block **spare, const struct generation *like);
void generation_free(struct generation **g);

/* `hash` is generation_hash's of the key, everywhere. */
uint64_t generation_hash(const void *key, size_t key_len);
const struct entry *generation_get(const struct generation *g, uint64_t hash, const void *key,
                                   size_t key_len);     /* NULL: look in older layers */

/* Asks the memory for where the record's entry is found, and, when that has come,
 * for the entry; that of another record with the same hash, or NULL. */
void generation_fetch(const struct generation *g, uint64_t hash);
void generation_fetch_group(const struct generation *g, const void *prefix, size_t len);
const struct entry *generation_fetch_entry(const struct generation *g, uint64_t hash);

void generation_put(struct generation *g, uint64_t hash, const void *key, size_t key_len,
                    const void *value, size_t len);
void generation_delete(struct generation *g, uint64_t hash, const void *key, size_t key_len);

/* The ordered keys of the group `prefix` lies in; NULL when it has none here. */
const struct omap *generation_group(const struct generation *g, const void *prefix, size_t len);

/* Adds what `older` has and `newer` has not, or the other way round, whichever
 * is less work.  Takes both. */
struct generation *generation_merge(struct generation **older, struct generation **newer);

size_t generation_count(const struct generation *g);
size_t generation_bytes(const struct generation *g);    /* memory held */

struct tl_str entry_value(const struct entry *e);       /* empty when deleted */
const struct entry *entry_of(const struct omap_key *key);
const struct omap_key *entry_key(const struct entry *e);
const struct group *group_of(const struct omap_key *key);

/* For the checkpoint: keys of groups, or of records that are in no group, each
 * table in order.  The caller frees the array. */
const struct omap_key **generation_groups(const struct generation *g, size_t *count);
const struct omap_key **generation_loose(const struct generation *g, size_t *count);

#endif
