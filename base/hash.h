/* hash.h -- keyed hashes of what outsiders choose (libsodium). */

#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_KEY_BYTES 32
#define HASH_PART_BYTES 16

/* For tables in memory: SipHash-1-3 under a key drawn at start. */
uint64_t hash_table(const void *bytes, size_t len);

/* 96 bits under `key` over two parts, unambiguously joined: SipHash-2-4-128 of
 * the SipHash-2-4-128 of each.  Written to disk: it never changes. */
void hash_pair96(unsigned char out[12], const unsigned char key[HASH_KEY_BYTES], const void *a,
                 size_t a_len, const void *b, size_t b_len);

/* The same in two steps, for who has many of one first part. */
void hash_part(unsigned char out[HASH_PART_BYTES], const unsigned char key[HASH_KEY_BYTES],
               const void *a, size_t a_len);
void hash_pair96_of(unsigned char out[12], const unsigned char key[HASH_KEY_BYTES],
                    const unsigned char part[HASH_PART_BYTES], const void *b, size_t b_len);

/* Fills a new key with random bytes. */
void hash_new_key(unsigned char key[HASH_KEY_BYTES]);

#endif
