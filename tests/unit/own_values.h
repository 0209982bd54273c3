/* own_values.h -- the values of JSON that a test reads, gone after it. */

#ifndef OWN_VALUES_H
#define OWN_VALUES_H

#include "adapters/value.h"

static struct values values;

static inline int
values_set_up(void **state)
{
    (void)state;
    values_init(&values);
    return 0;
}

static inline int
values_tear_down(void **state)
{
    (void)state;
    values_fini(&values);
    return 0;
}

#endif
