/* cel.h -- Asterisk's channel event log, Master.csv of cel_custom as its sample
 * configuration maps it: 20 columns, from eventtype to eventextra.
 * <https://docs.asterisk.org/Configuration/Reporting/Channel-Event-Logging-CEL/>
 *
 * Of each call: offered (the first channel begins; told when the customer is
 * known), answered (an agent is bridged, or the one who is called answers), ended
 * or abandoned (the last channel is gone), transfers, and what the dialplan reports
 * by CELGenUserEvent: OFFER_RESPONSE with OFFER=response.  The other types are
 * ignored by name. */

#ifndef ADAPTERS_CALL_CEL_H
#define ADAPTERS_CALL_CEL_H

#include "adapters/formats.h"

int cel_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why);

#endif
