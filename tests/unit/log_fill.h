/* log_fill.h -- events for tests of the log; what is in one follows from its
 * number. */

#ifndef LOG_FILL_H
#define LOG_FILL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "store/log.h"
#include "tests/unit/scratch.h"

#define FILL_RECEIVED(number) ((int64_t)(number) * 1000)

static char why[LOG_WHY_BYTES];

static inline void
fill_payload(char *out, size_t len, uint64_t number)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(number * 31 + i * 7 + 1);
}

static inline void
fill_batch(struct buf *batch, uint64_t first, uint32_t count, size_t payload_bytes)
{
    static char payload[EVENT_BYTES_MAX];

    log_batch_begin(batch);
    for (uint32_t i = 0; i < count; i++) {
        struct frame f = {.number = first + i,
                          .received = FILL_RECEIVED(first + i),
                          .profile = (first + i) % 10,
                          .type = TL_STR("page.viewed"),
                          .channel = TL_STR("web"),
                          .payload = {payload, payload_bytes}};

        fill_payload(payload, payload_bytes, f.number);
        frame_append(batch, &f);
    }
}

/* Writes one batch behind the head; what log_write said. */
static inline int
fill_try(struct log *log, uint32_t count, size_t payload_bytes)
{
    struct buf batch = {0};
    uint64_t first = log_head(log) + 1;
    int err;

    fill_batch(&batch, first, count, payload_bytes);
    if ((err = log_write(log, &batch, first, count)) == 0)
        log_commit(log, &batch, first, count);
    buf_free(&batch);
    return err;
}

static inline void
fill(struct log *log, uint32_t count, size_t payload_bytes)
{
    assert_int_equal(fill_try(log, count, payload_bytes), 0);
}

static inline void
assert_filled(struct log *log, uint64_t number)
{
    static char payload[EVENT_BYTES_MAX];
    struct frame f;

    if (log_read(log, number, &f, why) != 0)
        fail_msg("%s", why);
    assert_int_equal(f.number, number);
    assert_int_equal(f.received, FILL_RECEIVED(number));
    fill_payload(payload, f.payload.len, number);
    assert_memory_equal(f.payload.ptr, payload, f.payload.len);
}

static inline struct log *
fill_open(void)
{
    struct log *log;
    int err = log_open(&log, scratch, LOG_SEGMENT_BYTES_MIN, why);

    if (err != 0)
        print_error("%s\n", why);
    assert_int_equal(err, 0);
    return log;
}

#endif
