/* ga4.h -- Google Analytics 4's Measurement Protocol: POST /mp/collect.
 *
 * https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference
 *
 * user_id is a `user`, client_id a `cookie`, app_instance_id a `device`.  An event
 * has no id, so what it says, who and when is hashed.  Of a promotion
 * promotion_id is the offer's id.  `consent` speaks of advertising only: its two
 * purposes are kept under their own names.  api_secret is a password: it is in
 * the query, which is not kept but for measurement_id. */

#ifndef ADAPTERS_WEB_GA4_H
#define ADAPTERS_WEB_GA4_H

#include "adapters/formats.h"

int ga4_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why);

#endif
