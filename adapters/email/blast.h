/* blast.h -- a mailing as it was sent: messages, one a file or many as mbox; each is
 * an offer made to whom it went.
 *
 * mailing.h says which headers name the campaign, the offer and its terms.  To whom:
 * X-Rcpt-Args or X-Envelope-To or Envelope-To, which note the SMTP envelope, else To,
 * Cc and Bcc.  What tells how it travelled and how it is encoded (Received, DKIM and
 * the like) is no part of an event; all other fields are attributes. */

#ifndef ADAPTERS_BLAST_H
#define ADAPTERS_BLAST_H

#include "adapters/formats.h"

#define BLAST_RECIPIENTS_MAX 100
#define BLAST_TEXT_BYTES_MAX 1000       /* of the words he read */

int blast_open(struct decoder **out, const struct format_options *o,
               const struct format_sink *sink, char *why);

#endif
