/* mailersend.h -- MailerSend's webhooks: {"type", "data"}, one a body.
 *
 * https://developers.mailersend.com/api/v1/webhooks.html
 *
 * The tags of the message name the campaign. */

#ifndef ADAPTERS_MAILERSEND_H
#define ADAPTERS_MAILERSEND_H

#include "adapters/formats.h"

int mailersend_open(struct decoder **out, const struct format_options *o,
                    const struct format_sink *sink, char *why);

#endif
