/* ami.h -- Asterisk's Manager Interface: the event stream of a switch, and in its
 * UserEvents what agents report.
 * <https://docs.asterisk.org/Asterisk_16_Documentation/API_Documentation/AMI_Events/>
 *
 * A call is its Linkedid (subject and conversation); call.id is the channel the
 * event is about, which queue_log calls a call's id.  Who is called or calling is
 * remembered by Linkedid, because most events do not say it again.  After a (re)connection the
 * answer to CoreShowChannels says it of the calls that go on.
 *
 * A number of seven digits or more is the customer's.  When the switch dials one,
 * and no customer is on the call yet, the call is outbound.  Where both sides have
 * such numbers, it is outbound when the dialplan context says so (outbound,
 * campaign, dialout, from-internal).
 *
 * UserEvents are what agent.h says; those of other names are ignored by name. */

#ifndef ADAPTERS_CALL_AMI_H
#define ADAPTERS_CALL_AMI_H

#include "adapters/formats.h"

int ami_open(struct decoder **out, const struct format_options *o, const struct format_sink *sink,
             char *why);

#endif
