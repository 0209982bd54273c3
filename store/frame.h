/* frame.h -- one event as it lies in the log: what was decided at the door, and
 * the producer's bytes verbatim.
 *
 *   0  u32 frame bytes, a multiple of 8      28  i64 time (order in a timeline)
 *   4  u32 CRC-32C of bytes 8 .. payload     36  i64 received time
 *   8  u32 CRC-32C of the payload            44  u64 profile; 0: no customer
 *  12  u32 payload bytes                     52  u16 flags
 *  16  u64 event number                      54  u8  type bytes
 *  24  u16 identifiers bytes                 55  u8  channel bytes
 *  26  u16 identifiers                       56  type, channel, identifiers, payload, zeros to 8
 *
 * Little-endian.  An identifier is {u8 action, u8 type bytes, u16 value bytes,
 * type, value}, canonical.  Header and payload have their own CRC, so a payload
 * can be erased in place. */

#ifndef STORE_FRAME_H
#define STORE_FRAME_H

#include "base/buf.h"
#include "proto/event.h"
#include "proto/valid.h"

#define FRAME_HEADER_BYTES 56
#define FRAME_BYTES_MAX (EVENT_BYTES_MAX + 16384)

enum frame_flags {
    FRAME_FUTURE = 1,        /* its time was ahead of the clock; `time` is the received time */
    FRAME_UNVERIFIED = 2,    /* its customer was found by a weak identifier only */
    FRAME_BUS = 4,           /* made by the bus itself */
    FRAME_HIDDEN = 8,        /* identity.*: not part of a timeline */
    FRAME_ERASED = 16,       /* the payload was erased */
    FRAME_SAID = 32,         /* by the bus: a person's word on two profiles */
    FRAME_MOVES = 64,        /* by the bus: this made one customer more, or one fewer */
};

/* What an identifier of this event did, decided once at the door (identity_decide.c). */
enum frame_action {
    FRAME_KEEP = 0,      /* nothing: it belongs to the event's profile already */
    FRAME_BIND = 1,      /* strong: belongs to the event's profile from now on */
    FRAME_OWN = 2,       /* weak: the event's profile is its own, anonymous one */
    FRAME_SEEN = 3,      /* weak: was seen with the event's profile, a known customer */
    FRAME_ELSEWHERE = 4, /* nothing: it belongs to another profile */

    FRAME_ACTION_MASK = 15,
    FRAME_STRONG = 32,   /* kinds of identifier, as they were at the door */
    FRAME_SINGLE = 64,
};

struct frame_identifier {
    unsigned action;     /* enum frame_action and kind */
    struct tl_str type;
    struct tl_str value;
};

struct frame {
    uint64_t number;
    int64_t time;
    int64_t received;
    uint64_t profile;
    uint16_t flags;
    uint16_t identifiers_count;
    struct tl_str type;
    struct tl_str channel;
    struct tl_str identifiers;      /* encoded; walk with frame_next_identifier */
    struct tl_str payload;
    uint32_t bytes;                 /* of the whole frame */
    uint32_t payload_crc;
};

/* Appends one identifier to an encoded list. */
void frame_add_identifier(struct buf *list, const struct frame_identifier *id);

/* Appends the frame; fills in f->bytes and f->payload_crc. */
void frame_append(struct buf *out, struct frame *f);

/* Reads the frame at `bytes`; the header's CRC is checked, the payload's is not.
 * `f` borrows.  Returns 0 or TL_EDAMAGED. */
int frame_parse(struct frame *f, const unsigned char *bytes, size_t available);

/* Is the payload what was written? */
bool frame_payload_ok(const struct frame *f);

/* Walks the identifiers; *at starts at 0.  false at the end. */
bool frame_next_identifier(const struct frame *f, size_t *at, struct frame_identifier *id);

#endif
