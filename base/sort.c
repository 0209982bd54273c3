#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#define BY_HAND_MAX 32          /* items */
#define ITEM_BYTES_MAX 128

static void
insert(unsigned char *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    unsigned char *last = items + count * size, *at = last;
    unsigned char item[ITEM_BYTES_MAX];

    while (at > items && compare(at - size, last) > 0)
        at -= size;
    if (at == last)
        return;
    memcpy(item, last, size);
    memmove(at + size, at, (size_t)(last - at));
    memcpy(at, item, size);
}

void
sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    if (count < 2)
        return;
    if (count > BY_HAND_MAX || size > ITEM_BYTES_MAX) {
        qsort(items, count, size, compare);
        return;
    }
    for (size_t i = 1; i < count; i++)
        insert(items, i, size, compare);
}
