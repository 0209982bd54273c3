/* word.h -- the words most events use, as one byte in a record; others are
 * written out. */

#ifndef STORE_WORD_H
#define STORE_WORD_H

#include "base/buf.h"
#include "store/record.h"

void word_put(struct buf *out, struct tl_str text);
struct tl_str word_read(struct record *r);      /* borrows what is written out */

#endif
