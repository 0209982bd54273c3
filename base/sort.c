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

static int
compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

size_t
sort_numbers(uint64_t *numbers, size_t count)
{
    size_t kept = 0;

    sort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || numbers[i] != numbers[kept - 1])
            numbers[kept++] = numbers[i];
    return kept;
}

bool
sort_has_number(const uint64_t *numbers, size_t count, uint64_t number)
{
    return count > 0 && bsearch(&number, numbers, count, sizeof number, compare_numbers) != NULL;
}
