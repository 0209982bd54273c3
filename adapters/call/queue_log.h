/* queue_log.h -- what happened in the queues of Asterisk, a line an event:
 * `epoch|callid|queue|agent|EVENT|data1|...`.
 * <https://docs.asterisk.org/Configuration/Applications/Queues/Queue-Logs/>
 *
 * The callid is the caller's channel (AMI: Uniqueid), which the other logs put in
 * call.id; it is the call's Linkedid as well where the caller's channel began the
 * call.  Only ENTERQUEUE names the caller: lines of a call whose ENTERQUEUE was
 * not read belong to `x-call:` and its id. */

#ifndef ADAPTERS_CALL_QUEUE_LOG_H
#define ADAPTERS_CALL_QUEUE_LOG_H

#include "adapters/formats.h"

int queue_log_open(struct decoder **out, const struct format_options *o,
                   const struct format_sink *sink, char *why);

#endif
