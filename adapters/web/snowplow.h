/* snowplow.h -- Snowplow's tracker protocol: POST tp2 with its payload_data, and
 * GET i?...
 *
 * https://docs.snowplow.io/docs/fundamentals/canonical-event/
 * https://docs.snowplow.io/docs/events/going-deeper/http-requests/
 * https://github.com/snowplow/iglu-central (schemas of ue_pr)
 *
 * uid is a `user`, duid and nuid are `cookie`s, an offer response's customerId a
 * `crm`.  Of an impression, a click or a conversion campaignId is the offer's id,
 * else bannerId.  `ti` lines are events of their own, because they may come in
 * another request than their `tr`; only `tr` counts as a sale.  dtm is corrected by
 * stm, ttm is taken as it is; stm differs when an event is sent again and is not
 * kept. */

#ifndef ADAPTERS_WEB_SNOWPLOW_H
#define ADAPTERS_WEB_SNOWPLOW_H

#include "adapters/formats.h"

int snowplow_open(struct decoder **out, const struct format_options *o,
                  const struct format_sink *sink, char *why);

#endif
