/* sendgrid.h -- Twilio SendGrid's Event Webhook: a POST body is one JSON array.
 *
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
 *
 * Custom arguments (webhook.h) stand beside the other members, or in `unique_args`.
 * The campaign may also be marketing_campaign_id or singlesend_id, a category, or
 * each of several. */

#ifndef ADAPTERS_SENDGRID_H
#define ADAPTERS_SENDGRID_H

#include "adapters/formats.h"

int sendgrid_open(struct decoder **out, const struct format_options *o,
                  const struct format_sink *sink, char *why);

#endif
