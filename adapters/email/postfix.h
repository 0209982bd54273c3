/* postfix.h -- Postfix's mail log: what became of each recipient of each message.
 *
 * Lines of one message share its queue id: cleanup tells the Message-ID, qmgr the
 * sender (whose VERP names the mailing, see mailing.h), a delivery agent what became
 * of a recipient, `removed` ends it, and the id is used again.  status=sent is a
 * delivery, bounced a bounce, deferred a deferral; when a message expires, those who
 * still wait for it are dropped.  Lines of other programs and about anything else are
 * counted by the name of the program.
 *
 * https://www.postfix.org/ postlogd(8), qmgr(8), smtp(8), bounce(8)
 *
 * Times are those of syslog, with the year (RFC 3339, RFC 5424) or without; then it is
 * the latest that is not after the log was received or written, and unknown when
 * neither is. */

#ifndef ADAPTERS_POSTFIX_H
#define ADAPTERS_POSTFIX_H

#include "adapters/formats.h"

#define POSTFIX_LINE_BYTES_MAX 65536
#define POSTFIX_QUEUE_MAX 100000        /* messages under way; beyond, the oldest is forgotten */
#define POSTFIX_WAITING_MAX 100         /* recipients of one whose delivery was deferred */

int postfix_open(struct decoder **out, const struct format_options *o,
                 const struct format_sink *sink, char *why);
void postfix_feed(struct decoder *d, const void *bytes, size_t len);
void postfix_end(struct decoder *d);
void postfix_close(struct decoder **d);

#endif
