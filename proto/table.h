/* table.h -- the messages of touchline.proto as tables: each field's name,
 * number, and place in its plain struct.
 *
 * Made once from the descriptors that protoc-c generates; codec.c and json.c
 * walk them.  Inside proto/ only. */

#ifndef TABLE_H
#define TABLE_H

#include "proto/codec.h"

/* Field numbers are below this. */
#define TABLE_NUMBERS 64

enum table_kind {
    TABLE_TEXT,     /* struct tl_str */
    TABLE_BYTES,    /* struct tl_str */
    TABLE_BOOL,
    TABLE_U32,
    TABLE_ENUM,     /* uint32_t */
    TABLE_U64,
    TABLE_I64,
    TABLE_TIME,     /* int64_t; google.protobuf.Timestamp on the wire */
    TABLE_MESSAGE,  /* a pointer to its struct */
};

enum table_wire {
    TABLE_VARINT = 0,
    TABLE_LENGTH = 2,
};

struct table_field {
    const char *name;
    const struct table *sub;    /* of a message */
    const void *words;          /* of an enum: its descriptor */
    uint16_t offset;            /* repeated: of the pointer to the elements */
    uint16_t count_offset;      /* repeated: of the size_t that counts them */
    uint16_t size;              /* repeated: of an element */
    uint8_t number;
    uint8_t kind;
    uint8_t wire;
    uint8_t tag[2];
    uint8_t tag_bytes;
    bool repeated;
    bool map;                   /* repeated struct tl_attribute */
    bool oneof;
    uint16_t look;              /* is it there?  So it is if the eight bytes at `look` have */
    uint64_t there;             /* one of these bits: a count, a length, a pointer, a number */
};

struct table {
    size_t size;                        /* of the struct */
    size_t fields_count;
    struct table_field *fields;         /* in number order */
    const struct table_field *by_number[TABLE_NUMBERS];
};

/* Stops the program when a struct is not the mirror of its message. */
void table_init(void);

const struct table *table_of(enum codec_message what);

/* The name of an enum's value; NULL: none.  And back; INT64_MIN: none. */
const char *table_word(const struct table_field *f, uint32_t value);
int64_t table_word_value(const struct table_field *f, const char *word);

#endif
