/* A log of one segment, or of one that is sealed and the next, empty one.
 *
 * The input is {options, what is added to the count of frames that the next
 * segment believes in, the 40 bytes of the header that count, the batches}.
 * With RIGHT_SUMS every checksum is made to fit, for nobody guesses those. */

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "store/le.h"
#include "store/log.h"
#include "store/segment.h"
#include "tests/fuzz/fuzz.h"

#define OPTIONS_BYTES 2
#define HEADER_USED 40
#define INPUT_BYTES_MAX (1u << 20)
#define NAME "0000000000000001.log"

enum { RIGHT_SUMS = 1, FULL_LENGTH = 2, SEALED = 4 };

static char dir[64];

static void
end(void)
{
    rmdir(dir);
}

static void
empty(void)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    char path[512];

    must(d != NULL);
    while ((entry = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            must(unlink(path) == 0);
    }
    closedir(d);
}

static void
make_dir(void)
{
    if (dir[0] != '\0') {
        empty();
        return;
    }
    snprintf(dir, sizeof dir, "%s/touchline-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(dir) != NULL);
    atexit(end);
}

static void
put(const char *name, const void *bytes, size_t len, size_t length)
{
    char path[512];
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    must((fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) >= 0);
    must(pwrite(fd, bytes, len, 0) == (ssize_t)len);
    must(ftruncate(fd, (off_t)length) == 0);
    close(fd);
}

/* ------------------------------------------------------------------- sums */

static void
right_header(unsigned char *header)
{
    memcpy(header, "TLSEGMT", 8);
    le_put32(header + 8, SEGMENT_FORMAT);
    le_put64(header + 24, le_get64(header + 24) | 1);
    le_put32(header + 12, crc32c(0, header + 16, HEADER_USED - 16));
}

static void
right_frames(unsigned char *at, const unsigned char *end_of_batch)
{
    while (end_of_batch - at >= FRAME_HEADER_BYTES) {
        size_t left = (size_t)(end_of_batch - at), bytes = le_get32(at);
        size_t names = FRAME_HEADER_BYTES + (size_t)at[54] + at[55] + le_get16(at + 24);
        size_t payload = le_get32(at + 12);

        if (names > left || payload > left - names)
            return;
        le_put32(at + 8, crc32c(0, at + names, payload));
        le_put32(at + 4, crc32c(0, at + 8, names - 8));
        if (bytes < FRAME_HEADER_BYTES || bytes > left)
            return;
        at += bytes;
    }
}

/* Returns how many frames its batches say they have. */
static uint64_t
right_batches(unsigned char *at, const unsigned char *end_of_file, uint64_t log_mark)
{
    struct segment_mark mark = {.mark = log_mark};
    uint64_t frames = 0;

    while (end_of_file - at > LOG_BATCH_HEADER_BYTES) {
        size_t left = (size_t)(end_of_file - at);
        struct segment_batch b = {le_get32(at + 12), le_get32(at + 24), le_get64(at + 16)};

        if (b.bytes <= LOG_BATCH_HEADER_BYTES || b.bytes > left)
            break;
        right_frames(at + LOG_BATCH_HEADER_BYTES, at + b.bytes);
        segment_batch_finish(at, &mark, &b);
        frames += b.count;
        at += b.bytes;
    }
    return frames;
}

/* ------------------------------------------------------------------- files */

static void
put_next(const unsigned char *header, uint64_t first)
{
    unsigned char next[HEADER_USED];
    char name[SEGMENT_NAME_BYTES];

    memcpy(next, header, sizeof next);
    le_put64(next + 32, first);
    right_header(next);
    snprintf(name, sizeof name, "%016llx.log", (unsigned long long)first);
    put(name, next, sizeof next, SEGMENT_HEADER_BYTES + LOG_SEGMENT_BYTES_MIN);
}

static void
put_files(const uint8_t *data, size_t size)
{
    size_t batches = size - OPTIONS_BYTES - HEADER_USED, bytes = SEGMENT_HEADER_BYTES + batches;
    unsigned char *file = calloc(1, bytes);
    uint64_t frames = 0;

    must(file != NULL);
    memcpy(file, data + OPTIONS_BYTES, HEADER_USED);
    memcpy(file + SEGMENT_HEADER_BYTES, data + OPTIONS_BYTES + HEADER_USED, batches);
    if ((data[0] & RIGHT_SUMS) != 0) {
        right_header(file);
        frames = right_batches(file + SEGMENT_HEADER_BYTES, file + bytes, le_get64(file + 24));
    }
    put(NAME, file, bytes,
        (data[0] & FULL_LENGTH) != 0 ? SEGMENT_HEADER_BYTES + LOG_SEGMENT_BYTES_MIN : bytes);
    if ((data[0] & SEALED) != 0)
        put_next(file, 2 + ((frames + data[1]) & 0xffff));
    free(file);
}

/* ----------------------------------------------------------------- reading */

static void
walk_frame(const struct frame *f)
{
    struct frame_identifier id;
    size_t at = 0;

    while (frame_next_identifier(f, &at, &id))
        must(at <= f->identifiers.len);
}

static void
read_all(const struct log *log)
{
    uint64_t head = log_head(log);
    char why[LOG_WHY_BYTES];
    struct frame f;

    for (uint64_t number = log_tail(log); number <= head; number++) {
        int err = log_read(log, number, &f, why);

        if (err == 0) {
            must(f.number == number);
            walk_frame(&f);
        }
        (void)log_read_header(log, number, &f, why);
    }
    must(log_read(log, head + 1, &f, why) != 0);
    must(log_number_at(log, INT64_MIN) == log_tail(log));
    (void)log_number_at(log, 0);
}

/* What one start has mended needs no second mending. */
static void
open_twice(void)
{
    char why[LOG_WHY_BYTES];
    struct log *log;
    uint64_t head;
    int err = log_open(&log, dir, LOG_SEGMENT_BYTES_MIN, why);

    must(err == 0 || why[0] != '\0');
    if (err != 0)
        return;
    read_all(log);
    head = log_head(log);
    log_close(&log);
    must(log_open(&log, dir, LOG_SEGMENT_BYTES_MIN, why) == 0);
    must(why[0] == '\0' && log_head(log) == head);
    read_all(log);
    log_close(&log);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < OPTIONS_BYTES + HEADER_USED || size > INPUT_BYTES_MAX)
        return 0;
    make_dir();
    put_files(data, size);
    open_twice();
    empty();
    return 0;
}
