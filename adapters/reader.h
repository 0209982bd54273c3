/* reader.h -- the part that is the same in many decoders: bytes are held until
 * a record is whole, then one function reads it.
 *
 * These are feed, end and close of the formats that reading.h serves. */

#ifndef ADAPTERS_READER_H
#define ADAPTERS_READER_H

#include "adapters/formats.h"

void reader_feed(struct decoder *d, const void *bytes, size_t len);
void reader_end(struct decoder *d);
void reader_close(struct decoder **d);

#endif
