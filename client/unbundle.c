#include "client/unbundle.h"

#include <string.h>

#include "base/must.h"
#include "proto/tag.h"

static bool
is_tag(const unsigned char *at, size_t len)
{
    return len >= TAG_BUNDLE_BYTES && memcmp(at, tag_bundle, TAG_BUNDLE_BYTES) == 0;
}

bool
bundle_begin(struct bundle *b, zmq_msg_t *msg)
{
    size_t len = zmq_msg_size(msg);

    if (!is_tag(zmq_msg_data(msg), len))
        return false;
    must(b->len == 0 && zmq_msg_init(&b->msg) == 0 && zmq_msg_move(&b->msg, msg) == 0);
    b->at = 0;
    b->len = len;
    return true;
}

/* The length behind the tag, which takes *at there; beyond `end` when it is none. */
static size_t
read_length(const unsigned char *bytes, size_t *at, size_t end)
{
    size_t len = 0;

    for (unsigned shift = 0; *at < end && shift < 28; shift += 7) {
        unsigned char byte = bytes[(*at)++];

        len |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return len;
    }
    return SIZE_MAX;
}

/* A small message is in its zmq_msg_t: the copy has bytes of its own. */
bool
bundle_next(struct bundle *b, zmq_msg_t *msg, struct tl_str *bytes)
{
    const unsigned char *all;
    size_t at = b->at + TAG_BUNDLE_BYTES, len;

    if (b->len == 0)
        return false;
    all = zmq_msg_data(&b->msg);
    if (!is_tag(all + b->at, b->len - b->at) ||
        (len = read_length(all, &at, b->len)) > b->len - at) {
        bundle_end(b);
        return false;
    }
    must(zmq_msg_copy(msg, &b->msg) == 0);
    *bytes = (struct tl_str){(const char *)zmq_msg_data(msg) + at, len};
    b->at = at + len;
    if (b->at == b->len)
        bundle_end(b);
    return true;
}

void
bundle_end(struct bundle *b)
{
    if (b->len > 0)
        zmq_msg_close(&b->msg);
    b->len = 0;
}
