/* decimal.h -- decimal text to whole minor units: "12.345" dollars are 1235
 * cents.  Exact: no floating point on the way. */

#ifndef DECIMAL_H
#define DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_DIGITS_MAX 4    /* ISO 4217 knows currencies with 0, 2, 3 and 4 */

/* Reads [+-]digits[.digits][e[+-]digits], `.5` and `5.` included, and rounds
 * half away from zero to `decimals` (0..DECIMAL_DIGITS_MAX).  Exponents, because
 * statistics programs write a rounding error of theirs as 4.440892e-16.
 * Returns 0, or -1 and leaves *out alone when it is anything else (blanks, a
 * comma), does not fit, or has an exponent of more than four digits. */
int decimal_to_minor(int64_t *out, const char *text, size_t len, int decimals);

#endif
