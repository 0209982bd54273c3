/* contact.h -- what the contact policy looks at in one profile: when we last
 * wrote or called, what is reserved, the last refusal, complaints.
 *
 * One record: for each channel and purpose the newest contacts, and the newest
 * reservations; the last decline; the last word on the newest complaints.  All
 * is bounded, and a merge that does not care about order. */

#ifndef STORE_CONTACT_H
#define STORE_CONTACT_H

#include "base/arena.h"
#include "store/card.h"
#include "store/frame.h"
#include "store/views.h"

struct fold;

#define CONTACTS_KEPT_MAX 32        /* of a channel and purpose; no cap is higher */
#define CONTACT_PARTS_MAX 32        /* such lists and words of one profile; others are not kept */
#define COMPLAINTS_KEPT_MAX 16

/* The attributes by which an event says what it is for, and which reservation it
 * uses.  The bus's own CONTACT_RESERVED has them too. */
#define CONTACT_PURPOSE "purpose"
#define CONTACT_RESERVATION "reservation"

#define CONTACT_RESERVED "contact.reserved"
#define CONTACT_UNTIL "until"               /* RFC 3339 */
#define CONTACT_OFFER "offer"

/* A message or call, or a reservation of one.  Names are hashes. */
struct contact {
    int64_t time;           /* of a message, its last event */
    uint64_t number;
    uint64_t key;           /* the message's or call's; 0: the event says none.  A reservation's:
                             * its name */
    uint64_t names;         /* the reservation it uses; 0: none */
    uint32_t campaign;      /* 0: none */
    uint32_t offer;         /* its first; 0: none */
    int64_t until;          /* a reservation's end; 0: it is a contact */
};

struct contact_entry {
    struct tl_str channel;
    struct tl_str purpose;  /* empty: the event did not say */
    struct contact contact;
};

struct contact_word {
    int64_t time;
    uint64_t number;        /* 0: never */
};

/* The last word on one complaint. */
struct contact_complaint {
    int64_t time;
    uint64_t number;
    uint64_t id;
    bool open;
};

struct contact_complaints {
    struct contact_complaint items[COMPLAINTS_KEPT_MAX + 1];    /* newest first */
    size_t count;
};

struct contact_record {
    struct contact_entry *entries;
    size_t count;
    size_t room;
    struct contact_word declined;           /* any offer, the last time */
    struct contact_complaints complaints;
};

/* Frozen: records hold it. */
uint64_t contact_name(struct tl_str text);

/* Is it something of ours that reached out to the customer: a message that was
 * sent or delivered, an offer sent to him, a call we made? */
bool contact_reaches_out(const struct tl_event *ev);

/* Folds what an event says of these into its profile's records.  Returns 0 or
 * TL_EDAMAGED. */
int contact_fold(struct fold *fold, struct card *c, const struct frame *f,
                 const struct tl_event *ev);

/* Adds a profile's to `out`, zeroed before the first.  Text lives in `arena`.
 * Returns 0, TL_EDAMAGED, TL_TOO_MANY. */
int contact_read(struct views *v, uint64_t profile, struct contact_record *out,
                 struct arena *arena);

#endif
