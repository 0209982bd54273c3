/* report.h -- header-like fields of a report's machine-readable part: groups of
 * `Name: value` lines with empty lines between them (RFC 3464 2.1, RFC 5965 3). */

#ifndef ADAPTERS_REPORT_H
#define ADAPTERS_REPORT_H

#include "adapters/draft.h"
#include "adapters/email/mime.h"

#define REPORT_FIELDS_MAX 64

struct report_field {
    struct tl_str name;
    struct tl_str value;        /* perhaps of several lines */
};

struct report_group {
    struct report_field fields[REPORT_FIELDS_MAX];
    size_t count;
    size_t more;                /* fields beyond those */
};

/* Takes the next group off `rest`; false when there is none. */
bool report_next(struct report_group *out, struct tl_str *rest);

/* The first of that name, in any case; empty when there is none. */
struct tl_str report_value(const struct report_group *g, const char *name);

/* The address in `rfc822; joe@example.com`, or in any manner they are written;
 * empty when it is none, or hidden. */
struct tl_str report_address(struct tl_str value);

/* Fields as attributes of the draft's event, but for those named (ended by NULL). */
void report_attributes(const struct report_group *g, const char *const *but, struct draft *d);

/* A copy of a value on one line. */
struct tl_str report_line(struct draft *d, struct tl_str value);

/* The first enhanced status code (RFC 3463) in a text, 5.1.1; empty when there is none. */
struct tl_str report_code(struct tl_str text);

#endif
