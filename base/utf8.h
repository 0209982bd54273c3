/* utf8.h -- is this text? */

#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8 (RFC 3629) without NUL and without C0 controls other than tab
 * and newline. */
bool utf8_text(const void *bytes, size_t len);

#endif
