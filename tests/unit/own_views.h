/* own_views.h -- views in a directory of the test's own. */

#ifndef OWN_VIEWS_H
#define OWN_VIEWS_H

#include "store/views.h"
#include "tests/unit/scratch.h"

static struct views *views;

static inline void
own_views_open(void)
{
    char why[VIEWS_WHY_BYTES];

    scratch_make();
    must(views_open(&views, scratch, 1 << 24, why) == 0);
}

static inline void
own_views_close(void)
{
    views_close(&views);
    scratch_end();
}

#endif
