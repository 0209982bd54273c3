/* wire.h -- requests and replies, as plain structs.
 *
 * The same conventions as event.h.  Of the bodies of a request or reply exactly
 * one is not NULL. */

#ifndef WIRE_H
#define WIRE_H

#include "proto/answer.h"

#define WIRE_VERSION 1

struct wire_hello {
    uint32_t version;                       /* of this protocol: 1 */
    struct tl_str client;                   /* name for the broker's log */
    bool bundles;                           /* takes several replies in one message */
};

struct wire_publish {
    struct tl_str *events;                  /* each an Event; stored as received */
    size_t events_count;
};

struct wire_context_query {
    struct tl_str customer;                 /* TYPE:VALUE */
    struct tl_str *sections;
    size_t sections_count;
    struct tl_str at_least;                 /* answer at or after this position */
    struct tl_str as_of;                    /* a position or an RFC 3339 time */
    int64_t now;
    uint32_t bytes_max;                     /* 0: 4096 */
};

#define TIMELINE_DEFAULT 50     /* events, when no limit is asked for */

struct wire_timeline_query {
    struct tl_str customer;
    uint32_t limit;
    int64_t before;
    struct tl_str *types;                   /* exact, or a prefix ending in * */
    size_t types_count;
    struct tl_str *channels;
    size_t channels_count;
    struct tl_str at_least;
    struct tl_str as_of;                    /* as of a context */
    struct tl_str cursor;                   /* an answer's next: go on behind it */
};

struct wire_contact_query {
    struct tl_str customer;
    struct tl_str channel;
    struct tl_str purpose;
    bool reserve;
    struct tl_str reservation;              /* its name, the client's */
    struct tl_str campaign;                 /* what it is for */
    struct tl_str offer;
    struct tl_str at_least;
    int64_t now;                            /* not with reserve */
};

struct wire_stat_query {
};

struct wire_filter {
    struct tl_str *customers;               /* TYPE:VALUE */
    size_t customers_count;
    struct tl_str *types;                   /* exact, or a prefix ending in * */
    size_t types_count;
    struct tl_str *channels;
    size_t channels_count;
    struct tl_str *campaigns;
    size_t campaigns_count;
    struct tl_str *offers;
    size_t offers_count;
    uint32_t share;                         /* 1..shares */
    uint32_t shares;                        /* 0: all */
};

struct wire_stream_open {
    uint64_t stream;                        /* the client's name for it, unique in its session */
    struct tl_str from;
    struct tl_str to;                       /* a position or time; inclusive */
    struct wire_filter *filter;
    bool follow;
    uint32_t credit_events;
    uint32_t credit_bytes;
    struct tl_str group;
};

struct wire_stream_credit {
    uint64_t stream;
    uint32_t events;                        /* added to what is left */
    uint32_t bytes;
};

struct wire_stream_close {
    uint64_t stream;
};

struct wire_offers_query {
    struct tl_str customer;
    struct tl_str at_least;
    uint32_t limit;
    int64_t now;
    struct tl_str as_of;                    /* as of a context */
    bool catalogue;                         /* what the offers are, of no customer */
    struct tl_str offer;                    /* catalogue: this one; empty: all */
    struct tl_str after;                    /* catalogue: those behind this offer id */
};

struct wire_verify_query {
};

struct wire_group_commit {
    struct tl_str group;
    struct tl_str position;
    uint64_t generation;
};

struct wire_campaign_query {
    struct tl_str campaign;                 /* empty: all */
};

struct wire_report {
    struct tl_str reporter;                 /* one run of a program */
    uint64_t sequence;                      /* from 1 on */
    struct tl_ignored *ignored;             /* since the last report */
    size_t ignored_count;
};

struct wire_request {
    uint64_t id;
    struct wire_hello *hello;
    struct wire_publish *publish;
    struct wire_context_query *context;
    struct wire_timeline_query *timeline;
    struct wire_contact_query *may_contact;
    struct wire_stat_query *stat;
    struct wire_stream_open *stream;
    struct wire_stream_credit *credit;
    struct wire_stream_close *stream_close;
    struct wire_offers_query *offers;
    struct wire_verify_query *verify;
    struct wire_group_commit *group_commit;
    struct wire_campaign_query *campaign;
    struct wire_report *report;
};

struct wire_welcome {
    uint32_t version;
    struct tl_str server;
    struct tl_str position;                 /* the log's head */
    uint32_t event_bytes_max;
    uint32_t batch_bytes_max;
    uint32_t batch_events_max;
    uint32_t publish_window;                /* batches a client may have unanswered */
};

struct wire_event_answer {
    uint64_t number;                        /* 0 when refused */
    bool duplicate;                         /* number is then that of the first */
    uint32_t code;                          /* OK, or why it was refused */
    struct tl_str detail;                   /* a sentence, when refused */
    uint32_t retry_after_ms;                /* with BUSY and NO_SPACE */
};

struct wire_publish_ack {
    struct tl_str log;                      /* the log id; position = log + "-" + number */
    struct wire_event_answer *answers;      /* one per event, in order */
    size_t answers_count;
};

struct wire_stream_event {
    uint64_t number;
    int64_t received_ns;                    /* since 1970-01-01T00:00:00Z */
    uint64_t profile;
    struct tl_str event;                    /* as the producer sent it */
};

struct wire_stream_batch {
    uint64_t stream;
    struct tl_str log;                      /* the log id; position = log + "-" + number */
    struct wire_stream_event *events;
    size_t events_count;
    struct tl_str position;                 /* commit this with your output */
    uint64_t generation;                    /* of the group's holder */
};

struct wire_stream_end {
    uint64_t stream;
    uint32_t code;                          /* OK: the end asked for was reached */
    struct tl_str detail;
    struct tl_str position;
};

struct wire_group_committed {
    struct tl_str group;
    struct tl_str position;
};

struct wire_reported {
    struct tl_str reporter;
    uint64_t sequence;
};

struct wire_refusal {
    uint32_t code;
    struct tl_str detail;
    uint32_t retry_after_ms;
};

struct wire_reply {
    uint64_t id;
    struct wire_welcome *welcome;
    struct wire_publish_ack *publish;
    struct tl_context *context;
    struct tl_timeline *timeline;
    struct tl_contact_verdict *may_contact;
    struct tl_stat *stat;
    struct wire_stream_batch *stream;
    struct wire_stream_end *stream_end;
    struct tl_offers *offers;
    struct tl_verification *verify;
    struct wire_group_committed *group_commit;
    struct tl_campaigns *campaign;
    struct wire_refusal *refusal;
    struct tl_str *bundle;                  /* each a Reply; then nothing else is there */
    size_t bundle_count;
    struct wire_reported *reported;
};

#endif
