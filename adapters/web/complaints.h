/* complaints.h -- the complaint database of the US Consumer Financial Protection
 * Bureau, as its exports write it: CSV with either header, or a line of JSON each.
 *
 * https://www.consumerfinance.gov/data-research/consumer-complaints/
 * https://cfpb.github.io/api/ccdb/fields.html
 *
 * A complaint names nobody, so it belongs to `x-complaint:` and its number until
 * somebody claims it.  Exported again with another answer of the company it is a
 * new event of the same feedback; exported again unchanged it is a duplicate.
 * Early exports have no number: then the n-th of equal rows of an input is. */

#ifndef ADAPTERS_WEB_COMPLAINTS_H
#define ADAPTERS_WEB_COMPLAINTS_H

#include "adapters/formats.h"

int complaints_open(struct decoder **out, const struct format_options *o,
                    const struct format_sink *sink, char *why);
void complaints_feed(struct decoder *d, const void *bytes, size_t len);
void complaints_end(struct decoder *d);
void complaints_close(struct decoder **d);

#endif
