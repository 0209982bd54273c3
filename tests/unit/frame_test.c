#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "proto/code.h"
#include "store/frame.h"

static char payload[EVENT_BYTES_MAX];

static struct frame
sample(struct buf *identifiers, size_t payload_bytes)
{
    struct frame f = {.number = 718,
                      .time = 1496361600000000000,
                      .received = 1496361601000000000,
                      .profile = 42,
                      .flags = FRAME_UNVERIFIED | FRAME_FUTURE,
                      .identifiers_count = 2,
                      .type = TL_STR("sale.completed"),
                      .channel = TL_STR("pos"),
                      .payload = {payload, payload_bytes}};

    buf_clear(identifiers);
    frame_add_identifier(identifiers, &(struct frame_identifier){FRAME_BIND, TL_STR("loyalty"),
                                                                 TL_STR("718")});
    frame_add_identifier(identifiers, &(struct frame_identifier){FRAME_SEEN, TL_STR("phone"),
                                                                 TL_STR("+4930123456")});
    f.identifiers = (struct tl_str){(const char *)identifiers->ptr, identifiers->len};
    return f;
}

static void
assert_str(struct tl_str s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.ptr, text, s.len);
}

static void
frame_reads_back_as_it_was_written(void **state)
{
    struct buf identifiers = {0}, out = {0};
    struct frame in = sample(&identifiers, 250), f;

    (void)state;
    frame_append(&out, &in);
    assert_int_equal(out.len, in.bytes);
    assert_int_equal(out.len % 8, 0);
    assert_int_equal(frame_parse(&f, out.ptr, out.len), 0);
    assert_int_equal(f.number, 718);
    assert_int_equal(f.time, in.time);
    assert_int_equal(f.received, in.received);
    assert_int_equal(f.profile, 42);
    assert_int_equal(f.flags, FRAME_UNVERIFIED | FRAME_FUTURE);
    assert_int_equal(f.bytes, in.bytes);
    assert_int_equal(f.payload_crc, in.payload_crc);
    assert_str(f.type, "sale.completed");
    assert_str(f.channel, "pos");
    assert_int_equal(f.payload.len, 250);
    assert_memory_equal(f.payload.ptr, payload, 250);
    assert_true(frame_payload_ok(&f));
    buf_free(&out);
    buf_free(&identifiers);
}

static void
identifiers_come_in_the_order_they_were_added(void **state)
{
    struct buf identifiers = {0};
    struct frame f = sample(&identifiers, 0);
    struct frame_identifier id;
    size_t at = 0;

    (void)state;
    assert_true(frame_next_identifier(&f, &at, &id));
    assert_int_equal(id.action, FRAME_BIND);
    assert_str(id.type, "loyalty");
    assert_str(id.value, "718");
    assert_true(frame_next_identifier(&f, &at, &id));
    assert_int_equal(id.action, FRAME_SEEN);
    assert_str(id.type, "phone");
    assert_str(id.value, "+4930123456");
    assert_false(frame_next_identifier(&f, &at, &id));
    buf_free(&identifiers);
}

static void
identifiers_cut_anywhere_end_the_walk(void **state)
{
    struct buf identifiers = {0};
    struct frame f = sample(&identifiers, 0);
    size_t whole = f.identifiers.len;

    (void)state;
    for (size_t len = 0; len < whole; len++) {
        struct frame_identifier id;
        size_t at = 0, seen = 0;

        f.identifiers.len = len;
        while (frame_next_identifier(&f, &at, &id))
            seen++;
        assert_true(seen < 2 && at <= len);
    }
    buf_free(&identifiers);
}

static void
any_byte_changed_is_noticed(void **state)
{
    struct buf identifiers = {0}, out = {0};
    struct frame in = sample(&identifiers, 13), f;
    size_t used = (size_t)FRAME_HEADER_BYTES + in.type.len + in.channel.len + in.identifiers.len
                  + in.payload.len;

    (void)state;
    frame_append(&out, &in);
    for (size_t i = 0; i < used; i++) {
        out.ptr[i] ^= 0x10;
        assert_true(frame_parse(&f, out.ptr, out.len) == TL_EDAMAGED || !frame_payload_ok(&f));
        out.ptr[i] ^= 0x10;
    }
    assert_int_equal(frame_parse(&f, out.ptr, out.len), 0);
    buf_free(&out);
    buf_free(&identifiers);
}

static void
frame_cut_anywhere_is_damaged(void **state)
{
    struct buf identifiers = {0}, out = {0};
    struct frame in = sample(&identifiers, 13), f;

    (void)state;
    frame_append(&out, &in);
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(frame_parse(&f, out.ptr, len), TL_EDAMAGED);
    buf_free(&out);
    buf_free(&identifiers);
}

static void
operational_event_without_anything_fits(void **state)
{
    struct frame in = {.number = 1}, f;
    struct buf out = {0};
    struct frame_identifier id;
    size_t at = 0;

    (void)state;
    frame_append(&out, &in);
    assert_int_equal(out.len, FRAME_HEADER_BYTES);
    assert_int_equal(frame_parse(&f, out.ptr, out.len), 0);
    assert_int_equal(f.payload.len, 0);
    assert_true(frame_payload_ok(&f));
    assert_false(frame_next_identifier(&f, &at, &id));
    buf_free(&out);
}

static void
the_largest_event_fits(void **state)
{
    static char value[IDENTIFIER_BYTES_MAX], type[IDENTIFIER_TYPE_BYTES_MAX], name[TYPE_BYTES_MAX];
    struct buf identifiers = {0}, out = {0};
    struct frame f = {.number = 1, .identifiers_count = IDENTIFIERS_MAX};
    struct frame back;

    (void)state;
    for (int i = 0; i < IDENTIFIERS_MAX; i++)
        frame_add_identifier(&identifiers,
                             &(struct frame_identifier){FRAME_KEEP, {type, sizeof type},
                                                        {value, sizeof value}});
    f.type = (struct tl_str){name, sizeof name};
    f.channel = (struct tl_str){name, CHANNEL_BYTES_MAX};
    f.identifiers = (struct tl_str){(const char *)identifiers.ptr, identifiers.len};
    f.payload = (struct tl_str){payload, sizeof payload};
    frame_append(&out, &f);
    assert_true(out.len <= FRAME_BYTES_MAX);
    assert_int_equal(frame_parse(&back, out.ptr, out.len), 0);
    assert_int_equal(back.payload.len, EVENT_BYTES_MAX);
    buf_free(&out);
    buf_free(&identifiers);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_reads_back_as_it_was_written),
        cmocka_unit_test(identifiers_come_in_the_order_they_were_added),
        cmocka_unit_test(identifiers_cut_anywhere_end_the_walk),
        cmocka_unit_test(any_byte_changed_is_noticed),
        cmocka_unit_test(frame_cut_anywhere_is_damaged),
        cmocka_unit_test(operational_event_without_anything_fits),
        cmocka_unit_test(the_largest_event_fits),
    };

    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)(i * 7 + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
