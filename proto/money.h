/* money.h -- minor units for people. */

#ifndef MONEY_H
#define MONEY_H

#include "base/buf.h"
#include "proto/event.h"

/* Decimals of a currency's minor unit (ISO 4217): 2 unless listed. */
int money_decimals(struct tl_str currency);

/* Appends `-12.30 USD`. */
void money_format(struct buf *out, int64_t minor, struct tl_str currency);

#endif
