/* cloudevents.h -- CloudEvents 1.0 in JSON and protobuf: structured, batch, and
 * binary mode.
 *
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 *
 * Data that is a Touchline event (PROTOCOL.md; it has `identifiers`, or a `type`
 * and nothing an event does not have) is that event; what it leaves out of id,
 * source, type and time is the envelope's.  Anything else is foreign: it is kept
 * whole in the attribute `data`, under the customer that `subject` names, as
 * `email:joe@example.com` or `user/17` (`customer/17` is a `crm`).  A foreign type
 * that is not lower-case words, or would need a facet, is `cloudevent.received`
 * and kept as `ce-type`.  Extensions are attributes, but for a `sequence` of digits, by
 * which a source numbers its events.  The source is the envelope's
 * unless the caller names one. */

#ifndef ADAPTERS_WEB_CLOUDEVENTS_H
#define ADAPTERS_WEB_CLOUDEVENTS_H

#include "adapters/formats.h"

int cloudevents_open(struct decoder **out, const struct format_options *o,
                     const struct format_sink *sink, char *why);

#endif
