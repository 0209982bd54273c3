/* dsn.h -- mail that came back: delivery status notifications (RFC 3464), and bounces
 * that follow no standard.
 *
 * A report makes an event for each recipient it is about: failed is a bounce, delayed
 * a deferral, delivered, relayed and expanded a delivery.  Which mailing it was is
 * read from the message returned and from the VERP address the report came to
 * (mailing.h); a recipient that is hidden is found by their token or Message-ID.
 *
 * Without a delivery status the text is searched for an address and a code, if the
 * message looks like a bounce at all: from a mailer, or of such a subject.  What
 * answers by itself, without being one, is a reply (RFC 3834). */

#ifndef ADAPTERS_DSN_H
#define ADAPTERS_DSN_H

#include "adapters/formats.h"

int dsn_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why);

#endif
