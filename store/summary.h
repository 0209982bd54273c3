/* summary.h -- an event in a few words, for the list of recent ones. */

#ifndef STORE_SUMMARY_H
#define STORE_SUMMARY_H

#include "base/buf.h"
#include "proto/event.h"

/* Appends at most CARD_SUMMARY_BYTES_MAX bytes, whole characters. */
void summary_of(const struct tl_event *ev, struct buf *out);

#endif
