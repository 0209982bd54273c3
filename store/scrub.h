/* scrub.h -- a walk over the whole of the views' file, for what a look-up relies on.
 *
 * LMDB keeps no sums of its pages: a bit that flips in a key, a length or a pointer
 * hides a record, or finds another, or ends the program.  Looked at is each record
 * (its sum, which covers its key), the order of all keys, and that each page is
 * where the pages above it lead whoever looks for one of its keys; that no page in
 * use is said to be free, and that there are as many records as there should be.
 *
 * A walk goes in slices.  Each holds a reader of its own, for so long the file
 * stays as it was; what is looked at between two flushes is not looked at again. */

#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include "store/txn.h"

struct scrub;

/* One thread at a time. */
struct scrub *scrub_new(struct txn_env *env);
void scrub_free(struct scrub **s);      /* waits for its thread; takes NULL in *s */

/* Looks on for about `ns`, at one page at least.  `*whole`: that was the last; the
 * next begins again.  Returns 0, TL_EDAMAGED (`why` names the place and what to do),
 * TL_EIO. */
int scrub_look(struct scrub *s, int64_t ns, bool *whole, char why[TXN_WHY_BYTES]);

/* Looks on in a thread of its own, slowly, and again each day, until it is freed.
 * Damage ends the program, and the sentence is the last it says. */
void scrub_start(struct scrub *s);

#endif
