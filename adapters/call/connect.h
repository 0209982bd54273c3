/* connect.h -- Amazon Connect: contact events as EventBridge delivers them, contact
 * records as Kinesis does, one after the other, and either inside of an SNS message.
 * <https://docs.aws.amazon.com/connect/latest/adminguide/contact-events.html>
 * <https://docs.aws.amazon.com/connect/latest/adminguide/ctr-data-model.html>
 *
 * The contact is the subject, the first one of a chain of transfers (InitialContactId)
 * the conversation.  A record is sent again when more is known: its revision is
 * LastUpdateTimestamp in ms, the highest counts.  Of its Attributes, customerId is
 * `crm:`, loyaltyId `loyalty:`, email and accountNumber what they say; offerCode with
 * offerResponse is what became of an offer, in the words of facts.h. */

#ifndef ADAPTERS_CALL_CONNECT_H
#define ADAPTERS_CALL_CONNECT_H

#include "adapters/formats.h"

int connect_open(struct decoder **out, const struct format_options *o,
                 const struct format_sink *sink, char *why);

#endif
