/* le.h -- little-endian integers at any address, as files hold them. */

#ifndef STORE_LE_H
#define STORE_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void
le_put16(unsigned char *at, uint16_t v)
{
    v = htole16(v);
    memcpy(at, &v, sizeof v);
}

static inline void
le_put32(unsigned char *at, uint32_t v)
{
    v = htole32(v);
    memcpy(at, &v, sizeof v);
}

static inline void
le_put64(unsigned char *at, uint64_t v)
{
    v = htole64(v);
    memcpy(at, &v, sizeof v);
}

static inline uint16_t
le_get16(const unsigned char *at)
{
    uint16_t v;

    memcpy(&v, at, sizeof v);
    return le16toh(v);
}

static inline uint32_t
le_get32(const unsigned char *at)
{
    uint32_t v;

    memcpy(&v, at, sizeof v);
    return le32toh(v);
}

static inline uint64_t
le_get64(const unsigned char *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof v);
    return le64toh(v);
}

#endif
