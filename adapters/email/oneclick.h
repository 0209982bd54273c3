/* oneclick.h -- one-click unsubscribes (RFC 8058): a mailbox provider posts
 * `List-Unsubscribe=One-Click` to the address of a mailing's List-Unsubscribe.
 *
 * Fed requests (adapters/capture.h).  The last segment of the path is the mailing's
 * token (mailing.h), or an address; whose the token is the bus knows from the mailing. */

#ifndef ADAPTERS_ONECLICK_H
#define ADAPTERS_ONECLICK_H

#include "adapters/formats.h"

int oneclick_open(struct decoder **out, const struct format_options *o,
                  const struct format_sink *sink, char *why);

#endif
