/* brevo.h -- Brevo's (Sendinblue's) webhooks: an object, or an array of them.
 *
 * https://developers.brevo.com/docs/transactional-webhooks
 * https://developers.brevo.com/docs/marketing-webhooks
 *
 * Custom arguments (webhook.h) are `X-Mailin-custom` when it is JSON; `camp_id` or the
 * tags name the campaign.  `id` is the webhook's own number and no event's. */

#ifndef ADAPTERS_BREVO_H
#define ADAPTERS_BREVO_H

#include "adapters/formats.h"

int brevo_open(struct decoder **out, const struct format_options *o,
               const struct format_sink *sink, char *why);

#endif
