/* poslog.h -- ARTS / IXRetail POSLog: what a till did, as XML, with NCR's ACS
 * extensions where they carry the customer and his offers.
 *
 * A RetailTransaction is a sale, a return or a void; other transactions are
 * ignored by name.  A PromotionID is an offer's id. */

#ifndef ADAPTERS_POSLOG_H
#define ADAPTERS_POSLOG_H

#include "adapters/formats.h"

#define POSLOG_TRANSACTION_BYTES_MAX (16u << 20)     /* of XML */

int poslog_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);
void poslog_feed(struct decoder *d, const void *bytes, size_t len);
void poslog_end(struct decoder *d);
void poslog_close(struct decoder **d);

#endif
