/* sparkpost.h -- SparkPost's event webhooks: an array of {"msys": {CLASS: {...}}}.
 *
 * https://developers.sparkpost.com/api/webhooks/
 *
 * Custom arguments (webhook.h) are `rcpt_meta`; `campaign_id` is the campaign, else
 * each of `rcpt_tags` is one.  An empty `msys` is SparkPost's test of the address. */

#ifndef ADAPTERS_SPARKPOST_H
#define ADAPTERS_SPARKPOST_H

#include "adapters/formats.h"

int sparkpost_open(struct decoder **out, const struct format_options *o,
                   const struct format_sink *sink, char *why);

#endif
