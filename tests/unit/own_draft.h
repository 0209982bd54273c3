/* own_draft.h -- the event a test makes, begun before it and gone after it. */

#ifndef OWN_DRAFT_H
#define OWN_DRAFT_H

#include "adapters/draft.h"

static struct draft draft;

static inline int
draft_set_up(void **state)
{
    (void)state;
    draft_init(&draft);
    draft_begin(&draft);
    return 0;
}

static inline int
draft_tear_down(void **state)
{
    (void)state;
    draft_fini(&draft);
    return 0;
}

#endif
