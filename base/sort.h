/* sort.h -- few things put in order.
 *
 * An answer sorts many lists of a handful of items.  qsort moves what is larger
 * than a word by way of memory it takes, and calls through for each. */

#ifndef SORT_H
#define SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As qsort; what compares the same keeps its order. */
void sort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *));

/* Ascending, each once.  Returns how many there are then. */
size_t sort_numbers(uint64_t *numbers, size_t count);

/* Is it among them, which are ascending? */
bool sort_has_number(const uint64_t *numbers, size_t count, uint64_t number);

#endif
