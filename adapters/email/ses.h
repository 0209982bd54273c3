/* ses.h -- Amazon SES: event publishing and notifications, as they are or wrapped
 * by SNS, SQS, Lambda or EventBridge.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 * https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
 *
 * Custom arguments (webhook.h) are the message's tags, and its headers when SES sends
 * them.  What concerns several recipients makes an event for each; who of several
 * opened or clicked SES does not say, and such a record is refused. */

#ifndef ADAPTERS_SES_H
#define ADAPTERS_SES_H

#include "adapters/formats.h"

int ses_open(struct decoder **out, const struct format_options *o,
             const struct format_sink *sink, char *why);

#endif
