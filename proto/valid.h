/* valid.h -- what makes an event acceptable; the limits, by name. */

#ifndef VALID_H
#define VALID_H

#include "proto/event.h"

#define EVENT_BYTES_MAX (64u << 10)
#define BATCH_BYTES_MAX (1u << 20)
#define BATCH_EVENTS_MAX 10000
#define MESSAGE_BYTES_MAX (2u << 20)    /* ZMQ_MAXMSGSIZE: over it the connection is cut */
#define ATTRIBUTES_MAX 64
#define IDENTIFIERS_MAX 32
#define IDENTIFIER_TYPE_BYTES_MAX 32
#define IDENTIFIER_BYTES_MAX 320        /* e-mail: 64 + '@' + 255, RFC 5321 */
#define OFFERS_MAX 100                  /* a hundred lines of one promotion are one, with a count */
#define NAME_BYTES_MAX 128              /* ids of offers, campaigns, treatments, instances */
#define TERMS_BYTES_MAX 8192            /* of one offer, as shown */
#define OFFER_TEXT_BYTES_MAX 1024       /* its title; why it was declined */
#define ID_BYTES_MAX 256                /* event, source, subject, conversation, promise, receipt */
#define TYPE_BYTES_MAX 64
#define CHANNEL_BYTES_MAX 32            /* and the other words: direction, purpose, tender */
#define COMMITMENTS_MAX 16
#define CONSENTS_MAX 32
#define SALE_LINES_MAX 1000
#define TIME_MIN 1LL                            /* 1970-01-01T00:00:00Z */
#define TIME_MAX 4133980799999999999LL          /* 2100-12-31T23:59:59.999999999Z */

#define SEQUENCE_MAX INT64_MAX

/* The source name of events the bus itself makes; forbidden to everybody else. */
#define SOURCE_BUS "touchline"

/* Is it a word of the open lists, such as a channel or purpose? */
bool valid_word(struct tl_str s);

/* Is this event, of `bytes` encoded bytes, acceptable as far as it can be told
 * from itself alone?  Returns 0 or a refusal code; `*detail` then is a sentence
 * fragment naming the field (static text). */
int valid_event(const struct tl_event *ev, size_t bytes, const char **detail);

/* Does it say of two identifiers that they are one customer, or are not?  Such an
 * event is about the `a` and `b` of its link. */
bool valid_is_link(struct tl_str type);

#endif
