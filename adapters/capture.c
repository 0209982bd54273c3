#include "adapters/capture.h"

#include <string.h>
#include <strings.h>

#include "adapters/inflate.h"
#include "adapters/text.h"

static const char *const methods[] = {"GET /", "POST /", "PUT /"};

void
capture_fini(struct capture *c)
{
    buf_free(&c->chunks);
    buf_free(&c->unfolded);
}

bool
capture_is(struct tl_str bytes)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        size_t len = strlen(methods[i]);

        if (memcmp(methods[i], bytes.len > 0 ? bytes.ptr : "", bytes.len < len ? bytes.len : len)
            == 0)
            return true;
    }
    return false;
}

/* -------------------------------------------------------------------- head */

/* Takes a line, without its end.  False when it has none yet. */
static bool
take_line(struct tl_str *rest, struct tl_str *line)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;

    if (end == NULL)
        return false;
    *line = (struct tl_str){rest->ptr, (size_t)(end - rest->ptr)};
    rest->len -= line->len + 1;
    rest->ptr = end + 1;
    if (line->len > 0 && line->ptr[line->len - 1] == '\r')
        line->len--;
    return true;
}

static struct tl_str
take_word(struct tl_str *line)
{
    const char *end = line->len > 0 ? memchr(line->ptr, ' ', line->len) : NULL;
    struct tl_str word = *line;

    if (end != NULL)
        word.len = (size_t)(end - line->ptr);
    line->ptr += word.len + (end != NULL);
    line->len -= word.len + (end != NULL);
    return word;
}

static bool
read_request_line(struct tl_str line, struct capture_request *out)
{
    struct tl_str target;
    const char *mark;

    out->method = take_word(&line);
    target = take_word(&line);
    if (target.len == 0 || target.ptr[0] != '/' || line.len < 5
        || memcmp(line.ptr, "HTTP/", 5) != 0)
        return false;
    mark = memchr(target.ptr, '?', target.len);
    out->path = target;
    out->query = (struct tl_str){0};
    if (mark != NULL) {
        out->path.len = (size_t)(mark - target.ptr);
        out->query = (struct tl_str){mark + 1, target.len - out->path.len - 1};
    }
    return true;
}

static enum capture_result
wrong(const char **why, const char *sentence)
{
    *why = sentence;
    return CAPTURE_WRONG;
}

static enum capture_result
read_head(struct tl_str *rest, struct capture_request *out, const char **why)
{
    const char *start = rest->ptr;
    struct tl_str line;

    do {        /* blank lines before a request are passed over (RFC 9112, 2.2) */
        if (!take_line(rest, &line))
            return rest->len > CAPTURE_HEAD_BYTES_MAX
                       ? wrong(why, "a request line of more than 16 KiB") : CAPTURE_MORE;
    } while (line.len == 0);
    if (!read_request_line(line, out))
        return wrong(why, "no request line (method, path, HTTP version) where one should be");
    out->headers = *rest;
    for (;;) {
        out->headers.len = (size_t)(rest->ptr - out->headers.ptr);
        if (!take_line(rest, &line))
            break;
        if (line.len == 0)
            return CAPTURE_REQUEST;
    }
    return (size_t)(rest->ptr - start) + rest->len > CAPTURE_HEAD_BYTES_MAX
               ? wrong(why, "headers of more than 16 KiB") : CAPTURE_MORE;
}

struct tl_str
capture_header(const struct capture_request *r, const char *name)
{
    struct tl_str rest = r->headers, line;
    size_t len = strlen(name);

    while (take_line(&rest, &line))
        if (line.len > len && line.ptr[len] == ':' && strncasecmp(line.ptr, name, len) == 0)
            return text_trim((struct tl_str){line.ptr + len + 1, line.len - len - 1});
    return (struct tl_str){0};
}

/* -------------------------------------------------------------------- body */

static int
digit_of(char c, int base)
{
    int value = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' ? (c | 0x20) - 'a' + 10 : base;

    return value < base ? value : -1;
}

/* Up to something that is no digit.  False without any, or beyond a body. */
static bool
read_size(struct tl_str text, int base, size_t *out)
{
    size_t n = 0, i = 0;
    int value;

    while (i < text.len && (value = digit_of(text.ptr[i], base)) >= 0) {
        n = n * (size_t)base + (size_t)value;
        if (++i > 9)
            return false;
    }
    *out = n;
    return i > 0;
}

static enum capture_result
read_length(struct tl_str *rest, struct tl_str length, struct tl_str *body, const char **why)
{
    size_t len = 0;

    if (length.len > 0 && !read_size(length, 10, &len))
        return wrong(why, "a Content-Length that is no number");
    if (len > CAPTURE_BODY_BYTES_MAX)
        return wrong(why, "a body of more than 8 MiB");
    if (rest->len < len)
        return CAPTURE_MORE;
    *body = (struct tl_str){rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return CAPTURE_REQUEST;
}

/* RFC 9112, 7.1; trailers are passed over. */
static enum capture_result
read_chunks(struct tl_str *rest, struct buf *chunks, const char **why)
{
    struct tl_str line;
    size_t len;

    for (;;) {
        if (!take_line(rest, &line))
            return CAPTURE_MORE;
        if (!read_size(line, 16, &len))
            return wrong(why, "a chunk without its size");
        if (len == 0)
            break;
        if (chunks->len + len > CAPTURE_BODY_BYTES_MAX)
            return wrong(why, "a body of more than 8 MiB");
        if (rest->len < len)
            return CAPTURE_MORE;
        buf_append(chunks, rest->ptr, len);
        rest->ptr += len;
        rest->len -= len;
        if (!take_line(rest, &line))
            return CAPTURE_MORE;
        if (line.len > 0)
            return wrong(why, "a chunk that is longer than it says");
    }
    do {
        if (!take_line(rest, &line))
            return CAPTURE_MORE;
    } while (line.len > 0);
    return CAPTURE_REQUEST;
}

static bool
is_folded(struct tl_str body)
{
    return body.len > 2 && body.ptr[0] == '\x1f' && body.ptr[1] == '\x8b';
}

/* By what the body is: clients label it wrongly. */
static enum capture_result
unfold(struct capture *c, struct capture_request *out, const char **why)
{
    struct tl_str encoding = capture_header(out, "content-encoding");

    if (!is_folded(out->body) && !text_is(encoding, "deflate"))
        return CAPTURE_REQUEST;
    switch (inflate_bytes(&c->unfolded, out->body, CAPTURE_BODY_BYTES_MAX)) {
    case 0:
        out->body = (struct tl_str){(const char *)c->unfolded.ptr, c->unfolded.len};
        return CAPTURE_REQUEST;
    case TL_TOO_LARGE: return wrong(why, "a body that unfolds to more than 8 MiB");
    case TL_ENOMEM: return wrong(why, "out of memory");
    default: return wrong(why, "a compressed body that is damaged");
    }
}

enum capture_result
capture_next(struct capture *c, struct tl_str bytes, struct capture_request *out, size_t *used,
             const char **why)
{
    struct tl_str rest = bytes;
    enum capture_result result;

    buf_clear(&c->chunks);
    buf_clear(&c->unfolded);
    *out = (struct capture_request){0};
    if ((result = read_head(&rest, out, why)) != CAPTURE_REQUEST)
        return result;
    if (text_is(capture_header(out, "transfer-encoding"), "chunked")) {
        result = read_chunks(&rest, &c->chunks, why);
        out->body = (struct tl_str){(const char *)c->chunks.ptr, c->chunks.len};
        if (c->chunks.failed)
            return wrong(why, "out of memory");
    } else {
        result = read_length(&rest, capture_header(out, "content-length"), &out->body, why);
    }
    if (result != CAPTURE_REQUEST)
        return result;
    *used = bytes.len - rest.len;
    return unfold(c, out, why);
}

void
capture_write(struct buf *out, const char *method, const char *target, struct tl_str headers,
              struct tl_str body)
{
    buf_printf(out, "%s %s HTTP/1.1\r\n", method, target);
    buf_append(out, headers.ptr, headers.len);
    buf_printf(out, "content-length: %zu\r\n\r\n", body.len);
    buf_append(out, body.ptr, body.len);
}
