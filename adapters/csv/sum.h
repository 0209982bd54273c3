/* sum.h -- sums of decimal text, rounded once at the end.
 *
 * Exact to 18 places behind the point; what is behind those is cut off. */

#ifndef ADAPTERS_CSV_SUM_H
#define ADAPTERS_CSV_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sum {
    __int128 units;             /* of 10^-18 */
};

/* Adds, or takes off, [+-]digits[.digits][e[+-]digits].  Returns false and
 * leaves the sum alone when it is anything else or does not fit. */
bool sum_add(struct sum *s, const char *text, size_t len, bool minus);

/* In units of 10^-digits (0..18), half away from zero.  Returns false when it
 * does not fit. */
bool sum_minor(const struct sum *s, int digits, int64_t *out);

#endif
