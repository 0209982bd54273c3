/* postmark.h -- Postmark's webhooks: one object a body.
 *
 * https://postmarkapp.com/developer/webhooks/webhooks-overview
 *
 * Custom arguments (webhook.h) are `Metadata`; `Tag` names the campaign.  A change of
 * subscription is consent: SuppressSending revokes it, its end grants it again. */

#ifndef ADAPTERS_POSTMARK_H
#define ADAPTERS_POSTMARK_H

#include "adapters/formats.h"

int postmark_open(struct decoder **out, const struct format_options *o,
                  const struct format_sink *sink, char *why);

#endif
