/* policy.h -- may we contact?  The rules, as the operator wrote them.
 *
 * A file of `[section]` and `PURPOSE [CHANNEL] = VALUE` lines, described in
 * touchline-policy(5).  Of several lines that fit, the one that names the channel
 * counts; of caps all count. */

#ifndef STORE_POLICY_H
#define STORE_POLICY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/zone.h"
#include "proto/event.h"
#include "proto/valid.h"

#define POLICY_RULES_MAX 128
#define POLICY_TEXT_BYTES 128
#define POLICY_ZONES_MAX 32             /* kept open */
#define POLICY_ZONE_NAME_MAX 64
#define POLICY_LEASE_MS_MAX (24 * 3600 * 1000)
#define POLICY_DAYS_MAX 366             /* of a cap's window, and of a cool-off */

enum policy_kind {
    POLICY_EXEMPT,
    POLICY_CONSENT,         /* flag: it must have been granted */
    POLICY_COMPLAINT,       /* flag: pause while one is open */
    POLICY_COOL_OFF,        /* for so long after a decline */
    POLICY_CAP,             /* so many in so long */
    POLICY_QUIET,           /* flag: from and to are given */
    POLICY_KINDS,
};

struct policy_rule {
    enum policy_kind kind;
    struct tl_str purpose;                  /* both in `words` */
    struct tl_str channel;                  /* empty: every channel */
    char words[2 * (CHANNEL_BYTES_MAX + 1)];
    bool flag;
    bool household;         /* of a cap: over all members of the customer's households */
    int64_t count;
    int64_t within_ns;
    int from_min;           /* of the day, by the customer's clock */
    int to_min;
    char text[POLICY_TEXT_BYTES];           /* `caps: marketing email = 3 in 7 d` */
};

struct policy_zone {
    char name[POLICY_ZONE_NAME_MAX + 1];
    struct zone *zone;
};

struct policy {
    struct policy_rule rules[POLICY_RULES_MAX];
    size_t rules_count;
    int64_t lease_ms;       /* of a reservation */
    char timezone[POLICY_ZONE_NAME_MAX + 1];    /* of customers whose own is not known */
    struct policy_zone zones[POLICY_ZONES_MAX];
    size_t zones_count;
};

/* The rules of the file; with NULL those built in, which the sample file shows.
 * Returns 0, or -1 with a sentence that names file and line. */
int policy_read(struct policy **out, const char *path, char error[CONF_ERROR_BYTES]);
void policy_free(struct policy **p);

/* Appends a file that policy_read makes the same rules of. */
void policy_write(const struct policy *p, struct buf *out);

/* Is there any line about this purpose? */
bool policy_knows(const struct policy *p, struct tl_str purpose);

/* Is there a cap on this purpose that counts the whole household? */
bool policy_counts_household(const struct policy *p, struct tl_str purpose);

/* The lines that count for a purpose and channel: of each kind one (NULL: none),
 * and all caps. */
struct policy_lines {
    const struct policy_rule *one[POLICY_KINDS];
    const struct policy_rule *caps[POLICY_RULES_MAX];
    size_t caps_count;
};

void policy_find(const struct policy *p, struct tl_str purpose, struct tl_str channel,
                 struct policy_lines *out);

/* The customer's zone by its name, or the policy's own if there is none of that
 * name.  Reads a file the first time. */
const struct policy_zone *policy_zone(struct policy *p, struct tl_str name);

#endif
