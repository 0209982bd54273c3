/* ceproto.h -- CloudEvents in protobuf, to what they are in JSON.
 *
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/protobuf-format.md
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/cloudevents.proto */

#ifndef ADAPTERS_WEB_CEPROTO_H
#define ADAPTERS_WEB_CEPROTO_H

#include "adapters/value.h"
#include "client/touchline.h"

/* The array of a batch's events, or one event, as the JSON format writes them:
 * binary data is `data_base64`, and so is a message of any type but our own
 * (touchline.v1.Event), which is `data`.  NULL: no such message. */
struct value *ceproto_read(struct values *in, struct tl_str bytes);

#endif
