/* tag.h -- tags of touchline.proto, for what is written and read without the codec:
 * a Reply with a StreamBatch, and a Reply with a bundle of others. */

#ifndef PROTO_TAG_H
#define PROTO_TAG_H

/* Field number and wire type. */
#define TAG_OF_NUMBER(field) ((field) << 3)
#define TAG_OF_BYTES(field) ((field) << 3 | 2)

enum {
    REPLY_ID = TAG_OF_NUMBER(1),
    REPLY_STREAM = TAG_OF_BYTES(8),
    REPLY_BUNDLE = TAG_OF_BYTES(30),

    BATCH_STREAM = TAG_OF_NUMBER(1),
    BATCH_LOG = TAG_OF_BYTES(2),
    BATCH_EVENT = TAG_OF_BYTES(3),
    BATCH_POSITION = TAG_OF_BYTES(4),
    BATCH_GENERATION = TAG_OF_NUMBER(5),

    EVENT_NUMBER = TAG_OF_NUMBER(1),
    EVENT_RECEIVED = TAG_OF_NUMBER(2),
    EVENT_PROFILE = TAG_OF_NUMBER(3),
    EVENT_BYTES = TAG_OF_BYTES(4),
};

/* A tag above 127, as it lies on the wire. */
#define TAG_BUNDLE_BYTES 2
static const unsigned char tag_bundle[TAG_BUNDLE_BYTES] = {(REPLY_BUNDLE & 0x7f) | 0x80,
                                                           REPLY_BUNDLE >> 7};

#endif
