/* mailtrap.h -- Mailtrap's webhooks: {"events": [...]}, or its JSON Lines.
 *
 * https://help.mailtrap.io/article/102-webhooks
 *
 * Custom arguments (webhook.h) are `custom_variables`; `category` names the campaign.
 * What the transactional stream sends is no offer. */

#ifndef ADAPTERS_MAILTRAP_H
#define ADAPTERS_MAILTRAP_H

#include "adapters/formats.h"

int mailtrap_open(struct decoder **out, const struct format_options *o,
                  const struct format_sink *sink, char *why);

#endif
