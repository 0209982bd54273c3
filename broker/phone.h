/* phone.h -- a telephone number in E.164, by libphonenumber. */

#ifndef PHONE_H
#define PHONE_H

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#endif
#include <stddef.h>

#define PHONE_BYTES 18      /* '+', 15 digits and some room; with a NUL */

/* Reads a number as people in `region` (ISO 3166-1 alpha-2; "ZZ" when unknown)
 * write it.  false: it is no valid number there; nothing is guessed.  16 us, less
 * for one seen lately.  One thread. */
bool phone_e164(char out[PHONE_BYTES], const char *text, size_t len, const char region[3]);

#ifdef __cplusplus
}
#endif

#endif
