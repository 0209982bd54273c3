/* review.h -- schema.org Review, in JSON-LD.
 *
 * https://schema.org/Review, https://json-ld.org/spec/latest/json-ld/
 *
 * A review is found wherever it is: at the top, in an array, in @graph, or under
 * the `review` of what it is about.  ratingValue is a number or text; the scale
 * ends at bestRating, 5 without one (schema.org/bestRating).  The reviewer is
 * known by his URI, or by his name at the place where he wrote.  An
 * AggregateRating is nobody's and is counted as ignored. */

#ifndef ADAPTERS_WEB_REVIEW_H
#define ADAPTERS_WEB_REVIEW_H

#include "adapters/formats.h"

int review_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);

#endif
