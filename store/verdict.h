/* verdict.h -- the contact policy applied to one customer at one moment.
 *
 * Pure: rules, facts and `now` in, verdict out. */

#ifndef STORE_VERDICT_H
#define STORE_VERDICT_H

#include "proto/answer.h"
#include "store/contact.h"
#include "store/policy.h"

#define VERDICT_RULE_BYTES 240

/* What is known of a customer, for one purpose. */
struct verdict_facts {
    int64_t now;
    struct tl_str purpose;
    const struct tl_consent_state *consents;
    size_t consents_count;
    const struct tl_identifier *address;    /* the one asked about; NULL: any of his */
    const struct contact_entry *counted;    /* of verdict_count */
    size_t counted_count;
    const struct contact_entry *household;  /* his and his relatives' together */
    size_t household_count;
    struct contact_word declined;
    struct contact_word complaint;          /* the newest that is open */
    const struct policy_zone *zone;
};

enum verdict_what { VERDICT_ALLOW, VERDICT_DEFER, VERDICT_DENY };

struct verdict {
    enum verdict_what what;
    const char *rule;                       /* that decided; with allow the one nearest to it */
    char text[VERDICT_RULE_BYTES];          /* of a rule no line says word by word */
    uint64_t counted[CONTACTS_KEPT_MAX];    /* event numbers, newest first */
    size_t counted_count;
    int64_t until;                          /* when to ask again; 0: not by waiting */
};

/* Of a customer's record, what caps on this purpose count as of `now`: each
 * message and call once, and reservations whose lease runs and that no message
 * has used.  `log` is for the names of reservations.  In `arena`; returns 0 or
 * TL_TOO_MANY. */
int verdict_count(const struct contact_record *record, struct tl_str purpose, int64_t now,
                  uint64_t log, struct contact_entry **out, size_t *count, struct arena *arena);

/* The newest complaint that is not resolved; number 0: none. */
struct contact_word verdict_complaint(const struct contact_record *record);

void verdict_decide(const struct policy *p, const struct verdict_facts *facts,
                    struct tl_str channel, struct verdict *out);

struct tl_str verdict_word(enum verdict_what what);

#endif
