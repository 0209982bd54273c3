/* card.h -- the bounded record of one profile that most of an answer is made of.
 *
 * Everything in it is a merge that does not care about order: sets keep their
 * greatest, sums add, so late and shuffled events end in the same card. */

#ifndef STORE_CARD_H
#define STORE_CARD_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/event.h"
#include "store/relationship.h"

struct views;

#define CARD_IDENTIFIERS_MAX 64     /* beyond it the weak one not seen for longest goes */
#define CARD_CURRENCIES_MAX 8       /* sales in further ones count as "other", without a sum */
#define CARD_SOURCES_MAX 8          /* with the latest events */
#define CARD_CONFLICTS_MAX 8
#define CARD_RECENT_MAX 24
#define CARD_TAIL_MAX 32            /* events not yet in a timeline chunk */
#define CARD_SUMMARY_BYTES_MAX 48

enum card_identifier_kind {
    CARD_STRONG = 1,
    CARD_SINGLE = 2,        /* a person has one value of this type */
    CARD_ELSEWHERE = 4,     /* another profile's, named here: only when it was seen counts */
};

struct card_identifier {
    unsigned kind;
    struct tl_str type;
    struct tl_str value;
    int64_t first_seen;
    int64_t last_seen;
    int64_t last_login;     /* of a weak one: last named beside a strong one; INT64_MIN: never */
};

struct card_value {
    struct tl_str currency;
    uint64_t purchases;
    uint64_t returns;
    int64_t spend_minor;
};

struct card_sale {
    int64_t time;
    uint64_t number;
    int64_t minor;
    struct tl_str currency;
};

struct card_source {
    struct tl_str source;
    int64_t last_event;
};

struct card_conflict {
    struct tl_str type;
    struct tl_str value_a;
    struct tl_str value_b;
    uint64_t number;
    int64_t time;
};

/* What it says is left encoded: a card is read and written for every event. */
struct card_recent {
    int64_t time;
    uint64_t number;
    struct tl_str body;
};

struct card_event_text {
    bool unverified;
    bool superseded;        /* a higher revision of its subject counts */
    struct tl_str type;
    struct tl_str channel;
    struct tl_str summary;
};

/* In card_event.number. */
#define CARD_HIDDEN (1ULL << 63)    /* identity.*, in streams only */
#define CARD_OTHERS (1ULL << 62)    /* another profile's, which changed something of this one */
#define CARD_NUMBER (CARD_OTHERS - 1)

struct card_event {
    int64_t time;
    uint64_t number;
};

/* Which other records this profile has, so that a read need not look. */
enum card_has {
    CARD_OFFERS = 1,
    CARD_CONSENTS = 2,
    CARD_COMMITMENTS = 4,
    CARD_ATTRIBUTES = 8,
    CARD_CHUNKS = 16,
    CARD_CONTACTS = 32,
    CARD_OFFERS_APART = 64,     /* some are in records of their own */
    CARD_FEEDBACK = 128,
    CARD_HOUSEHOLDS = 256,
    CARD_CONVERSATIONS = 512,
    CARD_RELATIONSHIP = 1024,
    CARD_SUBJECTS = 2048,       /* sales told by revisions */
};

struct card {
    uint64_t folded;            /* every record of this profile is folded to this number */
    uint64_t events;            /* without hidden ones */
    uint64_t has;               /* enum card_has */
    uint64_t offers;            /* distinct offer ids */
    struct tl_str offers_here;  /* the latest touched: left encoded, offer_place.h */
    struct tl_str relationship; /* left encoded, relationship.h */
    struct relationship_sums moved;     /* by the event being folded; has_moved, else not set */
    bool has_moved;
    struct card_sale last_sale; /* number 0: none */

    struct card_identifier identifiers[CARD_IDENTIFIERS_MAX + 1];
    size_t identifiers_count;
    struct card_value values[CARD_CURRENCIES_MAX + 1];      /* the last one: all further ones */
    size_t values_count;
    struct card_source sources[CARD_SOURCES_MAX + 1];       /* latest first */
    size_t sources_count;
    struct card_conflict conflicts[CARD_CONFLICTS_MAX];
    size_t conflicts_count;
    struct card_recent recent[CARD_RECENT_MAX + 1];         /* newest first */
    size_t recent_count;
    struct card_event tail[CARD_TAIL_MAX];                  /* oldest first */
    size_t tail_count;

    /* Closed: those that were read are left encoded, and the two above hold at most
     * one each, later than all of them.  Nearly always an event is, and what it
     * comes before and behind is not looked at. */
    bool closed;
    struct tl_str recent_here;
    size_t recent_here_count;
    size_t recent_here_oldest;  /* where in it the last one begins */
    struct tl_str tail_here;
    size_t tail_here_count;
};

/* An empty one.  Does not touch what the counts exclude. */
void card_clear(struct card *c);

/* Text in `c` borrows from `bytes`.  Returns 0 or TL_EDAMAGED. */
int card_read(struct card *c, struct tl_str bytes);

/* The same for who adds an event or looks at no event: leaves it closed. */
int card_read_closed(struct card *c, struct tl_str bytes);

/* The profile's, read so; empty when it has none yet.  Borrows until a record changes. */
int card_find(struct views *v, uint64_t profile, struct card *c);
void card_open(struct card *c);
void card_write(const struct card *c, struct buf *out);

void card_identifier_seen(struct card *c, struct tl_str type, struct tl_str value, unsigned kind,
                          int64_t time, bool login);
void card_source_seen(struct card *c, struct tl_str source, int64_t time);
void card_sold(struct card *c, const struct tl_sale *sale, bool returned);
void card_last_sale(struct card *c, const struct card_sale *sale);      /* if it is later */

/* Takes back what was sold, but for the last sale. */
void card_unsold(struct card *c, struct tl_str currency, int64_t minor, bool returned);
void card_conflict(struct card *c, const struct card_conflict *conflict);
void card_recent(struct card *c, const struct card_recent *event);

/* Would an event be among the recent ones? */
bool card_has_room_for(struct card *c, int64_t time, uint64_t number);
void card_recent_body(struct buf *out, const struct card_event_text *text);
int card_recent_text(const struct card_recent *event, struct card_event_text *text);
bool card_recent_superseded(const struct card_recent *event);

/* The event of that number, if it is among them, is shown no more.  `arena` lives as
 * long as the card.  Returns 0 or TL_TOO_MANY. */
int card_recent_supersede(struct card *c, uint64_t number, struct arena *arena);

/* Puts an event among those not yet in a chunk; false: the tail is full, spill
 * it first (timeline.h). */
bool card_tail_add(struct card *c, int64_t time, uint64_t number);

/* A record of this profile came to `before`, and comes to `now`. */
void card_moved(struct card *c, const struct relationship_sums *before,
                const struct relationship_sums *now);

bool card_has_strong(const struct card *c);

#endif
