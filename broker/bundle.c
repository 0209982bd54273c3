#include "broker/bundle.h"

#include <string.h>

#include "base/must.h"
#include "proto/tag.h"

#define LENGTH_BYTES_MAX 3

static unsigned char *
put_length(unsigned char *p, size_t len)
{
    for (; len >= 0x80; len >>= 7)
        *p++ = (unsigned char)(len | 0x80);
    *p++ = (unsigned char)len;
    return p;
}

static size_t
length_bytes(size_t len)
{
    return len < 1u << 7 ? 1 : len < 1u << 14 ? 2 : LENGTH_BYTES_MAX;
}

void
bundle_message(zmq_msg_t *const messages[], size_t count, zmq_msg_t *out)
{
    size_t bytes = 0;
    unsigned char *p;

    for (size_t i = 0; i < count; i++) {
        size_t len = zmq_msg_size(messages[i]);

        must(len <= BUNDLED_BYTES_MAX);
        bytes += TAG_BUNDLE_BYTES + length_bytes(len) + len;
    }
    must(zmq_msg_init_size(out, bytes) == 0);
    p = zmq_msg_data(out);
    for (size_t i = 0; i < count; i++) {
        size_t len = zmq_msg_size(messages[i]);

        memcpy(p, tag_bundle, TAG_BUNDLE_BYTES);
        p = put_length(p + TAG_BUNDLE_BYTES, len);
        if (len > 0)
            memcpy(p, zmq_msg_data(messages[i]), len);
        p += len;
    }
}
