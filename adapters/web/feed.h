/* feed.h -- what somebody published: RSS 2.0 and 1.0, Atom, JSON Feed.
 *
 * https://www.rssboard.org/rss-specification, RFC 4287,
 * https://web.resource.org/rss/1.0/spec, https://www.jsonfeed.org/version/1.1/
 *
 * An item is a beacon.  It is known by its guid or id, else its link; its author by
 * his URI, else by his name on that site, else it is the site's.  An item that was
 * edited is a new event of the same feedback; one that is fetched again is a
 * duplicate.  Prefixes are read as everybody writes them (content:encoded,
 * dc:creator), because real feeds forget to bind them.  Elements not known here
 * are counted as ignored by name: some, as numbers of views and comments, change
 * with every fetch.  A DOCTYPE is refused. */

#ifndef ADAPTERS_WEB_FEED_H
#define ADAPTERS_WEB_FEED_H

#include "adapters/formats.h"

int feed_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
              char *why);

#endif
