/* known.h -- which keys LMDB may have.
 *
 * A cookie or an address nobody has seen is looked for with every event that
 * brings one, and finding nothing in a tree costs as much as finding something:
 * some microseconds, or a read of the disk.  A Bloom filter in blocks of a cache
 * line says "not there" for one miss (Putze, Sanders, Singler 2007).
 *
 * One thread adds; any number ask meanwhile. */

#ifndef STORE_KNOWN_H
#define STORE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOWN_BITS_PER_KEY 12       /* one in a hundred is wrongly said to be there */

struct known;

/* For at least `keys` of them. */
struct known *known_new(size_t keys);
void known_free(struct known **k);

/* `hash` is generation_hash's of the key.  Once or often is the same. */
void known_add(struct known *k, uint64_t hash);
void known_fetch(const struct known *k, uint64_t hash);      /* ahead of asking */
bool known_may_have(const struct known *k, uint64_t hash);

/* It holds more than it was made for: make a larger one. */
bool known_full(const struct known *k);

#endif
