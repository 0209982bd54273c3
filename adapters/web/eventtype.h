/* eventtype.h -- the types of events whose names people made up on their site. */

#ifndef ADAPTERS_WEB_EVENTTYPE_H
#define ADAPTERS_WEB_EVENTTYPE_H

#include "adapters/draft.h"

/* `Course Clicked` is course.clicked: a name of object and action.  One whose
 * first word would make it a type of ours with a facet of its own, which such an
 * event does not have (offer.*, sale.*), or of one word, is behind `track.`.  One
 * without a letter, or too long, is track.other: keep its name. */
struct tl_str eventtype_name(struct draft *d, struct tl_str name);

/* The same where object and action are said apart: `shop`, `view-cart`. */
struct tl_str eventtype_pair(struct draft *d, struct tl_str object, struct tl_str action);

#endif
