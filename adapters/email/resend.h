/* resend.h -- Resend's webhooks: {"type", "created_at", "data"}, one a body.
 *
 * https://resend.com/docs/dashboard/webhooks/event-types
 *
 * Custom arguments (webhook.h) are `tags`; a broadcast is a campaign.  A message to
 * several makes an event for each, but only the first of them was told to open or
 * click.  The id of the call, svix-id, is in a header: an event has a hash for one. */

#ifndef ADAPTERS_RESEND_H
#define ADAPTERS_RESEND_H

#include "adapters/formats.h"

int resend_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);

#endif
