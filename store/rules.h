/* rules.h -- which contact policy was in force when: the settings' part in what was
 * answered once.
 *
 * Each policy is kept, as it was read, in a file named after the first event
 * number it held for.  One that is the same as the one before is not kept again.
 * Loop thread, except for what says otherwise. */

#ifndef STORE_RULES_H
#define STORE_RULES_H

#include "store/policy.h"
#include "store/store.h"

struct rules;

/* Opens, or makes, the directory.  0, TL_NO_SPACE, TL_EIO (errno says more). */
int rules_open(struct rules **out, const char *dir);
void rules_close(struct rules **r);

/* This one holds from event `from` on.  Durable on return.  The same errors; then it
 * was not kept. */
int rules_keep(struct rules *r, const struct policy *p, uint64_t from);

#define RULES_PATH_BYTES 4096

/* The file of the one in force when `number` was the head.  false: it is not known. */
bool rules_find(const struct rules *r, uint64_t number, char path[RULES_PATH_BYTES]);

#endif
