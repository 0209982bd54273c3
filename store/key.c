#include "store/key.h"

#include <endian.h>
#include <string.h>

#include "base/short.h"

#define SIGN (1ULL << 63)

static inline void
add(struct key *k, const void *bytes, size_t len)
{
    size_t room = KEY_BYTES_MAX - k->len;

    if (len > room)
        len = room;
    short_copy(k->bytes + k->len, bytes, len);
    k->len += len;
}

static inline void
add_byte(struct key *k, unsigned char byte)
{
    if (k->len < KEY_BYTES_MAX)
        k->bytes[k->len++] = byte;
}

static inline void
start(struct key *k, unsigned char table)
{
    k->bytes[0] = table;
    k->len = 1;
}

void
key_profile(struct key *k, uint64_t profile, enum key_section section)
{
    uint64_t be = htobe64(profile);

    k->bytes[0] = 'P';
    memcpy(k->bytes + 1, &be, sizeof be);
    k->bytes[9] = (unsigned char)section;
    k->len = KEY_PROFILE_BYTES;
}

void
key_identifier(struct key *k, struct tl_str type, struct tl_str value)
{
    start(k, 'I');
    key_add_end(k, type);
    key_add(k, value);
}

void
key_global(struct key *k, enum key_global kind)
{
    start(k, 'G');
    add_byte(k, (unsigned char)kind);
}

void
key_add(struct key *k, struct tl_str text)
{
    add(k, text.ptr, text.len);
}

void
key_add_end(struct key *k, struct tl_str text)
{
    add(k, text.ptr, text.len);
    add_byte(k, 0);
}

void
key_add_byte(struct key *k, unsigned char byte)
{
    add_byte(k, byte);
}

void
key_add_number(struct key *k, uint64_t number)
{
    uint64_t be = htobe64(number);

    add(k, &be, sizeof be);
}

void
key_add_time(struct key *k, int64_t ns)
{
    key_add_number(k, (uint64_t)ns ^ SIGN);
}

void
key_add_time_descending(struct key *k, int64_t ns)
{
    key_add_number(k, ~((uint64_t)ns ^ SIGN));
}

uint64_t
key_read_number(struct tl_str key, size_t at)
{
    uint64_t number = 0;

    for (size_t i = 0; i < 8 && at + i < key.len; i++)
        number = number << 8 | (unsigned char)key.ptr[at + i];
    return number;
}

int64_t
key_read_time(struct tl_str key, size_t at)
{
    return (int64_t)(key_read_number(key, at) ^ SIGN);
}

int64_t
key_read_time_descending(struct tl_str key, size_t at)
{
    return (int64_t)(~key_read_number(key, at) ^ SIGN);
}

bool
key_is_profile(struct tl_str key)
{
    return key.len >= KEY_PROFILE_BYTES - 1 && key.ptr[0] == 'P';
}

uint64_t
key_read_profile(struct tl_str key)
{
    return key_read_number(key, 1);
}

struct tl_str
key_read_text(struct tl_str key, size_t *at)
{
    size_t from = *at, len = 0;

    while (from + len < key.len && key.ptr[from + len] != 0)
        len++;
    *at = from + len + 1;
    return (struct tl_str){key.ptr + from, len};
}
