/* mailjet.h -- Mailjet's event callbacks: an object, or an array of them.
 *
 * https://dev.mailjet.com/email/guides/webhooks/
 *
 * Custom arguments (webhook.h) are the `Payload` when it is JSON; `customcampaign`
 * is the campaign, else `mj_campaign_id`. */

#ifndef ADAPTERS_MAILJET_H
#define ADAPTERS_MAILJET_H

#include "adapters/formats.h"

int mailjet_open(struct decoder **out, const struct format_options *o,
                 const struct format_sink *sink, char *why);

#endif
