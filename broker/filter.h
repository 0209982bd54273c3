/* filter.h -- which events a stream wants. */

#ifndef FILTER_H
#define FILTER_H

#include "proto/wire.h"
#include "store/frame.h"

#define FILTER_TEXTS_MAX 64     /* of one kind */

struct texts {
    struct tl_str *list;        /* one block, with its text */
    size_t count;
};

struct filter {
    struct texts types;
    struct texts channels;
    struct texts campaigns;
    struct texts offers;
    uint32_t share;
    uint32_t shares;
};

/* Copies the filter; the customers are not its business.  Returns 0 or a refusal
 * code with a sentence. */
int filter_init(struct filter *f, const struct wire_filter *asked, const char **detail);
void filter_fini(struct filter *f);

/* Could it be passed by reading the header alone?  Cheap, so ask first. */
bool filter_reads_header(const struct filter *f);
bool filter_header(const struct filter *f, const struct frame *frame);

/* Is the event itself needed to know? */
bool filter_reads_event(const struct filter *f);
bool filter_event(const struct filter *f, const struct tl_event *ev);

#endif
