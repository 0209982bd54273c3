/* beacon.h -- an item of a feed, whatever the feed is written in, to an event. */

#ifndef ADAPTERS_WEB_BEACON_H
#define ADAPTERS_WEB_BEACON_H

#include "adapters/reading.h"

/* Text is borrowed; whatever is not there is empty. */
struct beacon {
    struct tl_str place;        /* the feed's link, else its title */
    struct tl_str id, link, title, text;
    struct tl_str author, author_uri;
    struct tl_str published, updated;
    struct tl_str language;
};

/* The draft holds the attributes already; reader_begin was before them.  `record`
 * is what goes aside when it does not fit. */
void beacon_emit(struct decoder *d, const struct beacon *b, struct tl_str record);

#endif
