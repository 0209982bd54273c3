/* mandrill.h -- Mandrill's (Mailchimp Transactional's) webhooks: a form whose field
 * `mandrill_events` is a JSON array.
 *
 * https://mailchimp.com/developer/transactional/docs/webhooks/
 *
 * Custom arguments (webhook.h) are the message's `metadata`; its tags name the
 * campaign.  Changes of the denylist say that an address is not mailed any more. */

#ifndef ADAPTERS_MANDRILL_H
#define ADAPTERS_MANDRILL_H

#include "adapters/formats.h"

int mandrill_open(struct decoder **out, const struct format_options *o,
                  const struct format_sink *sink, char *why);

#endif
