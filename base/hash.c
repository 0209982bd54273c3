#include "base/hash.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/must.h"

#define PART_BYTES crypto_shorthash_siphashx24_BYTES

static unsigned char table_key[crypto_shorthash_KEYBYTES];
static pthread_once_t started = PTHREAD_ONCE_INIT;

static void
start(void)
{
    must(sodium_init() >= 0);
    crypto_shorthash_keygen(table_key);
}

uint64_t
hash_table(const void *bytes, size_t len)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;

    _Static_assert(sizeof hash == sizeof out, "SipHash-2-4 gives 64 bits");
    pthread_once(&started, start);
    crypto_shorthash(out, bytes, len, table_key);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

/* Each part is hashed under a key of its own, then the two hashes together:
 * ("ab","c") cannot be ("a","bc"), no length is too long, nothing is copied.
 * BLAKE2b over both takes five times as long. */
void
hash_pair96(unsigned char out[12], const unsigned char key[HASH_KEY_BYTES], const void *a,
            size_t a_len, const void *b, size_t b_len)
{
    unsigned char parts[2 * PART_BYTES], whole[PART_BYTES];

    _Static_assert(HASH_KEY_BYTES == 2 * crypto_shorthash_siphashx24_KEYBYTES, "two keys in one");
    crypto_shorthash_siphashx24(parts, a, a_len, key);
    crypto_shorthash_siphashx24(parts + PART_BYTES, b, b_len, key + HASH_KEY_BYTES / 2);
    crypto_shorthash_siphashx24(whole, parts, sizeof parts, key);
    memcpy(out, whole, 12);
}

void
hash_new_key(unsigned char key[HASH_KEY_BYTES])
{
    pthread_once(&started, start);
    randombytes_buf(key, HASH_KEY_BYTES);
}
