/* mailgun.h -- Mailgun's webhooks: {"signature", "event-data"}, one event a body,
 * and the older ones posted as a form.
 *
 * https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads
 *
 * Custom arguments (webhook.h) are `user-variables`; in a form they stand beside the
 * other fields.  Tags and campaigns name the campaign. */

#ifndef ADAPTERS_MAILGUN_H
#define ADAPTERS_MAILGUN_H

#include "adapters/formats.h"

int mailgun_open(struct decoder **out, const struct format_options *o,
                 const struct format_sink *sink, char *why);

#endif
