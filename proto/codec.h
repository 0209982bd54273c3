/* codec.h -- protobuf bytes to plain structs and back.
 *
 * One table-driven walk for every message.  The tables are made once, from the
 * descriptors protoc-c generates, so they cannot drift from the schema; the
 * walk itself writes straight into the plain structs, borrows text from the
 * bytes, and takes arrays from an arena with a budget.  Unknown fields are
 * skipped (and kept, since events are stored as received). */

#ifndef CODEC_H
#define CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/wire.h"

/* Every struct that has a codec of its own. */
enum codec_message {
    CODEC_EVENT,
    CODEC_REQUEST,
    CODEC_REPLY,
    CODEC_CONTEXT,
    CODEC_TIMELINE,
    CODEC_OFFERS,
    CODEC_STAT,
    CODEC_VERIFICATION,
    CODEC_CAMPAIGNS,
    CODEC_CONTACT_VERDICT,
    CODEC_MESSAGES,
};

/* What a decoder may spend on one message: 4 MiB of heap with the arena's own
 * headers, a first block it kept and a last one that is half empty. */
#define CODEC_BUDGET_BYTES ((4u << 20) - (64u << 10))

/* Call once at start, before threads. */
void codec_init(void);

/* Reads `bytes` into the plain struct at `out` (zeroed first).  Text in `out`
 * borrows from `bytes`, arrays from `arena`; both must outlive it.  Of a single
 * field sent more than once the last counts; a sub-message is replaced, not
 * merged.  `out` is half filled after an error.
 * Returns 0, TL_MALFORMED (not protobuf, or a field of the wrong wire type),
 * TL_BAD_UTF8, TL_BAD_TIME (a Timestamp outside of the protobuf range or of
 * what fits), TL_TOO_MANY (over the arena's budget). */
int codec_decode(enum codec_message what, void *out, struct tl_str bytes, struct arena *arena);

/* Who sent an event that was well-formed once, and its id there: all that a look
 * into `seen` needs.  Both borrow.  Returns 0 or TL_MALFORMED. */
int codec_event_name(struct tl_str bytes, struct tl_str *source, struct tl_str *id);

/* Appends the bytes of the plain struct.  Fields in number order, defaults left
 * out.  Check out->failed. */
void codec_encode(enum codec_message what, const void *in, struct buf *out);

/* Do two events say the same, `time`, `recorded_time`, `replayed` and what the
 * broker sets left aside?  The order of fields does not matter (other libraries
 * write maps in any).  Both must be well-formed. */
bool codec_same_event(struct tl_str a, struct tl_str b);

#endif
