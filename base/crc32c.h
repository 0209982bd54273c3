/* crc32c.h -- CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the CPU's
 * instruction where it has one. */

#ifndef CRC32C_H
#define CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same without the instruction. */
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len);

#endif
