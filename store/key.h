/* key.h -- the ordered keys of the views; nobody else knows their bytes.
 *
 * 'P' profile (big-endian) section rest: what belongs to one profile, in a row.
 * 'I' type 0 value: an identifier.  'G' kind rest: sums over everything. */

#ifndef STORE_KEY_H
#define STORE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/event.h"

#define KEY_BYTES_MAX 511       /* LMDB's limit */
#define KEY_PROFILE_BYTES 10    /* table, profile, section */

enum key_section {
    KEY_CARD = 0,               /* never walked */
    KEY_ATTRIBUTE = 'a',        /* + name */
    KEY_CONSENT = 'c',          /* + purpose 0 channel 0 type 0 value */
    KEY_CONTACT = 'k',
    KEY_FEEDBACK = 'f',         /* + id */
    KEY_FEEDBACK_ORDER = 'g',   /* + class, descending time, id */
    KEY_HOUSEHOLD = 'h',        /* + class, household id */
    KEY_LINKS = 'l',
    KEY_COMMITMENT = 'm',       /* + id */
    KEY_OFFER = 'o',            /* + offer id: all its instances */
    KEY_SUBJECT_SALE = 's',     /* + descending time, descending number; subject.c */
    KEY_TIMELINE = 't',         /* + time, number: a chunk from there on */
    KEY_CONVERSATION = 'v',     /* + id */
    KEY_CONVERSATION_ORDER = 'w',       /* + class, descending time, id */
    KEY_OFFER_ORDER = 'x',      /* + class, descending time, offer id */
};

enum key_global {
    KEY_COUNTER = 'n',          /* + kind, name */
    KEY_CATALOGUE = 'o',        /* + part, offer id; catalogue.c */
    KEY_CAMPAIGN = 'c',         /* + campaign 0 outcome 0 channel 0 day */
    KEY_SEQUENCE = 'q',         /* + source */
    KEY_SUBJECT = 's',          /* + source, subject; subject.c */
    KEY_COUNTED = 'r',          /* + profile: what company.h has of it */
    KEY_SUBJECT_TOLD = 'S',     /* + the same, number: an event that told of it */
    KEY_DUE = 'd',              /* + stage, due time, profile, commitment id */
    KEY_MEMBER = 'h',           /* + household id 0: its last event; + profile: a member */
    KEY_MEMBER_PAST = 'H',      /* + household id 0 profile: spoke of it and is none */
    KEY_DUE_OF = 'D',           /* + profile, commitment id: which of those is its */
};

struct key {
    size_t len;
    unsigned char bytes[KEY_BYTES_MAX];
};

void key_profile(struct key *k, uint64_t profile, enum key_section section);
void key_identifier(struct key *k, struct tl_str type, struct tl_str value);
void key_global(struct key *k, enum key_global kind);

/* Append to a key.  What would not fit is cut: lengths are bounded by valid.h. */
void key_add(struct key *k, struct tl_str text);
void key_add_end(struct key *k, struct tl_str text);   /* with a 0 after it */
void key_add_byte(struct key *k, unsigned char byte);
void key_add_time(struct key *k, int64_t ns);          /* ascending */
void key_add_time_descending(struct key *k, int64_t ns);
void key_add_number(struct key *k, uint64_t number);

/* Read back, from offset *at on. */
int64_t key_read_time(struct tl_str key, size_t at);
int64_t key_read_time_descending(struct tl_str key, size_t at);
uint64_t key_read_number(struct tl_str key, size_t at);
bool key_is_profile(struct tl_str key);         /* a record of one, or where his begin */
uint64_t key_read_profile(struct tl_str key);
struct tl_str key_read_text(struct tl_str key, size_t *at);     /* to the next 0, or the end */

#endif
