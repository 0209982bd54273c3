/* guess.h -- bounces that follow no standard: an address, a code and a reason, out of
 * text that is meant for people. */

#ifndef ADAPTERS_GUESS_H
#define ADAPTERS_GUESS_H

#include "adapters/email/mailbox.h"
#include "adapters/email/mailing.h"

/* Makes the events of one message, or refuses it.  `mailing` is what is known of the
 * message returned; the text may return one, too. */
void guess_read(struct decoder *d, struct mime *m, const struct mailing *mailing);

#endif
