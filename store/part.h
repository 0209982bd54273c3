/* part.h -- something said of a thing at a time; of each part the latest counts. */

#ifndef STORE_PART_H
#define STORE_PART_H

#include <stdbool.h>

#include "base/buf.h"
#include "store/frame.h"
#include "store/record.h"

struct part {
    int64_t time;
    uint64_t number;        /* 0: never said */
    struct tl_str text;
};

/* What the event says; no text: nothing.  Borrows. */
struct part part_of(const struct frame *f, struct tl_str text);

/* The text's first `max` bytes, less what of a character would be cut. */
struct tl_str part_cut(struct tl_str text, size_t max);

bool part_supersedes(const struct part *a, const struct part *b);
void part_merge(struct part *p, const struct part *more);
void part_read(struct part *p, struct record *r);       /* borrows */
void part_write(const struct part *p, struct buf *out);

#endif
