/* arf.h -- abuse reports, as mailbox providers send them to a sender (RFC 5965).
 *
 * abuse, fraud, virus, miscategorized and other are complaints, and take back the
 * consent to mail; opt-out and opt-out-list are unsubscribes; auth-failure (RFC 6591)
 * and not-spam are what they say.  Who it was about is in Original-Rcpt-To or
 * Removal-Recipient, in the message returned, or, if all of it is hidden, in the
 * mailing's token or Message-ID (mailing.h).  Hotmail's reports, which have no
 * machine-readable part, are read as well. */

#ifndef ADAPTERS_ARF_H
#define ADAPTERS_ARF_H

#include "adapters/formats.h"

#define ARF_RECIPIENTS_MAX 100

int arf_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why);

#endif
