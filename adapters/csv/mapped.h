/* mapped.h -- the format `csv`: rows of a table, by a map, to events. */

#ifndef ADAPTERS_CSV_MAPPED_H
#define ADAPTERS_CSV_MAPPED_H

#include "adapters/formats.h"

#define MAPPED_GROUP_BYTES_MAX (1u << 20)   /* of the rows of one event */

int mapped_open(struct decoder **out, const struct format_options *o,
                const struct format_sink *sink, char *why);
void mapped_feed(struct decoder *d, const void *bytes, size_t len);
void mapped_end(struct decoder *d);
void mapped_close(struct decoder **d);

#endif
