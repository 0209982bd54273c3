/* cdr.h -- Asterisk's call detail records, Master.csv of cdr_csv.
 * <https://docs.asterisk.org/Configuration/Reporting/Call-Detail-Records-CDR/CDR-Specification/>
 *
 * 16 columns, then uniqueid, userfield (loguniqueid, loguserfield), then peeraccount,
 * linkedid, sequence (newcdrcolumns): 16, 17, 18 or 21.  Times have no zone.
 *
 * A call of several legs has a row for each: that of the channel the call began
 * with is `call.ended`, the others `call.leg_ended`; all have the Linkedid as
 * subject and conversation.  Without linkedid each row is a call.  Whose number is
 * the customer's is decided as in facts.h.  `campaign=NAME` in the user field is
 * the campaign. */

#ifndef ADAPTERS_CALL_CDR_H
#define ADAPTERS_CALL_CDR_H

#include "adapters/formats.h"

int cdr_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why);

#endif
