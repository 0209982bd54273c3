#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u      /* Castagnoli, bits reversed */

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void
fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        table[0][i] = crc;
    }
    for (size_t k = 1; k < 8; k++)
        for (size_t i = 0; i < 256; i++)
            table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xff];
}

/* Eight bytes a step: one lookup each, of tables shifted against each other. */
uint32_t
crc32c_by_table(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    pthread_once(&table_once, fill_table);
    crc = ~crc;
    for (; len >= 8; at += 8, len -= 8) {
        crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16
               | (uint32_t)at[3] << 24;
        crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^ table[5][crc >> 16 & 0xff]
              ^ table[4][crc >> 24] ^ table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]]
              ^ table[0][at[7]];
    }
    for (; len > 0; at++, len--)
        crc = (crc >> 8) ^ table[0][(crc ^ *at) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
/* The instruction takes eight bytes in three cycles, but three of them at a time:
 * so a long text is summed as three pieces side by side.  What a piece is worth
 * with n words behind it is its sum times shifts[n - 1], x^(64n - 33) mod P. */
#define PIECE_WORDS_MAX 32
#define WORDS_MIN 12            /* below it putting together costs what it saves */

static const uint32_t shifts[2 * PIECE_WORDS_MAX] = {
    0x00000001, 0x493c7d27, 0xf20c0dfe, 0xba4fc28e, 0x3da6d0cb, 0xddc0152b, 0x1c291d04, 0x9e4addf8,
    0x740eef02, 0x39d3b296, 0x083a6eec, 0x0715ce53, 0xc49f4f67, 0x47db8317, 0x2ad91c30, 0x0d3b6092,
    0x6992cea2, 0xc96cfdc0, 0x7e908048, 0x878a92a7, 0x1b3d8f29, 0xdaece73e, 0xf1d0f55e, 0xab7aff2a,
    0xa87ab8a8, 0x2162d385, 0x8462d800, 0x83348832, 0x71d111a8, 0x299847d5, 0xffd852c6, 0xb9e02b86,
    0xdcb17aa4, 0x18b33a4e, 0xf37c5aee, 0xb6dd949b, 0x6051d5a2, 0x78d9ccb7, 0x18b0d4ff, 0xbac2fd7b,
    0x21f3d99c, 0xa60ce07b, 0x8f158014, 0xce7f39f4, 0xa00457f7, 0x61d82e56, 0x8d6d2c43, 0xd270f1a2,
    0x00ac29cf, 0xc619809d, 0xe9adf796, 0x2b3cac5d, 0x96638b34, 0x65863b64, 0xe0e9f351, 0x1b03397f,
    0x9af01f2d, 0xebb883bd, 0x2cff42cf, 0xb3e32c28, 0x88f25a3a, 0x064f7f26, 0x4e36f0b0, 0xdd7e3b0c,
};

static inline uint64_t
eight(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

typedef long long pair __attribute__((vector_size(16)));

/* Without carries; still to be reduced. */
__attribute__((target("sse4.2,pclmul"))) static inline uint64_t
times(uint64_t sum, size_t words_behind)
{
    pair product = __builtin_ia32_pclmulqdq128((pair){(long long)sum, 0},
                                               (pair){shifts[words_behind - 1], 0}, 0);

    return (uint64_t)product[0];
}

/* Three pieces of so many words each. */
__attribute__((target("sse4.2,pclmul"))) static uint64_t
sum_three(uint64_t sum, const unsigned char *at, size_t words)
{
    const unsigned char *last = at + 8 * (words - 1);
    uint64_t second = 0, third = 0;

    for (; at < last; at += 8) {
        sum = __builtin_ia32_crc32di(sum, eight(at));
        second = __builtin_ia32_crc32di(second, eight(at + 8 * words));
        third = __builtin_ia32_crc32di(third, eight(at + 16 * words));
    }
    sum = __builtin_ia32_crc32di(sum, eight(at));
    second = __builtin_ia32_crc32di(second, eight(at + 8 * words));
    return __builtin_ia32_crc32di(third, eight(at + 16 * words) ^ times(sum, 2 * words) ^
                                             times(second, words));
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
by_instruction(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t wide = ~crc;

    while (len >= 8 * WORDS_MIN) {
        size_t words = len / 24 < PIECE_WORDS_MAX ? len / 24 : PIECE_WORDS_MAX;

        wide = sum_three(wide, at, words);
        at += 24 * words;
        len -= 24 * words;
    }
    for (; len >= 8; at += 8, len -= 8)
        wide = __builtin_ia32_crc32di(wide, eight(at));
    crc = (uint32_t)wide;
    if (len & 4) {
        uint32_t word;

        memcpy(&word, at, sizeof word);
        crc = __builtin_ia32_crc32si(crc, word);
        at += 4;
    }
    if (len & 2) {
        uint16_t word;

        memcpy(&word, at, sizeof word);
        crc = __builtin_ia32_crc32hi(crc, word);
        at += 2;
    }
    if (len & 1)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return ~crc;
}
#endif

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
        return by_instruction(crc, bytes, len);
#endif
    return crc32c_by_table(crc, bytes, len);
}
