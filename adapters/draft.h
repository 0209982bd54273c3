/* draft.h -- an event being put together by a decoder.
 *
 * Holds the arrays an event points into, within the limits of the contract, and
 * the text that is not in the input as it is.  What does not fit is counted in
 * the event (`attributes_more`, lines_more), never dropped in silence. */

#ifndef ADAPTERS_DRAFT_H
#define ADAPTERS_DRAFT_H

#include "adapters/value.h"
#include "base/arena.h"
#include "base/buf.h"
#include "client/touchline.h"

/* As in proto/valid.h, which decoders do not see; draft_test compares. */
#define DRAFT_ATTRIBUTES_MAX 64
#define DRAFT_IDENTIFIERS_MAX 32
#define DRAFT_IDENTIFIER_BYTES_MAX 320
#define DRAFT_OFFERS_MAX 100
#define DRAFT_CONSENTS_MAX 32
#define DRAFT_COMMITMENTS_MAX 16
#define DRAFT_LINES_MAX 1000
#define DRAFT_TENDERS_MAX 100
#define DRAFT_NAME_BYTES_MAX 128
/* What lists may take of an event's 64 KiB. */
#define DRAFT_LINES_BYTES_MAX (36u << 10)
#define DRAFT_ATTRIBUTES_BYTES_MAX (12u << 10)

#define DRAFT_TEXT_BYTES_MAX (1u << 20)

struct draft {
    struct tl_event event;
    struct tl_message message;
    struct tl_page page;
    struct tl_call call;
    struct tl_sale sale;
    struct tl_feedback feedback;
    struct tl_identifier identifiers[DRAFT_IDENTIFIERS_MAX];
    struct tl_attribute attributes[DRAFT_ATTRIBUTES_MAX];
    struct tl_commitment commitments[DRAFT_COMMITMENTS_MAX];
    struct tl_consent consents[DRAFT_CONSENTS_MAX];
    struct tl_tender tenders[DRAFT_TENDERS_MAX];
    /* The long ones are there from the first use on: a decoder is made for each body. */
    struct tl_offer_touch *offers;      /* DRAFT_OFFERS_MAX */
    struct tl_sale_line *lines;         /* DRAFT_LINES_MAX */
    unsigned char attributes_hash[DRAFT_ATTRIBUTES_MAX];   /* of each one's key */
    size_t attributes_bytes, attributes_more;
    size_t lines_bytes;
    struct arena text;
    size_t lent_bytes;
    struct buf written;         /* JSON being written out */
    bool failed;                /* text did not fit: refuse the record */

    /* What events are made of, where that is JSON; the next body's takes its place. */
    struct values json;
};

void draft_init(struct draft *d);
void draft_fini(struct draft *d);

/* An empty event; the text of the one before is gone. */
void draft_begin(struct draft *d);

/* Puts what is in the draft's lists into its event. */
const struct tl_event *draft_end(struct draft *d);

/* A copy that lives until draft_begin.  Control characters, which no event may
 * hold, become blanks, and what is no UTF-8 becomes question marks; a CR before a
 * LF goes. */
struct tl_str draft_copy(struct draft *d, struct tl_str text);

/* The same of text that lives as long as the event: no copy when it can be as it is. */
struct tl_str draft_lent(struct draft *d, struct tl_str text);

__attribute__((format(printf, 2, 3))) struct tl_str draft_printf(struct draft *d, const char *fmt,
                                                                 ...);

struct tl_str draft_integer(struct draft *d, int64_t number);

/* An id for what has none of its own: 24 hex digits of a hash of `text`, the same
 * in every process and for ever; `name` keeps formats apart. */
struct tl_str draft_hash(struct draft *d, const char *name, struct tl_str text);

/* These lend the text they are given.  Empty values are left out; an identifier
 * that is too long to be one becomes an attribute; an attribute said twice keeps
 * the last value. */
void draft_identifier(struct draft *d, struct tl_str type, struct tl_str value);
void draft_attribute(struct draft *d, struct tl_str key, struct tl_str value);

/* Makes the list of offers for one who fills it himself; false, and the draft failed,
 * when out of memory. */
bool draft_has_offers(struct draft *d);

/* A touch of that offer with that outcome: counts on when there is one already.
 * NULL when there is no room, or the id is empty or too long to be one; out of memory
 * the draft fails as well. */
struct tl_offer_touch *draft_offer(struct draft *d, struct tl_str offer, struct tl_str campaign,
                                   const char *outcome);

struct tl_consent *draft_consent(struct draft *d);          /* NULL when full */
struct tl_commitment *draft_commitment(struct draft *d);    /* NULL when full */
void draft_line(struct draft *d, const struct tl_sale_line *line);
void draft_tender(struct draft *d, struct tl_str type, int64_t amount_minor);

#endif
