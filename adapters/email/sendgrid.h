/* sendgrid.h -- Twilio SendGrid's Event Webhook: a POST body is one JSON array.
 *
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
 *
 * Custom arguments that mean something here (also inside of `unique_args`):
 *   campaign_id, campaign            the campaign; else marketing_campaign_id,
 *                                    singlesend_id, else each category is one
 *   offer_id, offer                  the offer; else the campaign
 *   offer_terms, treatment           as shown, and which wording
 *   user_id, userid; customer_id; account_id; loyalty_id
 *                                    identifiers user, crm, account, loyalty
 * Whatever else an element holds becomes an attribute. */

#ifndef ADAPTERS_SENDGRID_H
#define ADAPTERS_SENDGRID_H

#include "adapters/formats.h"

#define SENDGRID_BODY_BYTES_MAX (32u << 20)

int sendgrid_open(struct decoder **out, const struct format_options *o,
                  const struct format_sink *sink, char *why);
void sendgrid_feed(struct decoder *d, const void *bytes, size_t len);
void sendgrid_end(struct decoder *d);
void sendgrid_close(struct decoder **d);

#endif
