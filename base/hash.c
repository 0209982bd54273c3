#include "base/hash.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/must.h"

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

void
hash_pair96(unsigned char out[12], const unsigned char key[HASH_KEY_BYTES], const void *a,
            size_t a_len, const void *b, size_t b_len)
{
    crypto_generichash_state state;
    unsigned char whole[crypto_generichash_BYTES_MIN], head[8];

    /* The first part's length in front keeps ("ab","c") from being ("a","bc"). */
    for (size_t i = 0; i < sizeof head; i++)
        head[i] = (unsigned char)((uint64_t)a_len >> (8 * i));
    pthread_once(&started, start);
    crypto_generichash_init(&state, key, HASH_KEY_BYTES, sizeof whole);
    crypto_generichash_update(&state, head, sizeof head);
    crypto_generichash_update(&state, a, a_len);
    crypto_generichash_update(&state, b, b_len);
    crypto_generichash_final(&state, whole, sizeof whole);
    memcpy(out, whole, 12);
}

void
hash_new_key(unsigned char key[HASH_KEY_BYTES])
{
    pthread_once(&started, start);
    randombytes_buf(key, HASH_KEY_BYTES);
}
