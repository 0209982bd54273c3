/* event.h -- what happened, to whom: the plain structs everybody shares.
 *
 * They mirror the messages of touchline.proto, field by field and in the order
 * of the field numbers; codec.c relies on that order (and checks the sizes).
 *
 * Text is borrowed: a tl_str points into memory of whoever made the struct and
 * need not end in NUL.  Times are nanoseconds since 1970-01-01T00:00:00Z; 0
 * means "not given" (an instant of exactly 0 is read as 1).  Money is in minor
 * units of an ISO 4217 currency.  A zeroed struct is an empty message. */

#ifndef TL_EVENT_H
#define TL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_str {
    const char *ptr;
    size_t len;
};

/* A tl_str of a string literal. */
#define TL_STR(literal) ((struct tl_str){"" literal, sizeof(literal) - 1})

struct tl_attribute {
    struct tl_str key;
    struct tl_str value;
};

struct tl_identifier {
    struct tl_str type;                     /* the table of PROTOCOL.md, or x-* */
    struct tl_str value;
};

struct tl_offer_touch {
    struct tl_str offer;
    struct tl_str campaign;
    struct tl_str treatment;
    struct tl_str instance;
    struct tl_str outcome;                  /* made delivered clicked ... */
    struct tl_str reason;
    struct tl_str terms;                    /* as shown */
    int64_t price_minor;
    struct tl_str currency;                 /* ISO 4217 */
    int64_t expires;
    uint32_t count;                         /* 0 means 1 */
    struct tl_str title;
    struct tl_str exclusivity_group;        /* offers of one group are for the same thing */
    int64_t valid_from;
};

struct tl_message {
    struct tl_str id;                       /* Message-ID or the provider's */
    struct tl_str subject;
    struct tl_str text;                     /* a note's text, a chat line, an excerpt */
    struct tl_str sender;
    struct tl_str recipient;
    struct tl_str url;                      /* the link clicked */
    struct tl_str status;                   /* SMTP enhanced status or the like */
    struct tl_str reason;                   /* why it bounced, was dropped or deferred */
    struct tl_str user_agent;
    struct tl_str in_reply_to;
};

struct tl_page {
    struct tl_str url;
    struct tl_str path;
    struct tl_str title;
    struct tl_str referrer;
    struct tl_str search;                   /* the words searched for */
    struct tl_str product;
    struct tl_str user_agent;
};

struct tl_call {
    struct tl_str id;
    struct tl_str queue;
    struct tl_str agent;
    struct tl_str caller;
    struct tl_str callee;
    struct tl_str disposition;
    int64_t wait_ms;
    int64_t talk_ms;
    int64_t total_ms;
};

struct tl_sale_line {
    struct tl_str item;                     /* GTIN or the shop's own number */
    struct tl_str description;
    struct tl_str quantity;                 /* decimal, as the till said it */
    int64_t amount_minor;
    int64_t discount_minor;
    struct tl_str department;
    struct tl_str coupon;
};

struct tl_tender {
    struct tl_str type;
    int64_t amount_minor;
};

struct tl_sale {
    struct tl_sale_line *lines;
    size_t lines_count;
    int64_t total_minor;                    /* the price paid; negative for a return */
    struct tl_str currency;                 /* ISO 4217 */
    struct tl_tender *tenders;
    size_t tenders_count;
    struct tl_str receipt;
    struct tl_str store;
    struct tl_str till;
    struct tl_str operator_id;              /* `operator` on the wire, a keyword in C++ */
    int64_t tax_minor;
    int64_t discount_minor;
    uint32_t lines_more;                    /* lines of the basket beyond those listed */
};

struct tl_feedback {
    struct tl_str id;
    struct tl_str kind;                     /* review rating survey complaint praise beacon */
    struct tl_str text;
    struct tl_str title;
    struct tl_str rating;                   /* decimal */
    struct tl_str rating_max;
    bool is_public;                         /* `public` on the wire, a keyword in C++ */
    struct tl_str url;
    struct tl_str product;
    struct tl_str state;                    /* heard answered resolved */
};

struct tl_commitment {
    struct tl_str id;
    struct tl_str text;
    struct tl_str by;
    struct tl_str to;
    int64_t due;
    struct tl_str state;                    /* made kept broken waived renegotiated due overdue */
};

struct tl_consent {
    struct tl_str purpose;                  /* marketing service transactional research */
    struct tl_str channel;                  /* empty: every channel */
    struct tl_str status;                   /* granted denied revoked expired */
    struct tl_str evidence;
    struct tl_identifier *identifier;       /* the address it is about; empty: the customer */
    int64_t expires;
};

struct tl_identity_link {
    struct tl_identifier *a;
    struct tl_identifier *b;
    struct tl_str evidence;
    struct tl_str by;
    struct tl_str profile_a;                /* set by the bus */
    struct tl_str profile_b;
};

struct tl_household {
    struct tl_str id;
    struct tl_str role;
    struct tl_str visibility;               /* none offers all */
    int64_t since;
    struct tl_str evidence;
    struct tl_str by;
};

struct tl_event {
    struct tl_str id;
    struct tl_str source;                   /* the system that emitted it */
    struct tl_str type;                     /* object.past_tense */
    int64_t time;                           /* when it happened */
    int64_t recorded_time;                  /* when an adapter saw it */
    struct tl_str channel;                  /* email web call pos mail ... */
    struct tl_str direction;                /* inbound outbound internal */
    struct tl_str touchpoint;               /* till 4, agent:201, page /home */
    struct tl_identifier *identifiers;
    size_t identifiers_count;
    struct tl_str region;                   /* ISO 3166-1 alpha-2, for phone numbers */
    struct tl_str timezone;                 /* IANA name, for times without a zone */
    struct tl_str subject;                  /* the call, order or ticket this speaks about */
    uint64_t revision;                      /* of that subject; the highest counts */
    struct tl_str conversation;
    struct tl_str causation_id;
    struct tl_str session;
    struct tl_str campaign;
    struct tl_str locale;
    struct tl_attribute *attributes;        /* what the channel said and no field holds */
    size_t attributes_count;
    bool replayed;
    struct tl_offer_touch *offers;
    size_t offers_count;
    struct tl_message *message;
    struct tl_page *page;
    struct tl_call *call;
    struct tl_sale *sale;
    struct tl_feedback *feedback;
    struct tl_commitment *commitments;
    size_t commitments_count;
    struct tl_consent *consents;
    size_t consents_count;
    struct tl_identity_link *link;
    struct tl_household *household;
    struct tl_str position;
    int64_t received_time;
    struct tl_str profile;
    uint64_t sequence;                      /* its source's own count, from 1; 0: it has none */
    bool superseded;                        /* a higher revision of its subject counts */
};

#endif
