#include "store/run.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "proto/code.h"
#include "store/file.h"
#include "store/le.h"

#define BLOCK_BYTES 64
#define BLOOM_BITS 12               /* an entry */
#define BLOOM_PROBES 7              /* of 9 bits each, from the key's first 8 bytes */
#define TRAILER_BYTES 64
#define NUMBER_BYTES 6
#define PART_BYTES (RUN_ENTRY_BYTES * 32768u)

static const char magic[8] = "TLSEEN";

void
run_name(char out[RUN_NAME_BYTES], uint64_t first, uint64_t last)
{
    snprintf(out, RUN_NAME_BYTES, "%016" PRIx64 "-%016" PRIx64 ".run", first, last);
}

static void
unfinished_name(char out[RUN_NAME_BYTES], const struct run *r)
{
    snprintf(out, RUN_NAME_BYTES, "%016" PRIx64 "-%016" PRIx64 ".tmp", r->first, r->last);
}

uint64_t
run_number(const unsigned char *entry)
{
    return le_get32(entry + SEEN_KEY_BYTES) | (uint64_t)le_get16(entry + SEEN_KEY_BYTES + 4) << 32;
}

static uint64_t
bloom_at(uint64_t count)
{
    return (count * RUN_ENTRY_BYTES + BLOCK_BYTES - 1) & ~(uint64_t)(BLOCK_BYTES - 1);
}

static uint64_t
blocks_for(uint64_t count)
{
    return count * BLOOM_BITS / (BLOCK_BYTES * 8) + 1;
}

/* ----------------------------------------------------------------- filter */

static size_t
block_of(const struct run *r, const unsigned char key[SEEN_KEY_BYTES])
{
    /* 32 bits spread well over any number of blocks we can have. */
    return (size_t)((uint64_t)le_get32(key + 8) * r->blocks >> 32) * BLOCK_BYTES;
}

static void
bloom_set(unsigned char *block, const unsigned char key[SEEN_KEY_BYTES])
{
    uint64_t bits = le_get64(key);

    for (int i = 0; i < BLOOM_PROBES; i++, bits >>= 9)
        block[bits >> 3 & 63] = (unsigned char)(block[bits >> 3 & 63] | 1u << (bits & 7));
}

static bool
bloom_has(const unsigned char *block, const unsigned char key[SEEN_KEY_BYTES])
{
    uint64_t bits = le_get64(key);
    unsigned all = 1;

    for (int i = 0; i < BLOOM_PROBES; i++, bits >>= 9)
        all &= (unsigned)block[bits >> 3 & 63] >> (bits & 7);
    return (all & 1) != 0;
}

void
run_prefetch(const struct run *r, const unsigned char key[SEEN_KEY_BYTES])
{
    __builtin_prefetch(r->bloom + block_of(r, key));
}

/* ---------------------------------------------------------------- reading */

static int
compare(const struct run *r, uint64_t i, const unsigned char key[SEEN_KEY_BYTES])
{
    return memcmp(run_entry(r, i), key, SEEN_KEY_BYTES);
}

/* Narrows [low, high) down to a few entries around where an evenly spread key
 * should be, wider and wider until the key lies between. */
static void
bracket(const struct run *r, const unsigned char key[SEEN_KEY_BYTES], uint64_t *low, uint64_t *high)
{
    uint32_t spread;
    uint64_t guess, step;

    memcpy(&spread, key, sizeof spread);
    guess = (uint64_t)be32toh(spread) * r->count >> 32;
    for (step = 32; guess >= step && compare(r, guess - step, key) > 0; step *= 4)
        ;
    *low = guess >= step ? guess - step : 0;
    for (step = 32; guess + step < r->count && compare(r, guess + step, key) < 0; step *= 4)
        ;
    *high = guess + step < r->count ? guess + step + 1 : r->count;
}

uint64_t
run_find(const struct run *r, const unsigned char key[SEEN_KEY_BYTES])
{
    uint64_t low, high;

    if (!bloom_has(r->bloom + block_of(r, key), key))
        return 0;
    bracket(r, key, &low, &high);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int order = compare(r, middle, key);

        if (order == 0)
            return run_number(run_entry(r, middle));
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* ---------------------------------------------------------------- opening */

static void
put_trailer(unsigned char trailer[TRAILER_BYTES], const struct run *r)
{
    memset(trailer, 0, TRAILER_BYTES);
    memcpy(trailer, magic, sizeof magic);
    le_put32(trailer + 8, RUN_FORMAT);
    le_put64(trailer + 16, r->first);
    le_put64(trailer + 24, r->last);
    le_put64(trailer + 32, r->count);
    le_put64(trailer + 40, r->blocks);
}

/* Goes on from the CRC of what comes before the trailer. */
static uint32_t
trailer_crc(uint32_t crc, const unsigned char trailer[TRAILER_BYTES])
{
    crc = crc32c(crc, trailer, 12);
    return crc32c(crc, trailer + 16, TRAILER_BYTES - 16);
}

static int
check(struct run *r)
{
    size_t before = r->bytes - TRAILER_BYTES;
    const unsigned char *stored = r->map + before;
    unsigned char trailer[TRAILER_BYTES];

    if (memcmp(stored, magic, sizeof magic) != 0)
        return TL_EDAMAGED;
    if (le_get32(stored + 8) != RUN_FORMAT)
        return TL_EFORMAT;
    r->count = le_get64(stored + 32);
    r->blocks = le_get64(stored + 40);
    put_trailer(trailer, r);
    le_put32(trailer + 12, trailer_crc(crc32c(0, r->map, before), trailer));
    if (memcmp(stored, trailer, sizeof trailer) != 0 || r->blocks == 0
        || r->blocks > r->bytes / BLOCK_BYTES || r->count > r->bytes / RUN_ENTRY_BYTES
        || bloom_at(r->count) + r->blocks * BLOCK_BYTES != before)
        return TL_EDAMAGED;
    return 0;
}

static int
map(struct run *r, int fd)
{
    struct stat st;
    void *at;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return TL_EIO;
    if (st.st_size < TRAILER_BYTES)
        return TL_EDAMAGED;
    at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return TL_EIO;
    r->map = at;
    r->bytes = (size_t)st.st_size;
    return 0;
}

static struct run *
run_new(uint64_t first, uint64_t last)
{
    struct run *r = calloc(1, sizeof *r);

    must(r != NULL);
    r->first = first;
    r->last = last;
    return r;
}

/* Entries are looked up one here, one there; the filter every time. */
static void
advise(struct run *r)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bloom = bloom_at(r->count) & ~(page - 1);

    r->bloom = r->map + bloom_at(r->count);
    madvise((void *)(uintptr_t)r->map, bloom, MADV_RANDOM);
    madvise((void *)(uintptr_t)(r->map + bloom), r->bytes - bloom, MADV_WILLNEED);
}

void
run_read_through(const struct run *r)
{
    madvise((void *)(uintptr_t)r->map, bloom_at(r->count), MADV_SEQUENTIAL);
}

int
run_open(struct run **out, int dir, uint64_t first, uint64_t last)
{
    struct run *r = run_new(first, last);
    char name[RUN_NAME_BYTES];
    int fd, err;

    run_name(name, first, last);
    if ((fd = openat(dir, name, O_RDONLY | O_CLOEXEC)) < 0) {
        free(r);
        return TL_EIO;
    }
    if ((err = map(r, fd)) == 0)
        err = check(r);
    close(fd);
    if (err != 0)
        run_close(&r);
    else
        advise(r);
    *out = r;
    return err;
}

void
run_close(struct run **r)
{
    if (*r == NULL)
        return;
    if ((*r)->map != NULL)
        munmap((void *)(uintptr_t)(*r)->map, (*r)->bytes);
    free(*r);
    *r = NULL;
}

/* ---------------------------------------------------------------- writing */

void
run_start(struct run_writer *w, int dir, uint64_t first, uint64_t last, uint64_t entries_max)
{
    char name[RUN_NAME_BYTES];

    *w = (struct run_writer){.dir = dir};
    w->run.first = first;
    w->run.last = last;
    w->run.blocks = blocks_for(entries_max);
    w->bloom = calloc(w->run.blocks, BLOCK_BYTES);
    w->part = malloc(PART_BYTES);
    must(w->bloom != NULL && w->part != NULL);
    unfinished_name(name, &w->run);
    w->fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (w->fd < 0)
        w->err = file_code(errno);
}

static void
write_bytes(struct run_writer *w, const void *bytes, size_t len)
{
    if (w->err != 0)
        return;
    w->err = file_write(w->fd, bytes, len, w->at, NULL);
    w->crc = crc32c(w->crc, bytes, len);
    w->at += len;
    /* A large file is not left for one sync at the end, which events' syncs would
     * have to wait behind. */
    sync_file_range(w->fd, (off_t)(w->at - len), (off_t)len, SYNC_FILE_RANGE_WRITE);
}

static void
write_part(struct run_writer *w)
{
    if (w->part_bytes > 0)
        write_bytes(w, w->part, w->part_bytes);
    w->part_bytes = 0;
}

void
run_add(struct run_writer *w, const unsigned char key[SEEN_KEY_BYTES], uint64_t number)
{
    unsigned char *entry = w->part + w->part_bytes;

    must(number >> (8 * NUMBER_BYTES) == 0);
    memcpy(entry, key, SEEN_KEY_BYTES);
    le_put32(entry + SEEN_KEY_BYTES, (uint32_t)number);
    le_put16(entry + SEEN_KEY_BYTES + 4, (uint16_t)(number >> 32));
    w->part_bytes += RUN_ENTRY_BYTES;
    w->run.count++;
    bloom_set(w->bloom + block_of(&w->run, key), key);
    if (w->part_bytes == PART_BYTES)
        write_part(w);
}

static void
write_end(struct run_writer *w)
{
    static const unsigned char zeros[BLOCK_BYTES];
    unsigned char trailer[TRAILER_BYTES];

    write_part(w);
    write_bytes(w, zeros, (size_t)(bloom_at(w->run.count) - w->run.count * RUN_ENTRY_BYTES));
    write_bytes(w, w->bloom, (size_t)w->run.blocks * BLOCK_BYTES);
    put_trailer(trailer, &w->run);
    le_put32(trailer + 12, trailer_crc(w->crc, trailer));
    write_bytes(w, trailer, sizeof trailer);
    if (w->err == 0)
        w->err = file_sync(w->fd);
}

static void
end(struct run_writer *w)
{
    free(w->bloom);
    free(w->part);
    if (w->fd >= 0)
        close(w->fd);
}

int
run_finish(struct run_writer *w, struct run **out)
{
    char unfinished[RUN_NAME_BYTES], name[RUN_NAME_BYTES];
    struct run *r = run_new(w->run.first, w->run.last);

    write_end(w);
    unfinished_name(unfinished, &w->run);
    run_name(name, w->run.first, w->run.last);
    if (w->err == 0 && (w->err = map(r, w->fd)) == 0)
        w->err = file_rename(w->dir, unfinished, name);
    if (w->err != 0) {
        run_close(&r);
        run_give_up(w);
        return w->err;
    }
    r->count = w->run.count;
    r->blocks = w->run.blocks;
    advise(r);
    end(w);
    *out = r;
    return 0;
}

/* What cannot be removed now is removed at the next start. */
void
run_give_up(struct run_writer *w)
{
    char unfinished[RUN_NAME_BYTES];

    unfinished_name(unfinished, &w->run);
    unlinkat(w->dir, unfinished, 0);
    end(w);
}
