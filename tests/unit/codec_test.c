#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/code.h"
#include "proto/codec.h"

/* The wire types. */
enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5 };

static struct arena arena;

static int
set_up(void **state)
{
    (void)state;
    codec_init();
    arena_init(&arena, CODEC_BUDGET_BYTES);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct tl_str
contents(const struct buf *b)
{
    return (struct tl_str){(const char *)b->ptr, b->len};
}

static void
put_tag(struct buf *b, unsigned number, unsigned wire)
{
    buf_varint(b, number << 3 | wire);
}

static void
put_number(struct buf *b, unsigned number, uint64_t v)
{
    put_tag(b, number, VARINT);
    buf_varint(b, v);
}

static void
put_bytes(struct buf *b, unsigned number, const void *bytes, size_t len)
{
    put_tag(b, number, LENGTH);
    buf_varint(b, len);
    buf_append(b, bytes, len);
}

static void
put_text(struct buf *b, unsigned number, const char *text)
{
    put_bytes(b, number, text, strlen(text));
}

/* Reads from a copy of just that size, so that a sanitizer sees one byte past. */
static int
decode(enum codec_message what, void *out, struct buf *b)
{
    unsigned char *ptr = realloc(b->ptr, b->len + (b->len == 0));

    assert_non_null(ptr);
    b->ptr = ptr;
    b->cap = b->len;
    arena_reset(&arena);
    return codec_decode(what, out, contents(b), &arena);
}

static int
decode_event(const void *bytes, size_t len)
{
    struct buf b = {0};
    struct tl_event ev;
    int err;

    buf_append(&b, bytes, len);
    err = decode(CODEC_EVENT, &ev, &b);
    buf_free(&b);
    return err;
}

#define assert_str(s, text)                                    \
    do {                                                       \
        assert_int_equal((s).len, strlen(text));               \
        assert_memory_equal((s).ptr, text, (s).len);           \
    } while (0)

/* ------------------------------------------------------------------ layout */

static void
plain_structs_mirror_their_messages(void **state)
{
    (void)state;
    /* codec_init stopped us already if a size is wrong; these are what a size
     * cannot show. */
    assert_int_equal(offsetof(struct tl_event, superseded), sizeof(struct tl_event) - 8);
    assert_int_equal(offsetof(struct tl_offer_touch, valid_from),
                     sizeof(struct tl_offer_touch) - 8);
    assert_int_equal(offsetof(struct tl_offer, of_catalogue_count), sizeof(struct tl_offer) - 8);
    assert_int_equal(offsetof(struct tl_context, household_more), sizeof(struct tl_context) - 16);
    assert_int_equal(offsetof(struct wire_request, report), sizeof(struct wire_request) - 8);
    assert_int_equal(offsetof(struct wire_reply, reported), sizeof(struct wire_reply) - 8);
}

/* Marks of a struct's fields, in order, found again behind the bytes. */
static void
every_field_of_an_event_lies_where_its_number_says(void **state)
{
    struct tl_event ev;
    struct buf b = {0};

    (void)state;
    for (unsigned n = 1; n <= 18; n++) {
        char mark[3] = {'n', (char)('A' + n), '\0'};

        if (n != 4 && n != 5 && n != 9 && n != 13)
            put_text(&b, n, mark);
    }
    put_number(&b, 13, 77);
    put_number(&b, 20, 1);
    put_text(&b, 40, "position");
    put_text(&b, 42, "profile");
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), 0);
    assert_str(ev.id, "nB");
    assert_str(ev.source, "nC");
    assert_str(ev.type, "nD");
    assert_str(ev.channel, "nG");
    assert_str(ev.direction, "nH");
    assert_str(ev.touchpoint, "nI");
    assert_str(ev.region, "nK");
    assert_str(ev.timezone, "nL");
    assert_str(ev.subject, "nM");
    assert_str(ev.conversation, "nO");
    assert_str(ev.causation_id, "nP");
    assert_str(ev.session, "nQ");
    assert_str(ev.campaign, "nR");
    assert_str(ev.locale, "nS");
    assert_int_equal(ev.revision, 77);
    assert_true(ev.replayed);
    assert_str(ev.position, "position");
    assert_str(ev.profile, "profile");
    buf_free(&b);
}

/* -------------------------------------------------------------- round trips */

static struct tl_event
example(void)
{
    static struct tl_identifier ids[] = {{TL_STR("loyalty"), TL_STR("718")},
                                         {TL_STR("email"), TL_STR("joe@example.com")}};
    static struct tl_attribute attributes[] = {{TL_STR("k"), TL_STR("")},
                                               {TL_STR(""), TL_STR("v")}};
    static struct tl_offer_touch offers[] = {
        {.offer = TL_STR("o1"), .outcome = TL_STR("made"), .price_minor = -5, .count = 3},
        {.offer = TL_STR("o2"), .expires = -1, .valid_from = 1500000000000000001},
    };
    static struct tl_sale_line lines[] = {{.item = TL_STR("1"), .amount_minor = INT64_MIN},
                                          {.coupon = TL_STR("c")}};
    static struct tl_sale sale = {.lines = lines, .lines_count = 2, .lines_more = UINT32_MAX};
    static struct tl_message message;
    static struct tl_consent consents[] = {{.purpose = TL_STR("marketing"), .identifier = ids}};

    return (struct tl_event){
        .id = TL_STR("1"), .source = TL_STR("s"), .type = TL_STR("sale.completed"),
        .time = 1500000000123456789, .recorded_time = 1, .identifiers = ids,
        .identifiers_count = 2, .revision = UINT64_MAX, .attributes = attributes,
        .attributes_count = 2, .replayed = true, .offers = offers, .offers_count = 2,
        .message = &message, .sale = &sale, .consents = consents, .consents_count = 1,
    };
}

static void
what_was_encoded_is_decoded(void **state)
{
    struct tl_event in = example(), out;
    struct buf b = {0}, again = {0};

    (void)state;
    codec_encode(CODEC_EVENT, &in, &b);
    assert_int_equal(decode(CODEC_EVENT, &out, &b), 0);
    assert_true(out.time == in.time && out.recorded_time == 1 && out.replayed);
    assert_true(out.revision == UINT64_MAX);
    assert_int_equal(out.identifiers_count, 2);
    assert_str(out.identifiers[1].value, "joe@example.com");
    assert_int_equal(out.attributes_count, 2);
    assert_str(out.attributes[0].key, "k");
    assert_str(out.attributes[1].value, "v");
    assert_int_equal(out.offers_count, 2);
    assert_true(out.offers[0].price_minor == -5 && out.offers[0].count == 3);
    assert_true(out.offers[1].expires == -1 && out.offers[1].valid_from == in.offers[1].valid_from);
    assert_non_null(out.message);
    assert_null(out.page);
    assert_true(out.sale->lines[0].amount_minor == INT64_MIN);
    assert_true(out.sale->lines_more == UINT32_MAX);
    assert_str(out.consents[0].identifier->value, "718");

    codec_encode(CODEC_EVENT, &out, &again);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.ptr, b.ptr, b.len);
    buf_free(&again);
    buf_free(&b);
}

static void
lengths_of_any_width_stand_before_their_messages(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 119, 120, 121, 127, 128, 129, 16000, 16375,
                                   16384, 16400, 2100000, 3};
    size_t count = sizeof sizes / sizeof *sizes;
    struct wire_stream_event events[15];
    struct wire_stream_batch batch = {.events = events, .events_count = count};
    struct wire_reply in = {.id = 9, .stream = &batch}, out;
    char *bytes = malloc(2100000);
    struct buf b = {0};

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0xff, 2100000);
    assert_true(count <= 15);
    for (size_t i = 0; i < count; i++)
        events[i] = (struct wire_stream_event){.number = i, .event = {bytes, sizes[i]}};
    codec_encode(CODEC_REPLY, &in, &b);
    assert_int_equal(decode(CODEC_REPLY, &out, &b), 0);
    assert_int_equal(out.id, 9);
    assert_int_equal(out.stream->events_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out.stream->events[i].number, i);
        assert_int_equal(out.stream->events[i].event.len, sizes[i]);
    }
    buf_free(&b);
    free(bytes);
}

static void
what_the_buffer_held_before_stays(void **state)
{
    struct tl_event in = example(), out;
    struct buf b = {0}, alone = {0};

    (void)state;
    codec_encode(CODEC_EVENT, &in, &alone);
    for (size_t before = 0; before < 200; before++) {
        buf_clear(&b);
        for (size_t i = 0; i < before; i++)
            buf_byte(&b, 'x');
        codec_encode(CODEC_EVENT, &in, &b);
        assert_int_equal(b.len, before + alone.len);
        assert_true(before == 0 || b.ptr[before - 1] == 'x');
        assert_memory_equal(b.ptr + before, alone.ptr, alone.len);
        buf_free(&b);
    }
    assert_int_equal(decode(CODEC_EVENT, &out, &alone), 0);
    buf_free(&alone);
}

static void
an_empty_message_is_no_bytes(void **state)
{
    struct tl_event ev, none = {0};
    struct buf b = {0};

    (void)state;
    codec_encode(CODEC_EVENT, &none, &b);
    assert_int_equal(b.len, 0);
    assert_int_equal(codec_decode(CODEC_EVENT, &ev, (struct tl_str){NULL, 0}, &arena), 0);
    assert_memory_equal(&ev, &none, sizeof ev);
    buf_free(&b);
}

static void
an_empty_request_body_is_there(void **state)
{
    struct wire_stat_query query;
    struct wire_request in = {.id = 3, .stat = &query}, out;
    struct buf b = {0};

    (void)state;
    codec_encode(CODEC_REQUEST, &in, &b);
    assert_int_equal(decode(CODEC_REQUEST, &out, &b), 0);
    assert_non_null(out.stat);
    assert_null(out.verify);
    buf_free(&b);
}

/* ------------------------------------------------------ what others may send */

static void
of_two_bodies_the_last_counts(void **state)
{
    struct wire_request out;
    struct buf b = {0};

    (void)state;
    put_bytes(&b, 2, "", 0);
    put_bytes(&b, 7, "", 0);
    assert_int_equal(decode(CODEC_REQUEST, &out, &b), 0);
    assert_null(out.hello);
    assert_non_null(out.stat);
    buf_free(&b);
}

static void
of_a_single_field_sent_twice_the_last_counts(void **state)
{
    struct tl_event ev;
    struct buf b = {0}, sub = {0};

    (void)state;
    put_text(&b, 1, "first");
    put_text(&b, 1, "second");
    put_number(&b, 13, 1);
    put_number(&b, 13, 2);
    put_text(&sub, 1, "old");
    put_text(&sub, 2, "subject");
    put_bytes(&b, 25, sub.ptr, sub.len);
    buf_clear(&sub);
    put_text(&sub, 1, "new");
    put_bytes(&b, 25, sub.ptr, sub.len);
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), 0);
    assert_str(ev.id, "second");
    assert_int_equal(ev.revision, 2);
    assert_str(ev.message->id, "new");
    assert_int_equal(ev.message->subject.len, 0);
    buf_free(&sub);
    buf_free(&b);
}

static void
scattered_elements_keep_their_order(void **state)
{
    struct wire_request out;
    struct buf b = {0}, publish = {0};

    (void)state;
    for (int i = 0; i < 300; i++) {
        char text[12];

        put_bytes(&publish, 1, text, (size_t)snprintf(text, sizeof text, "%d", i));
        if (i % 3 == 0)
            put_number(&publish, 1000, 1);
    }
    put_bytes(&b, 3, publish.ptr, publish.len);
    assert_int_equal(decode(CODEC_REQUEST, &out, &b), 0);
    assert_int_equal(out.publish->events_count, 300);
    for (int i = 0; i < 300; i++) {
        char text[12];

        snprintf(text, sizeof text, "%d", i);
        assert_str(out.publish->events[i], text);
    }
    buf_free(&publish);
    buf_free(&b);
}

static void
unknown_fields_of_every_kind_are_skipped(void **state)
{
    struct tl_event ev;
    struct buf b = {0};

    (void)state;
    put_number(&b, 39, UINT64_MAX);
    put_tag(&b, 63, FIXED64);
    buf_u64(&b, 1);
    put_tag(&b, 64, FIXED32);
    buf_u32(&b, 1);
    put_text(&b, 536870911, "the last field number there is");
    put_text(&b, 1, "id");
    put_bytes(&b, 21, "\xff\x00", 2);
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), 0);
    assert_str(ev.id, "id");
    buf_free(&b);
}

static void
lengths_may_be_written_longer_than_needed(void **state)
{
    struct tl_event ev;
    struct buf b = {0};

    (void)state;
    buf_append(&b, "\x8a\x80\x00\x82\x80\x00id", 8);
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), 0);
    assert_str(ev.id, "id");
    buf_free(&b);
}

static void
a_bool_is_true_when_it_is_not_zero(void **state)
{
    struct tl_event ev;
    struct buf b = {0};

    (void)state;
    put_number(&b, 20, UINT64_C(1) << 40);
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), 0);
    assert_true(ev.replayed);
    buf_free(&b);
}

/* ---------------------------------------------------------------- malformed */

#define assert_malformed(bytes) \
    assert_int_equal(decode_event(bytes, sizeof bytes - 1), TL_MALFORMED)

static void
what_is_no_protobuf_is_malformed(void **state)
{
    (void)state;
    assert_malformed("\x0a");                           /* no length */
    assert_malformed("\x0a\x80");                       /* half a length */
    assert_malformed("\x0a\x01");                       /* no text */
    assert_malformed("\x0a\x03id");                     /* one byte short */
    assert_malformed("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_malformed("\x68\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");       /* 65 bits */
    assert_malformed("\x68\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");   /* 11 bytes */
    assert_malformed("\x68");                           /* a number that is not there */
    assert_malformed("\x02\x00");                       /* field 0 */
    assert_malformed("\x00\x00");
    assert_malformed("\xf8\xff\xff\xff\x7f\x01");       /* a tag of over 32 bits */
    assert_malformed("\xbb\x01\xbc\x01");               /* groups */
    assert_malformed("\xbc\x01");
    assert_malformed("\xbe\x01\x00");                   /* wire types there are none of */
    assert_malformed("\xbf\x01\x00");
    assert_malformed("\xbd\x01\x00\x00\x00");           /* half a fixed32 */
    assert_malformed("\xb9\x01\x00\x00\x00\x00\x00\x00\x00");
}

static void
a_field_of_the_wrong_wire_type_is_malformed(void **state)
{
    (void)state;
    assert_malformed("\x08\x00");                       /* id as a number */
    assert_malformed("\x6a\x00");                       /* revision as text */
    assert_malformed("\x6d\x01\x00\x00\x00");           /* revision as fixed32 */
    assert_malformed("\x48\x00");                       /* an identifier as a number */
    assert_malformed("\x20\x00");                       /* time as a number */
}

static void
a_message_cut_anywhere_is_malformed_or_shorter(void **state)
{
    struct tl_event in = example();
    struct buf b = {0};

    (void)state;
    codec_encode(CODEC_EVENT, &in, &b);
    for (size_t len = 0; len < b.len; len++) {
        int err = decode_event(b.ptr, len);

        assert_true(err == 0 || err == TL_MALFORMED);
    }
    assert_int_equal(decode_event(b.ptr, b.len), 0);
    buf_free(&b);
}

static void
a_message_with_any_byte_changed_is_read_or_refused(void **state)
{
    struct tl_event in = example();
    struct buf b = {0};

    (void)state;
    codec_encode(CODEC_EVENT, &in, &b);
    for (size_t i = 0; i < b.len; i++) {
        unsigned char was = b.ptr[i];

        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            int err;

            b.ptr[i] = (unsigned char)(was ^ bit);
            err = decode_event(b.ptr, b.len);
            assert_true(err == 0 || err == TL_MALFORMED || err == TL_BAD_UTF8 ||
                        err == TL_BAD_TIME);
        }
        b.ptr[i] = was;
    }
    buf_free(&b);
}

/* --------------------------------------------------------------------- text */

static int
decode_text(const char *bytes, size_t len)
{
    struct buf b = {0};
    int err;

    put_bytes(&b, 1, bytes, len);
    err = decode_event(b.ptr, b.len);
    buf_free(&b);
    return err;
}

static void
text_of_every_length_is_looked_at_whole(void **state)
{
    char text[40];

    (void)state;
    for (size_t len = 1; len <= sizeof text; len++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(decode_text(text, len), 0);
        for (size_t i = 0; i < len; i++) {
            text[i] = 0x1f;
            assert_int_equal(decode_text(text, len), TL_BAD_UTF8);
            text[i] = (char)0x80;
            assert_int_equal(decode_text(text, len), TL_BAD_UTF8);
            text[i] = '\0';
            assert_int_equal(decode_text(text, len), TL_BAD_UTF8);
            text[i] = '\t';
            assert_int_equal(decode_text(text, len), 0);
            text[i] = ' ';
            assert_int_equal(decode_text(text, len), 0);
            text[i] = 'x';
        }
    }
}

static void
text_is_utf8(void **state)
{
    (void)state;
    assert_int_equal(decode_text("Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80\n", 13), 0);
    assert_int_equal(decode_text("\xc3", 1), TL_BAD_UTF8);
    assert_int_equal(decode_text("\xed\xa0\x80", 3), TL_BAD_UTF8);
    assert_int_equal(decode_text("\xc0\x80", 2), TL_BAD_UTF8);
}

static void
bytes_are_not_text(void **state)
{
    struct wire_request out;
    struct buf b = {0}, publish = {0};

    (void)state;
    put_bytes(&publish, 1, "\x00\xff", 2);
    put_bytes(&b, 3, publish.ptr, publish.len);
    assert_int_equal(decode(CODEC_REQUEST, &out, &b), 0);
    assert_int_equal(out.publish->events[0].len, 2);
    buf_free(&publish);
    buf_free(&b);
}

/* -------------------------------------------------------------------- times */

static int
decode_time(int64_t *ns, int64_t seconds, int64_t nanos)
{
    struct buf b = {0}, time = {0};
    struct tl_event ev;
    int err;

    put_number(&time, 1, (uint64_t)seconds);
    put_number(&time, 2, (uint64_t)nanos);
    put_bytes(&b, 4, time.ptr, time.len);
    err = decode(CODEC_EVENT, &ev, &b);
    *ns = ev.time;
    buf_free(&time);
    buf_free(&b);
    return err;
}

static void
times_are_nanoseconds(void **state)
{
    int64_t ns;

    (void)state;
    assert_int_equal(decode_time(&ns, 1500000000, 999999999), 0);
    assert_true(ns == 1500000000999999999);
    assert_int_equal(decode_time(&ns, -1, 5), 0);
    assert_true(ns == -999999995);
    assert_int_equal(decode_time(&ns, 9223372036, 854775807), 0);
    assert_true(ns == INT64_MAX);
}

static void
the_instant_zero_is_read_as_one(void **state)
{
    int64_t ns;

    (void)state;
    assert_int_equal(decode_time(&ns, 0, 0), 0);
    assert_true(ns == 1);
}

static void
times_out_of_range_are_bad(void **state)
{
    int64_t ns;

    (void)state;
    assert_int_equal(decode_time(&ns, 0, 1000000000), TL_BAD_TIME);
    assert_int_equal(decode_time(&ns, 0, -1), TL_BAD_TIME);
    assert_int_equal(decode_time(&ns, 9223372036, 854775808), TL_BAD_TIME);
    assert_int_equal(decode_time(&ns, 253402300799, 0), TL_BAD_TIME);   /* does not fit */
    assert_int_equal(decode_time(&ns, 253402300800, 0), TL_BAD_TIME);
    assert_int_equal(decode_time(&ns, -62135596801, 0), TL_BAD_TIME);
    assert_int_equal(decode_time(&ns, INT64_MAX, 0), TL_BAD_TIME);
    assert_int_equal(decode_time(&ns, INT64_MIN, 999999999), TL_BAD_TIME);
}

static void
times_before_1970_survive_the_road(void **state)
{
    static const int64_t times[] = {-1, -999999999, -1000000000, -1000000001, 1, 999999999,
                                    1000000000, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct tl_event in = {.time = times[i]}, out;
        struct buf b = {0};

        codec_encode(CODEC_EVENT, &in, &b);
        assert_int_equal(decode(CODEC_EVENT, &out, &b), 0);
        assert_true(out.time == times[i]);
        buf_free(&b);
    }
}

/* ------------------------------------------------------------------- budget */

static void
a_million_bytes_of_empty_messages_run_into_the_budget(void **state)
{
    struct tl_event ev;
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 500000; i++)
        buf_append(&b, "\x4a\x00", 2);
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), TL_TOO_MANY);
    buf_free(&b);
}

/* What the decoder holds of memory, whatever it said.  0 where the sanitizer has
 * taken malloc's place. */
static size_t
decoded_bytes(enum codec_message what, const struct buf *b)
{
    union {
        struct tl_event event;
        struct wire_request request;
        struct wire_reply reply;
    } out;
    struct mallinfo2 before, after;
    struct arena own;

    before = mallinfo2();
    arena_init(&own, CODEC_BUDGET_BYTES);
    (void)codec_decode(what, &out, contents(b), &own);
    after = mallinfo2();
    arena_fini(&own);
    return after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
}

/* `bytes` again and again up to a million, as the field `number` of a message
 * that is the field `outer` of the whole, or (0) in the whole itself. */
static void
fill_million(struct buf *b, unsigned outer, const char *bytes, size_t len)
{
    size_t count = (1000000 - 8) / len;

    if (outer != 0) {
        put_tag(b, outer, LENGTH);
        buf_varint(b, count * len);
    }
    for (size_t i = 0; i < count; i++)
        buf_append(b, bytes, len);
}

#define HEAP_BYTES_MAX (4u << 20)

static void
a_million_bytes_of_empty_messages_cost_4_mib_at_most(void **state)
{
    static const struct {
        enum codec_message what;
        unsigned outer;
        const char *bytes;
        size_t len;
    } shapes[] = {
        {CODEC_EVENT, 0, "\x4a\x00", 2},                 /* identifiers */
        {CODEC_EVENT, 0, "\xc2\x01\x00", 3},             /* offers, the largest element */
        {CODEC_EVENT, 0, "\x4a\x00\xc2\x01\x00", 5},     /* scattered */
        {CODEC_EVENT, 28, "\x0a\x00", 2},                /* lines of a sale */
        {CODEC_REQUEST, 3, "\x0a\x00", 2},               /* events to publish */
        {CODEC_REPLY, 5, "\x1a\x00", 2},                 /* events of a timeline */
        {CODEC_REPLY, 4, "\x2a\x00\x32\x00", 4},         /* of a context */
    };

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct buf b = {0};

        fill_million(&b, shapes[i].outer, shapes[i].bytes, shapes[i].len);
        assert_in_range(decoded_bytes(shapes[i].what, &b), 0, HEAP_BYTES_MAX);
        buf_free(&b);
    }
}

/* Runs that take a little more than half a block each. */
static void
half_empty_blocks_count(void **state)
{
    static const char *const tags[] = {"\x4a", "\x9a\x01"};     /* identifiers, attributes */
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 3000; i++)
        for (int j = 0; j < (i < 2 ? 260 : 1); j++) {
            buf_text(&b, tags[i % 2]);
            buf_byte(&b, 0);
        }
    assert_in_range(decoded_bytes(CODEC_EVENT, &b), 0, HEAP_BYTES_MAX);
    buf_free(&b);
}

static void
scattered_elements_run_into_the_budget_too(void **state)
{
    struct tl_event ev;
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 250000; i++)
        buf_append(&b, "\x4a\x00\x68\x00", 4);
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), TL_TOO_MANY);
    buf_free(&b);
}

static void
a_full_event_fits_the_budget(void **state)
{
    struct tl_event ev;
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 32768; i++)     /* 64 KiB of the cheapest element there is */
        buf_append(&b, "\x4a\x00", 2);
    assert_int_equal(decode(CODEC_EVENT, &ev, &b), 0);
    assert_int_equal(ev.identifiers_count, 32768);
    buf_free(&b);
}

/* --------------------------------------------------------------------- same */

static bool
same(const struct tl_event *a, const struct tl_event *b)
{
    struct buf x = {0}, y = {0};
    bool answer;

    codec_encode(CODEC_EVENT, a, &x);
    codec_encode(CODEC_EVENT, b, &y);
    answer = codec_same_event(contents(&x), contents(&y));
    assert_true(codec_same_event(contents(&y), contents(&x)) == answer);
    buf_free(&x);
    buf_free(&y);
    return answer;
}

static void
the_same_event_sent_at_another_time_says_the_same(void **state)
{
    struct tl_event a = example(), b = example();

    (void)state;
    assert_true(same(&a, &b));
    b.time = 0;
    b.recorded_time = 5;
    b.replayed = false;
    b.position = TL_STR("p");
    b.received_time = 9;
    b.profile = TL_STR("1");
    assert_true(same(&a, &b));
}

static void
an_event_with_anything_else_changed_says_something_else(void **state)
{
    struct tl_event a = example(), b;

    (void)state;
    b = a;
    b.revision--;
    assert_false(same(&a, &b));
    b = a;
    b.identifiers_count = 1;
    assert_false(same(&a, &b));
    b = a;
    b.campaign = TL_STR("c");
    assert_false(same(&a, &b));
    b = a;
    b.page = &(struct tl_page){0};
    assert_false(same(&a, &b));
}

static void
the_order_of_fields_does_not_matter(void **state)
{
    struct tl_attribute ab[] = {{TL_STR("a"), TL_STR("1")}, {TL_STR("b"), TL_STR("2")}};
    struct tl_attribute ba[] = {{TL_STR("b"), TL_STR("2")}, {TL_STR("a"), TL_STR("1")}};
    struct tl_attribute bb[] = {{TL_STR("b"), TL_STR("2")}, {TL_STR("b"), TL_STR("2")}};
    struct tl_event a = example(), b = example();

    (void)state;
    a.attributes = ab;
    b.attributes = ba;
    assert_true(same(&a, &b));
    b.attributes = bb;
    assert_false(same(&a, &b));
    a.attributes_count = 0;
    assert_false(same(&a, &b));
    a.attributes = bb + 1;
    a.attributes_count = 1;
    assert_false(same(&a, &b));
}

static void
the_name_of_an_event_is_its_last_source_and_id(void **state)
{
    const struct tl_event ev = {.id = TL_STR("7"), .source = TL_STR("till"),
                                .type = TL_STR("sale.completed"), .time = 5};
    const struct tl_event again = {.id = TL_STR("8"), .source = TL_STR("till 2")};
    struct tl_str source, id;
    struct buf b = {0};

    (void)state;
    assert_int_equal(codec_event_name(TL_STR(""), &source, &id), 0);
    assert_int_equal(source.len + id.len, 0);
    codec_encode(CODEC_EVENT, &ev, &b);
    codec_encode(CODEC_EVENT, &again, &b);
    assert_int_equal(codec_event_name((struct tl_str){(char *)b.ptr, b.len}, &source, &id), 0);
    assert_memory_equal(source.ptr, "till 2", source.len);
    assert_memory_equal(id.ptr, "8", id.len);
    for (size_t cut = 1; cut < 4; cut++)
        assert_int_equal(codec_event_name((struct tl_str){(char *)b.ptr, b.len - cut}, &source,
                                          &id), TL_MALFORMED);
    buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_of_an_event_is_its_last_source_and_id),
        cmocka_unit_test(plain_structs_mirror_their_messages),
        cmocka_unit_test(every_field_of_an_event_lies_where_its_number_says),
        cmocka_unit_test(what_was_encoded_is_decoded),
        cmocka_unit_test(lengths_of_any_width_stand_before_their_messages),
        cmocka_unit_test(what_the_buffer_held_before_stays),
        cmocka_unit_test(an_empty_message_is_no_bytes),
        cmocka_unit_test(an_empty_request_body_is_there),
        cmocka_unit_test(of_two_bodies_the_last_counts),
        cmocka_unit_test(of_a_single_field_sent_twice_the_last_counts),
        cmocka_unit_test(scattered_elements_keep_their_order),
        cmocka_unit_test(unknown_fields_of_every_kind_are_skipped),
        cmocka_unit_test(lengths_may_be_written_longer_than_needed),
        cmocka_unit_test(a_bool_is_true_when_it_is_not_zero),
        cmocka_unit_test(what_is_no_protobuf_is_malformed),
        cmocka_unit_test(a_field_of_the_wrong_wire_type_is_malformed),
        cmocka_unit_test(a_message_cut_anywhere_is_malformed_or_shorter),
        cmocka_unit_test(a_message_with_any_byte_changed_is_read_or_refused),
        cmocka_unit_test(text_of_every_length_is_looked_at_whole),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(bytes_are_not_text),
        cmocka_unit_test(times_are_nanoseconds),
        cmocka_unit_test(the_instant_zero_is_read_as_one),
        cmocka_unit_test(times_out_of_range_are_bad),
        cmocka_unit_test(times_before_1970_survive_the_road),
        cmocka_unit_test(a_million_bytes_of_empty_messages_run_into_the_budget),
        cmocka_unit_test(a_million_bytes_of_empty_messages_cost_4_mib_at_most),
        cmocka_unit_test(half_empty_blocks_count),
        cmocka_unit_test(scattered_elements_run_into_the_budget_too),
        cmocka_unit_test(a_full_event_fits_the_budget),
        cmocka_unit_test(the_same_event_sent_at_another_time_says_the_same),
        cmocka_unit_test(an_event_with_anything_else_changed_says_something_else),
        cmocka_unit_test(the_order_of_fields_does_not_matter),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
