/* freeswitch.h -- FreeSWITCH's event socket: frames of headers and Content-Length
 * bytes, events plain (values percent-encoded) or as JSON.
 * <https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_event_socket_1048924/>
 *
 * A call is its first leg (Channel-Call-UUID), whose events are told: CHANNEL_CREATE,
 * CHANNEL_DATA (the channel an outbound socket is handed), CHANNEL_ANSWER, CHANNEL_BRIDGE,
 * hold and CHANNEL_HANGUP_COMPLETE; of further legs that they ring at somebody's desk.
 * mod_callcenter's queue and ringing agents come as callcenter::info.  Other CUSTOM
 * events whose subclass ends in a name of agent.h (`touchline::OfferResponse`) are what
 * agents report; the rest is ignored by name.  Whose number is the customer's is
 * decided as in facts.h. */

#ifndef ADAPTERS_CALL_FREESWITCH_H
#define ADAPTERS_CALL_FREESWITCH_H

#include "adapters/formats.h"

int freeswitch_open(struct decoder **out, const struct format_options *o,
                    const struct format_sink *sink, char *why);

#endif
