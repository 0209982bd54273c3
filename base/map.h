/* map.h -- a hash table from bytes to a pointer.  Copies the keys.  Stops the
 * program when memory is out. */

#ifndef MAP_H
#define MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    uint64_t hash;
    void *value;
    uint32_t key_len;
    unsigned char key[];
};

struct map {
    struct map_entry **slots;   /* a power of two; NULL is empty */
    size_t slots_count;
    size_t count;
};

void *map_get(const struct map *m, const void *key, size_t len);           /* NULL: not there */
/* Where its value is; a new one holds NULL. */
void **map_put(struct map *m, const void *key, size_t len);
void *map_remove(struct map *m, const void *key, size_t len);              /* the value it had */
/* Start with *i = 0; NULL at the end. */
struct map_entry *map_next(const struct map *m, size_t *i);
void map_fini(struct map *m);                                              /* not the values */

#endif
