#include "base/hash.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/must.h"

static uint64_t table_key[2];
static pthread_once_t started = PTHREAD_ONCE_INIT;
static _Atomic bool ready;

static void
start(void)
{
    must(sodium_init() >= 0);
    randombytes_buf(table_key, sizeof table_key);
    ready = true;
}

static inline uint64_t
turn(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static inline void
round_of(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turn(v[1], 13) ^ v[0];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] = turn(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = turn(v[1], 17) ^ v[2];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] = turn(v[2], 32);
}

static inline void
take_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    round_of(v);
    v[0] ^= word;
}

/* SipHash-1-3 (Aumasson and Bernstein 2012), as it guards the tables of several
 * languages.  Which end comes first is nobody's business: it is never stored. */
uint64_t
hash_table(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t v[4], word, last = (uint64_t)len << 56;

    if (!atomic_load_explicit(&ready, memory_order_acquire))
        pthread_once(&started, start);
    v[0] = table_key[0] ^ 0x736f6d6570736575;
    v[1] = table_key[1] ^ 0x646f72616e646f6d;
    v[2] = table_key[0] ^ 0x6c7967656e657261;
    v[3] = table_key[1] ^ 0x7465646279746573;
    for (; len >= sizeof word; at += sizeof word, len -= sizeof word) {
        memcpy(&word, at, sizeof word);
        take_word(v, word);
    }
    for (size_t i = 0; i < len; i++)
        last |= (uint64_t)at[i] << 8 * i;
    take_word(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        round_of(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Each part is hashed under a key of its own, then the two hashes together:
 * ("ab","c") cannot be ("a","bc"), no length is too long, nothing is copied.
 * BLAKE2b over both takes five times as long. */
void
hash_part(unsigned char out[HASH_PART_BYTES], const unsigned char key[HASH_KEY_BYTES],
          const void *a, size_t a_len)
{
    _Static_assert(HASH_PART_BYTES == crypto_shorthash_siphashx24_BYTES, "128 bits");
    _Static_assert(HASH_KEY_BYTES == 2 * crypto_shorthash_siphashx24_KEYBYTES, "two keys in one");
    crypto_shorthash_siphashx24(out, a, a_len, key);
}

void
hash_pair96_of(unsigned char out[12], const unsigned char key[HASH_KEY_BYTES],
               const unsigned char part[HASH_PART_BYTES], const void *b, size_t b_len)
{
    unsigned char parts[2 * HASH_PART_BYTES], whole[HASH_PART_BYTES];

    memcpy(parts, part, HASH_PART_BYTES);
    crypto_shorthash_siphashx24(parts + HASH_PART_BYTES, b, b_len, key + HASH_KEY_BYTES / 2);
    crypto_shorthash_siphashx24(whole, parts, sizeof parts, key);
    memcpy(out, whole, 12);
}

void
hash_pair96(unsigned char out[12], const unsigned char key[HASH_KEY_BYTES], const void *a,
            size_t a_len, const void *b, size_t b_len)
{
    unsigned char part[HASH_PART_BYTES];

    hash_part(part, key, a, a_len);
    hash_pair96_of(out, key, part, b, b_len);
}

void
hash_new_key(unsigned char key[HASH_KEY_BYTES])
{
    pthread_once(&started, start);
    randombytes_buf(key, HASH_KEY_BYTES);
}
