#include "tests/unit/decode.h"

#include "adapters/capture.h"
#include "adapters/text.h"

#define BODY "{\"a\":1}"

/* Everything in the bytes, as `method path query body` lines, or the reason. */
static struct buf
read_all(struct tl_str bytes)
{
    struct capture c = {0};
    struct capture_request r;
    enum capture_result result = CAPTURE_REQUEST;
    const char *why = "";
    struct buf out = {0};
    size_t used;

    while (bytes.len > 0
           && (result = capture_next(&c, bytes, &r, &used, &why)) == CAPTURE_REQUEST) {
        buf_printf(&out, "%.*s %.*s %.*s %.*s\n", (int)r.method.len, r.method.ptr,
                   (int)r.path.len, r.path.ptr, (int)r.query.len, r.query.ptr, (int)r.body.len,
                   r.body.ptr);
        bytes.ptr += used;
        bytes.len -= used;
    }
    if (result == CAPTURE_MORE)
        buf_text(&out, "more");
    if (result == CAPTURE_WRONG)
        buf_text(&out, why);
    buf_byte(&out, 0);
    capture_fini(&c);
    return out;
}

static void
expect(struct tl_str bytes, const char *want)
{
    struct buf got = read_all(bytes);

    assert_string_equal((const char *)got.ptr, want);
    buf_free(&got);
}

static void
requests_come_back_to_back(void **state)
{
    (void)state;
    expect(text("GET /i?e=pv&p=web HTTP/1.1\r\nHost: x\r\n\r\n"
                "POST /v1/batch HTTP/1.1\r\nCONTENT-LENGTH:  7 \r\n\r\n" BODY
                "\r\nPOST /x HTTP/1.1\ncontent-length: 7\n\n" BODY),
           "GET /i e=pv&p=web \nPOST /v1/batch  " BODY "\nPOST /x  " BODY "\n");
}

static void
chunks_are_put_together(void **state)
{
    (void)state;
    expect(text("POST /events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3;name=value\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nTrailer: x\r\n\r\n"
                "GET /next HTTP/1.1\r\n\r\n"),
           "POST /events  " BODY "\nGET /next  \n");
    expect(text("POST /events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"a\r\n"),
           "a chunk that is longer than it says");
    expect(text("POST /events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
           "a chunk without its size");
}

/* gzip of BODY. */
static const unsigned char folded[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0x54,
    0xb2, 0x32, 0xac, 0x05, 0x00, 0xaf, 0xac, 0x1b, 0x56, 0x07, 0x00, 0x00, 0x00,
};

static void
expect_folded(size_t bytes, const char *want)
{
    struct buf request = {0};

    buf_printf(&request, "POST /v1/batch HTTP/1.1\r\nContent-Type: "
                         "application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n", bytes);
    buf_append(&request, folded, bytes);
    expect((struct tl_str){(const char *)request.ptr, request.len}, want);
    buf_free(&request);
}

static void
a_compressed_body_is_unfolded_whatever_its_labels_say(void **state)
{
    (void)state;
    expect_folded(sizeof folded, "POST /v1/batch  " BODY "\n");
    expect_folded(sizeof folded - 3, "a compressed body that is damaged");
}

static void
what_is_cut_off_wants_more(void **state)
{
    static const char whole[] = "POST /a?b HTTP/1.1\r\nContent-Length: 7\r\n\r\n" BODY;

    (void)state;
    for (size_t len = 1; len + 1 < sizeof whole; len++)
        expect((struct tl_str){whole, len}, "more");
}

static void
heads_and_bodies_have_limits(void **state)
{
    struct buf b = {0};

    (void)state;
    expect(text("POST /a HTTP/1.1\r\nContent-Length: 8388609\r\n\r\n"),
           "a body of more than 8 MiB");
    expect(text("POST /a HTTP/1.1\r\nContent-Length: 8388608\r\n\r\n"), "more");
    expect(text("POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
           "a Content-Length that is no number");
    expect(text("POST a HTTP/1.1\r\n\r\n"),
           "no request line (method, path, HTTP version) where one should be");
    buf_text(&b, "GET /a HTTP/1.1\r\nX: ");
    while (b.len < CAPTURE_HEAD_BYTES_MAX)
        buf_byte(&b, 'x');
    expect((struct tl_str){(const char *)b.ptr, b.len}, "more");
    buf_byte(&b, 'x');
    expect((struct tl_str){(const char *)b.ptr, b.len}, "headers of more than 16 KiB");
    buf_free(&b);
}

static void
what_is_written_is_read(void **state)
{
    struct capture c = {0};
    struct capture_request r;
    struct buf b = {0};
    const char *why;
    size_t used;

    (void)state;
    capture_write(&b, "POST", "/v1/events?x=1", text("ce-id: 7\r\nCE-Type:  a.b \r\n"), text(BODY));
    assert_int_equal(capture_next(&c, (struct tl_str){(const char *)b.ptr, b.len}, &r, &used, &why),
                     CAPTURE_REQUEST);
    assert_int_equal(used, b.len);
    assert_true(text_is(capture_header(&r, "ce-type"), "a.b"));
    assert_true(text_is(capture_header(&r, "Ce-Id"), "7"));
    assert_int_equal(capture_header(&r, "ce-source").len, 0);
    assert_true(text_is(r.body, BODY));
    capture_fini(&c);
    buf_free(&b);
}

static void
a_request_is_told_from_a_body_by_its_first_bytes(void **state)
{
    (void)state;
    assert_true(capture_is(text("GET /")));
    assert_true(capture_is(text("PO")));
    assert_false(capture_is(text("GETTING")));
    assert_false(capture_is(text("{\"a\":1}")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_back_to_back),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(a_compressed_body_is_unfolded_whatever_its_labels_say),
        cmocka_unit_test(what_is_cut_off_wants_more),
        cmocka_unit_test(heads_and_bodies_have_limits),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_request_is_told_from_a_body_by_its_first_bytes),
    };

    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
