/* answer.h -- what the bus answers: a customer's context, timeline, offers, and
 * the state of the bus.
 *
 * The same conventions as event.h: mirrors of touchline.proto, borrowed text,
 * nanoseconds. */

#ifndef TL_ANSWER_H
#define TL_ANSWER_H

#include "proto/event.h"

struct tl_known_identifier {
    struct tl_str type;
    struct tl_str value;
    bool verified;
    int64_t first_seen;
    int64_t last_seen;
};

struct tl_identity_conflict {
    struct tl_str type;                     /* the single-valued type that differs */
    struct tl_str value_a;
    struct tl_str value_b;
    struct tl_str event;                    /* position of the event that showed it */
    int64_t time;
};

struct tl_candidate {
    struct tl_str type;                     /* the strongest identifier of the other customer */
    struct tl_str value;
    int64_t last_seen;
};

struct tl_who {
    struct tl_known_identifier *identifiers;
    size_t identifiers_count;
    struct tl_str identifiers_more;
    struct tl_attribute *attributes;
    size_t attributes_count;
    uint32_t profiles;
    struct tl_identity_conflict *conflicts;
    size_t conflicts_count;
    struct tl_candidate *candidates;
    size_t candidates_count;
    struct tl_household *households;        /* he is a member of; without evidence */
    size_t households_count;
};

struct tl_reason {
    struct tl_str why;
    struct tl_str event;                    /* position */
    int64_t time;
};

struct tl_outcome_seen {
    struct tl_str outcome;
    struct tl_str channel;
    int64_t time;                           /* the last time */
    int64_t first_time;
    uint32_t count;
    struct tl_str reason;
};

struct tl_offer {
    struct tl_str offer;
    struct tl_str campaign;
    struct tl_str treatment;
    struct tl_str instance;
    struct tl_str channel;                  /* where it was made */
    struct tl_str state;
    struct tl_str reason;                   /* of the last decline */
    struct tl_str terms;
    int64_t expires;
    int64_t made;
    struct tl_outcome_seen *outcomes;
    size_t outcomes_count;
    bool live;
    bool orphan;                            /* a reaction whose offer is not known yet */
    bool disputed;
    struct tl_str conflict;
    int64_t price_minor;
    struct tl_str currency;
    struct tl_str title;
    struct tl_str exclusivity_group;
    int64_t valid_from;
    struct tl_outcome_seen *last_word;      /* the customer's; NULL: he said nothing */
    struct tl_str *of_catalogue;            /* which of these nobody showed him */
    size_t of_catalogue_count;
};

struct tl_commitment_state {
    struct tl_str id;
    struct tl_str text;
    struct tl_str by;
    struct tl_str to;
    int64_t due;
    struct tl_str state;
    int64_t made;
    int64_t time;                           /* of the last word on it */
};

struct tl_contact_verdict {
    struct tl_str channel;
    struct tl_str purpose;
    struct tl_str verdict;                  /* allow deny defer */
    struct tl_str rule;
    struct tl_str *counted;                 /* positions of the events counted; none in a context */
    size_t counted_count;
    int64_t until;                          /* when to ask again; 0: not by waiting */
    struct tl_str reservation;              /* the name to send with the message; or empty */
    int64_t reserved_until;
    struct tl_str position;                 /* empty in a context */
};

struct tl_consent_state {
    struct tl_str purpose;
    struct tl_str channel;
    struct tl_str status;
    int64_t time;
    struct tl_str evidence;
    struct tl_identifier *identifier;
    int64_t expires;
};

struct tl_feedback_state {
    struct tl_str id;
    struct tl_str kind;
    struct tl_str title;
    struct tl_str rating;
    struct tl_str state;
    bool is_public;                         /* `public` on the wire, a keyword in C++ */
    int64_t time;
    int64_t answered;
    int64_t resolved;
    int64_t response_ms;                    /* from `time` to `answered` */
    int64_t waiting_ms;                     /* while neither answered nor resolved */
    struct tl_str rating_max;
    struct tl_str channel;                  /* where it was last heard */
};

struct tl_conversation {
    struct tl_str id;
    struct tl_str *channels;
    size_t channels_count;
    int64_t first_time;
    int64_t last_time;
    uint32_t events;
    bool open;
    struct tl_str title;                    /* of its latest message that has a subject */
    int64_t asked;                          /* his first word, when he began it */
    int64_t answered;                       /* our first word at or after that */
    int64_t response_ms;
    int64_t unanswered;                     /* his last word, when nobody answered it */
};

struct tl_other_value {
    uint64_t purchases;
    int64_t spend_minor;
    struct tl_str currency;
    uint64_t returns;
};

struct tl_value {
    uint64_t purchases;
    int64_t spend_minor;
    struct tl_str currency;
    int64_t last_sale;
    int64_t last_sale_minor;
    uint64_t returns;
    struct tl_other_value *others;          /* the same in further currencies */
    size_t others_count;
    struct tl_str last_sale_currency;
};

struct tl_household_member {
    struct tl_str household;
    struct tl_str customer;                 /* TYPE:VALUE, his strongest identifier */
    struct tl_str role;
    int64_t since;
    struct tl_offer *offers;
    size_t offers_count;
    struct tl_str offers_more;
    bool shows_offers;                      /* both allow it */
};

struct tl_recent {
    int64_t time;
    struct tl_str type;
    struct tl_str channel;
    struct tl_str summary;
    bool unverified;                        /* the customer was found by a weak identifier only */
};

struct tl_freshness {
    struct tl_str source;
    int64_t last_event;
    uint32_t gaps;
};

struct tl_count {
    struct tl_str name;
    uint64_t count;
};

/* Who talked and who listened: of a customer, or of the company. */
struct tl_relationship {
    uint64_t ours;                          /* messages and calls of ours */
    uint64_t his;
    uint32_t ours_percent;                  /* of both together */
    uint64_t opened;
    uint64_t clicked;
    uint64_t conversations;
    uint64_t begun;                         /* by us */
    uint64_t replied;                       /* of those, in which he spoke after */
    uint64_t heard;                         /* begun by him; complaints, reviews, praise too */
    uint64_t answered;                      /* of those, in which we did after */
    uint64_t unanswered;                    /* in which he waits for us */
    uint64_t promises_kept;
    uint64_t promises_broken;
    uint64_t promises_overdue;
    uint32_t kept_percent;                  /* of these three together */
    uint64_t responses;                     /* first ones, to what was heard */
    int64_t response_mean_ms;
    struct tl_count *response_within;       /* how many took at most so long */
    size_t response_within_count;
};

struct tl_context {
    struct tl_str customer;
    struct tl_str position;
    int64_t now;
    struct tl_who *who;
    struct tl_reason *reasons;
    size_t reasons_count;
    struct tl_offer *offers;
    size_t offers_count;
    struct tl_str offers_more;
    struct tl_commitment_state *commitments;
    size_t commitments_count;
    struct tl_str commitments_more;
    struct tl_contact_verdict *may_contact;
    size_t may_contact_count;
    struct tl_consent_state *consents;
    size_t consents_count;
    struct tl_feedback_state *feedback;
    size_t feedback_count;
    struct tl_conversation *conversations;
    size_t conversations_count;
    struct tl_value *value;
    struct tl_household_member *household;
    size_t household_count;
    struct tl_recent *recent;
    size_t recent_count;
    struct tl_str recent_more;
    struct tl_freshness *freshness;
    size_t freshness_count;
    struct tl_str *omitted;
    size_t omitted_count;
    struct tl_relationship *relationship;
    struct tl_str household_more;
};

struct tl_timeline {
    struct tl_str customer;
    struct tl_str position;
    struct tl_event *events;                /* newest first */
    size_t events_count;
    bool more;
    struct tl_str next;                     /* the cursor to go on with, when there is more */
};

/* What adapters heard and did not take. */
struct tl_ignored {
    struct tl_str source;
    struct tl_str name;                     /* a field, or a kind of record */
    uint64_t count;
};

struct tl_stat {
    struct tl_str position;
    uint64_t events;
    uint64_t duplicates;                    /* since the broker started */
    uint64_t refused;                       /* since the broker started */
    uint64_t dead_letters;
    uint64_t customers;
    uint64_t profiles;
    struct tl_count *events_by_channel;
    size_t events_by_channel_count;
    struct tl_count *events_by_type;
    size_t events_by_type_count;
    struct tl_count *refused_by_code;
    size_t refused_by_code_count;
    uint64_t sources;
    uint64_t campaigns;
    uint64_t log_bytes;
    uint64_t views_bytes;
    uint64_t views_dirty_bytes;
    struct tl_str checkpoint;
    uint64_t sessions;
    uint64_t streams;
    uint64_t uptime_s;
    struct tl_str version;
    struct tl_str state;                    /* ready no_space */
    struct tl_relationship *relationship;   /* with everybody */
    uint64_t superseded;                    /* events for which a higher revision counts */
    uint64_t gaps;                          /* missing numbers of sources */
    struct tl_count *gaps_by_source;
    size_t gaps_by_source_count;
    struct tl_ignored *ignored;             /* by source and name */
    size_t ignored_count;
};

struct tl_verification {
    struct tl_str position;
    uint64_t events;
    uint64_t records;                       /* compared */
    uint64_t differences;
    struct tl_str *examples;
    size_t examples_count;
    bool ok;
};

struct tl_offers {
    struct tl_str customer;
    struct tl_str position;
    struct tl_offer *offers;
    size_t offers_count;
    struct tl_str offers_more;
};

struct tl_campaign_count {
    struct tl_str campaign;
    struct tl_str outcome;
    struct tl_str channel;
    struct tl_str day;                      /* YYYY-MM-DD, UTC */
    uint64_t count;
};

struct tl_campaigns {
    struct tl_campaign_count *counts;
    size_t counts_count;
    struct tl_str position;
};

#endif
