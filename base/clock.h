/* clock.h -- time in nanoseconds since 1970-01-01T00:00:00Z, and RFC 3339. */

#ifndef CLOCK_H
#define CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_SECOND 1000000000LL
#define CLOCK_MS 1000000LL
#define CLOCK_TEXT_BYTES 36     /* enough for clock_format, with its NUL */

int64_t clock_now(void);        /* CLOCK_REALTIME */
int64_t clock_monotonic(void);

/* `2017-06-02T10:00:00Z`, with 3, 6 or 9 digits of a second when it has them. */
char *clock_format(char out[CLOCK_TEXT_BYTES], int64_t ns);

/* Reads RFC 3339 (zone required).  Returns 0, or -1 when it is none or outside
 * of what fits an int64 (years 1678 to 2262). */
int clock_parse(int64_t *ns, const char *text, size_t len);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. */
int64_t clock_days(int year, int month, int day);
void clock_date(int64_t days, int *year, int *month, int *day);

#endif
