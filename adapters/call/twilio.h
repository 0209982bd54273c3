/* twilio.h -- Twilio's voice status callbacks, forms posted as a call goes on.
 * <https://www.twilio.com/docs/voice/api/call-resource#statuscallback>
 *
 * A body, or a whole request: then its query counts too, where sites put what
 * they know (`campaign=SPRING10` is the campaign).  CallSid is the subject, with
 * SequenceNumber + 1 as its revision; calls dialled for another one have that one
 * as conversation.  Who is a Client or SIP user of the house (`client:101`) is an
 * agent. */

#ifndef ADAPTERS_CALL_TWILIO_H
#define ADAPTERS_CALL_TWILIO_H

#include "adapters/formats.h"

int twilio_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);

#endif
