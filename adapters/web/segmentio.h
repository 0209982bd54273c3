/* segmentio.h -- Segment's HTTP tracking API, as Segment's and RudderStack's SDKs
 * speak it: track, page, screen, identify, alias, group, and batches of them.
 *
 * https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
 * https://segment.com/docs/connections/spec/ (ecommerce v2, email, live chat, mobile)
 * https://www.rudderstack.com/docs/api/http-api/
 *
 * userId is a `user`, anonymousId and previousId are `cookie`s, context.device.id
 * a `device`; traits' email and phone identify, too.  A call that names two of
 * them ties them together, which is how an anonymous visitor becomes known.
 * Offers are named by promotion_id, coupon_id or, in e-mail and push, by the
 * campaign.  Where the campaign of `context` brought a visitor says nothing about
 * the offer he then sees, so it is the event's only when the event has no offer.
 * A bare call says what it is in `type`, or by the path it is posted to.
 * writeKey, sentAt and receivedAt, which differ when a call is sent again, are not
 * kept; sentAt corrects the time.  What identify's context holds besides is
 * counted as ignored: its attributes are the customer's. */

#ifndef ADAPTERS_WEB_SEGMENTIO_H
#define ADAPTERS_WEB_SEGMENTIO_H

#include "adapters/formats.h"

int segmentio_open(struct decoder **out, const struct format_options *o,
                   const struct format_sink *sink, char *why);

#endif
